"""Every backbone of configs/backbones becomes a whole graph and parts."""

import sys
from pathlib import Path

import onnx
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmchangenet.export.onnx_export import export_onnx
from mmchangenet.export.split import split_network
from mmchangenet.models import SiameseClassifier

sys.path.insert(0, str(Path(__file__).parent))
from networks import NECKS, random_sides, whole_scores  # noqa: E402

CONFIGS = sorted((Path(__file__).parents[2] / 'configs/backbones').glob('*.py'))
SIZE = (64, 64)


@pytest.fixture(params=CONFIGS, ids=lambda file: file.stem)
def build(request):
    """A function: difference → network with that backbone."""
    backbone = Config.fromfile(request.param).model.backbone

    def build(difference, **neck):
        torch.manual_seed(0)
        neck_config, head = NECKS[difference]
        return SiameseClassifier(backbone, dict(neck_config, **neck), head, input_size=SIZE).eval()

    with DefaultScope.overwrite_default_scope('mmchangenet'):
        yield build


@pytest.mark.slow
def test_a_backbone_becomes_a_graph_of_standard_operators(build, tmp_path):
    model, file = build('learnable', embed_dim=16), tmp_path / 'network.onnx'
    assert export_onnx(model, file, SIZE) < 1e-4  # checks operators, inputs and free dimensions too
    operators = {node.op_type for node in onnx.load(file).graph.node}
    normalises = any(isinstance(module, torch.nn.LayerNorm) for module in model.backbone.modules())
    assert ('LayerNormalization' in operators) == normalises


@torch.no_grad()
def test_a_backbone_is_parted(build):
    model = build('euclidean')
    sides = random_sides(model)
    encoder, golden_half, comparator = split_network(model)
    assert golden_half is None
    scores = comparator(*encoder(sides[0]), *encoder(sides[1]))
    torch.testing.assert_close(scores, whole_scores(model, *sides), atol=1e-4, rtol=0)
