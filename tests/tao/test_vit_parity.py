"""The networks on DINOv2 give the reference's numbers for the reference's weights; full depth, one run each."""

import pytest
import torch

from mmchangenet.tao.checkpoint import convert_state_dict, infer_structure, revert_state_dict

pytestmark = pytest.mark.slow


@pytest.mark.parametrize('case', ['vit_euclidean', 'vit_learnable'], indirect=True)
@torch.inference_mode()
def test_outputs_features_loss_and_the_way_back_agree(case, fill, build_network, check_agreement):
    reference = fill.fill(case['layout'])
    kind = 'DINOv2' if case['difference'] == 'euclidean' else 'ViTAdapter'
    size = dict(img_size=case['tensor_hw']) if kind == 'ViTAdapter' else {}
    with torch.device('meta'):  # no memory for weights that are replaced
        model = build_network(case, dict(type=kind, arch='nv_large', **size))
    weights = convert_state_dict(reference)
    model.load_state_dict(weights, strict=True, assign=True)

    back = revert_state_dict(weights)
    assert back.keys() == reference.keys()
    assert all(torch.equal(back[key], reference[key]) for key in reference)
    structure = infer_structure(weights)
    assert (structure['backbone'], structure['arch']) == (kind, 'nv_large')

    check_agreement(model, case)
