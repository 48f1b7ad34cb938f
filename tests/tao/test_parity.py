"""The networks give the reference's numbers for the reference's weights."""

import json
import sys
from pathlib import Path

import pytest
import torch

from mmchangenet.models import SiameseClassifier
from mmchangenet.structures import ChangeDataSample
from mmchangenet.tao.checkpoint import convert_state_dict, revert_state_dict

PARITY = Path(__file__).parents[3] / 'shared/parity'
CASES = ('fan_tiny_euclidean', 'fan_tiny_learnable', 'fan_small_learnable2', 'fan_large_euclidean')
pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason=f'needs the numbers measured on the reference in {PARITY}')


@pytest.fixture(scope='module')
def fill():
    sys.path.insert(0, str(PARITY))
    try:
        import fill
        return fill
    finally:
        sys.path.remove(str(PARITY))


def build(case):
    """The network of a parity case."""
    loss = case['loss']
    if case['difference'] == 'euclidean':
        neck = dict(type='EuclideanDifference', embedding_vectors=case['embedding_vectors'])
        head = dict(type='ContrastiveHead', loss=dict(type='ContrastiveLoss', margin=loss['margin']))
    else:
        neck = dict(type='LearnableDifference', num_modules=case['learnable_difference_modules'])
        head = dict(type='ChangeClsHead', embed_dec=case['embed_dec'],
                    loss=dict(type='WeightedCrossEntropy', class_weight=loss['weight']))
    backbone = dict(type='FAN', arch=case['backbone'].split('_')[1])
    return SiameseClassifier(backbone, neck, head, input_size=case['tensor_hw']).eval()


@pytest.mark.parametrize('name', CASES)
@torch.no_grad()
def test_outputs_features_and_loss_agree(name, fill):
    case = json.loads((PARITY / 'cases' / f'{name}.json').read_text())
    reference = fill.fill(case['layout'])
    model = build(case)
    model.load_state_dict(convert_state_dict(reference), strict=True)

    assert sum(p.numel() for p in model.parameters()) == case['params']
    assert sum(p.numel() for p in model.backbone.parameters()) == case['backbone_params']

    shape = (case['batch'], 3, *case['tensor_hw'])
    inputs = dict(compare=fill.images(case['seed_compare'], shape), golden=fill.images(case['seed_golden'], shape))
    for level, expected in zip(model.backbone(inputs['compare']), case['features'], strict=True):
        assert list(level.shape) == expected['shape']
        figures = torch.stack([level.mean(), level.std()])
        torch.testing.assert_close(figures, torch.tensor([expected['mean'], expected['std']]), atol=1e-4, rtol=0)
        torch.testing.assert_close(level[0].flatten()[:8], torch.tensor(expected['first']), atol=1e-4, rtol=0)
        torch.testing.assert_close(level[-1].flatten()[-8:], torch.tensor(expected['last']), atol=1e-4, rtol=0)

    torch.testing.assert_close(model(inputs), torch.tensor(case['output']), atol=1e-4, rtol=0)
    samples = [ChangeDataSample(gt_fail=int(label)) for label in case['labels']]
    assert model(inputs, samples, mode='loss')['loss'].item() == pytest.approx(case['loss']['value'], abs=1e-4)


@pytest.mark.parametrize('name', CASES)
def test_a_conversion_there_and_back_gives_the_same_bytes(name, fill):
    reference = fill.fill(json.loads((PARITY / 'cases' / f'{name}.json').read_text())['layout'])
    back = revert_state_dict(convert_state_dict(reference))
    assert back.keys() == reference.keys()
    assert all(torch.equal(back[key], reference[key]) for key in reference)
