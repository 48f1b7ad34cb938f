"""Every backbone of configs/backbones becomes a whole graph (its parts: test_every_network.py)."""

from pathlib import Path

import onnx
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from networks import NECKS

from mmchangenet.export.onnx_export import export_onnx
from mmchangenet.models import SiameseClassifier

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
