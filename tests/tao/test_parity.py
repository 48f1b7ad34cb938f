"""The networks give the reference's numbers for the reference's weights."""

import pytest
import torch

from mmchangenet.tao.checkpoint import convert_state_dict, revert_state_dict

CASES = ('fan_tiny_euclidean', 'fan_tiny_learnable', 'fan_small_learnable2', 'fan_large_euclidean')
each_case = pytest.mark.parametrize('case', CASES, indirect=True)


@each_case
@torch.no_grad()
def test_outputs_features_and_loss_agree(case, fill, build_network, check_agreement):
    model = build_network(case, dict(type='FAN', arch=case['backbone'].split('_')[1]))
    model.load_state_dict(convert_state_dict(fill.fill(case['layout'])), strict=True)
    check_agreement(model, case)
    shape = (case['batch'], 3, *case['tensor_hw'])
    output = model({side: fill.images(case[f'seed_{side}'], shape) for side in ('compare', 'golden')})
    torch.testing.assert_close(output, torch.tensor(case['output']), atol=1e-4, rtol=0)


@each_case
def test_a_conversion_there_and_back_gives_the_same_bytes(case, fill):
    reference = fill.fill(case['layout'])
    back = revert_state_dict(convert_state_dict(reference))
    assert back.keys() == reference.keys()
    assert all(torch.equal(back[key], reference[key]) for key in reference)
