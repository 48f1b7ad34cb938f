"""Every backbone of configs/backbones becomes a whole graph and parts, with both differences."""

import sys
from pathlib import Path

import onnx
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmchangenet.deploy.onnx_export import export_onnx
from mmchangenet.deploy.split import split_network
from mmchangenet.models import SiameseClassifier

sys.path.insert(0, str(Path(__file__).parent))
from networks import NECKS, random_sides, whole_scores  # noqa: E402

CONFIGS = sorted((Path(__file__).parents[2] / 'configs/backbones').glob('*.py'))
SIZE = (64, 64)


@pytest.fixture(params=CONFIGS, ids=lambda file: file.stem)
def backbone(request):
    with DefaultScope.overwrite_default_scope('mmchangenet'):
        yield Config.fromfile(request.param).model.backbone


@pytest.mark.slow
@pytest.mark.parametrize('difference', list(NECKS))
def test_a_backbone_becomes_a_graph_of_standard_operators_and_parts(backbone, difference, tmp_path):
    neck, head = NECKS[difference]
    if difference == 'learnable':
        neck = dict(neck, embed_dim=16)
    torch.manual_seed(0)
    model = SiameseClassifier(backbone, neck, head, input_size=SIZE).eval()
    file = tmp_path / 'network.onnx'
    assert export_onnx(model, file, SIZE) < 1e-4  # checks operators, inputs and free dimensions too
    operators = {node.op_type for node in onnx.load(file).graph.node}
    normalises = any(isinstance(module, torch.nn.LayerNorm) for module in model.backbone.modules())
    assert ('LayerNormalization' in operators) == normalises
    parts, sides = split_network(model), random_sides(model)
    with torch.no_grad():
        code = parts.encoder(sides[1])
        scores = parts.comparator(*parts.encoder(sides[0]), *(parts.golden_half(*code) if parts.golden_half else code))
    torch.testing.assert_close(scores, whole_scores(model, *sides), atol=1e-4, rtol=0)
