"""Every parity case is reproduced from a spec and a checkpoint file in the reference's layout."""

import pytest
import torch

from mmchangenet.checkpoint import load_for_scoring
from mmchangenet.registry import MODELS
from mmchangenet.structures import ChangeDataSample
from mmchangenet.tao import spec_to_config

CASES = ('fan_tiny_euclidean', 'fan_tiny_learnable', 'fan_small_learnable2', 'fan_large_euclidean')


def spec_of(case, file, whole):
    """What a user of the toolkit has for such a network; without ``whole`` only its data and backbone."""
    height, width = case['tensor_hw']
    learnable = case['difference'] == 'learnable'
    classify = dict(eval_margin=0.5)
    if whole:
        classify.update(difference_module=case['difference'],
                        learnable_difference_modules=case['learnable_difference_modules'],
                        embed_dec=case['embed_dec'],
                        embedding_vectors=case['embedding_vectors'])
    loss = (dict(loss='ce', cls_weight=case['loss']['weight']) if learnable else dict(loss='contrastive'))
    data = dict(csv_path='/absent/labels.csv', images_dir='/absent/images')
    return dict(
        task='classify',
        train=dict(classify=loss),
        model=dict(backbone=dict(type=case['backbone']),
                   decode_head=dict(feature_strides=case['feature_strides']),
                   classify=classify),
        dataset=dict(classify=dict(image_height=height, image_width=width, test_dataset=data, num_input=1)),
        evaluate=dict(checkpoint=str(file)))


@torch.no_grad()
def check(case, file, fill, whole):
    config = spec_to_config(spec_of(case, file, whole), action='evaluate')
    model = MODELS.build(config.model).eval()
    load_for_scoring(model, file, config)
    shape = (case['batch'], 3, *case['tensor_hw'])
    inputs = dict(compare=fill.images(case['seed_compare'], shape),
                  golden=fill.images(case['seed_golden'], shape))
    torch.testing.assert_close(model(inputs), torch.tensor(case['output']), atol=1e-4, rtol=0)
    samples = [ChangeDataSample(gt_fail=int(label)) for label in case['labels']]
    assert model(inputs, samples, mode='loss')['loss'].item() == pytest.approx(case['loss']['value'],
                                                                               abs=1e-4)


@pytest.mark.parametrize(
    'name, whole', [*((name, True) for name in CASES), *((name, False) for name in CASES if 'tiny' in name)])
def test_a_spec_and_a_lightning_file_give_the_references_numbers(name, whole, reference_file, fill):
    """With the structure in the spec, and with it taken from the checkpoint."""
    check(*reference_file(name), fill, whole)


@pytest.mark.slow
@pytest.mark.parametrize('name', ('vit_euclidean', 'vit_learnable', 'radio_base_euclidean_224',
                                  'radio_base_learnable_224', 'dinov3_small_learnable_224'))
def test_vision_transformers_too(name, reference_file, fill):
    case, file = reference_file(name)
    check(case, file, fill, whole=False)
    file.unlink()
