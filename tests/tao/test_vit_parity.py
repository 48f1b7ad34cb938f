"""The networks on DINOv2 give the reference's numbers for the reference's weights; full depth, one run each."""

import json
import sys
from pathlib import Path

import pytest
import torch

from mmchangenet.models import SiameseClassifier
from mmchangenet.structures import ChangeDataSample
from mmchangenet.tao.checkpoint import convert_state_dict, infer_structure, revert_state_dict

PARITY = Path(__file__).parents[3] / 'shared/parity'
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PARITY.is_dir(), reason=f'needs the numbers measured on the reference in {PARITY}')
]


@pytest.fixture(scope='module')
def fill():
    sys.path.insert(0, str(PARITY))
    try:
        import fill
        return fill
    finally:
        sys.path.remove(str(PARITY))


def build(case):
    """The network of a parity case, without memory for its weights."""
    loss, size = case['loss'], case['tensor_hw']
    if case['difference'] == 'euclidean':
        backbone = dict(type='DINOv2', arch='nv_large')
        neck = dict(type='EuclideanDifference', embedding_vectors=case['embedding_vectors'])
        head = dict(type='ContrastiveHead', loss=dict(type='ContrastiveLoss', margin=loss['margin']))
    else:
        backbone = dict(type='ViTAdapter', arch='nv_large', img_size=size)
        neck = dict(type='LearnableDifference', num_modules=case['learnable_difference_modules'])
        head = dict(type='ChangeClsHead', embed_dec=case['embed_dec'],
                    loss=dict(type='WeightedCrossEntropy', class_weight=loss['weight']))
    with torch.device('meta'):
        return SiameseClassifier(backbone, neck, head, input_size=size).eval()


@pytest.mark.parametrize('name', ['vit_euclidean', 'vit_learnable'])
@torch.inference_mode()
def test_outputs_features_loss_and_the_way_back_agree(name, fill):
    case = json.loads((PARITY / 'cases' / f'{name}.json').read_text())
    reference = fill.fill(case['layout'])
    model, weights = build(case), convert_state_dict(reference)
    model.load_state_dict(weights, strict=True, assign=True)

    back = revert_state_dict(weights)
    assert back.keys() == reference.keys()
    assert all(torch.equal(back[key], reference[key]) for key in reference)
    structure = infer_structure(weights)
    assert (structure['backbone'], structure['arch']) == (type(model.backbone).__name__, 'nv_large')

    assert sum(p.numel() for p in model.parameters()) == case['params']
    assert sum(p.numel() for p in model.backbone.parameters()) == case['backbone_params']

    shape = (case['batch'], 3, *case['tensor_hw'])
    images = {side: fill.images(case[f'seed_{side}'], shape) for side in ('compare', 'golden')}
    features = {side: model.backbone(batch) for side, batch in images.items()}  # the only passes of the transformer
    for level, expected in zip(features['compare'], case['features'], strict=True):
        assert list(level.shape) == expected['shape']
        figures = torch.stack([level.mean(), level.std()])
        torch.testing.assert_close(figures, torch.tensor([expected['mean'], expected['std']]), atol=1e-4, rtol=0)
        torch.testing.assert_close(level[0].flatten()[:8], torch.tensor(expected['first']), atol=1e-4, rtol=0)
        torch.testing.assert_close(level[-1].flatten()[-8:], torch.tensor(expected['last']), atol=1e-4, rtol=0)

    comparison = model.neck.compare(*(model.neck.encode(features[side]) for side in ('compare', 'golden')))
    torch.testing.assert_close(model.head(comparison), torch.tensor(case['output']), atol=1e-4, rtol=0)
    samples = [ChangeDataSample(gt_fail=int(label)) for label in case['labels']]
    assert model.head.loss(comparison, samples)['loss'].item() == pytest.approx(case['loss']['value'], abs=1e-4)
