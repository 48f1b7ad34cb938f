"""The networks give the reference's numbers for the reference's weights."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from mmchangenet.models import SiameseClassifier
from mmchangenet.structures import ChangeDataSample
from mmchangenet.tao.checkpoint import convert_state_dict, infer_structure, revert_state_dict

PARITY = Path(__file__).parents[3] / 'shared/parity'
CASES = ('fan_tiny_euclidean', 'fan_tiny_learnable', 'fan_small_learnable2', 'fan_large_euclidean',
         *(pytest.param(name, marks=pytest.mark.slow)
           for name in ('vit_euclidean', 'vit_learnable', 'radio_base_learnable_224',
                        'radio_base_learnable_two_lights', 'radio_base_euclidean_224',
                        'dinov3_small_learnable_224')))  # of full depth
pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason='needs the numbers measured on the reference '
                                                            f'in {PARITY}')


def build(case):
    """The network of a parity case; a transformer's without memory for its weights."""
    loss, size = case['loss'], case['tensor_hw']
    is_fan, is_euclidean = case['backbone'].startswith('fan'), case['difference'] == 'euclidean'
    if is_fan:
        backbone = dict(type='FAN', arch=case['backbone'].split('_')[1])
    elif 'radio' in case['backbone']:
        backbone = dict(type='CRADIO' if is_euclidean else 'CRADIOAdapter', arch='base')
    elif 'dinov3' in case['backbone']:
        backbone = dict(type='DINOv3' if is_euclidean else 'DINOv3Adapter', arch='small')
    else:
        backbone = dict(type='DINOv2') if is_euclidean else dict(type='ViTAdapter', img_size=size)
    if is_euclidean:
        neck = dict(type='EuclideanDifference', embedding_vectors=case['embedding_vectors'])
        head = dict(type='ContrastiveHead', loss=dict(type='ContrastiveLoss', margin=loss['margin']))
    else:
        neck = dict(type='LearnableDifference', num_modules=case['learnable_difference_modules'])
        head = dict(type='ChangeClsHead', embed_dec=case['embed_dec'],
                    loss=dict(type='WeightedCrossEntropy', class_weight=loss['weight']))
    with nullcontext() if is_fan or 'dinov3' in case['backbone'] else torch.device(
            'meta'):  # DINOv3's rotations are no weights
        return SiameseClassifier(backbone, neck, head, input_size=size).eval()


def assert_close(actual, expected):
    torch.testing.assert_close(actual, torch.tensor(expected), atol=1e-4, rtol=0)


@pytest.mark.parametrize('name', CASES)
@torch.inference_mode()
def test_outputs_features_loss_and_the_way_back_agree(name, fill):
    case = json.loads((PARITY / 'cases' / f'{name}.json').read_text())
    reference = fill.fill(case['layout'])
    model, weights = build(case), convert_state_dict(reference)
    model.load_state_dict(weights, strict=True, assign=True)

    back = revert_state_dict(weights)
    assert back.keys() == reference.keys()
    assert all(torch.equal(back[key], reference[key]) for key in reference)
    assert infer_structure(weights)['backbone'] == type(model.backbone).__name__
    assert sum(p.numel() for p in model.parameters()) == case['params']
    assert sum(p.numel() for p in model.backbone.parameters()) == case['backbone_params']

    shape = (case['batch'], 3, *case['tensor_hw'])
    images = {side: fill.images(case[f'seed_{side}'], shape) for side in ('compare', 'golden')}
    features = {side: model.backbone(batch) for side, batch in images.items()}
    for level, expected in zip(features['compare'], case['features'], strict=True):
        assert list(level.shape) == expected['shape']
        assert_close(torch.stack([level.mean(), level.std()]), [expected['mean'], expected['std']])
        assert_close(level[0].flatten()[:8], expected['first'])
        assert_close(level[-1].flatten()[-8:], expected['last'])

    comparison = model.neck.compare(*(model.neck.encode(features[side]) for side in ('compare', 'golden')))
    assert_close(model.head(comparison), case['output'])
    samples = [ChangeDataSample(gt_fail=int(label)) for label in case['labels']]
    assert model.head.loss(comparison, samples)['loss'].item() == pytest.approx(case['loss']['value'],
                                                                                abs=1e-4)
