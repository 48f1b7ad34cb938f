"""Deformable attention computes what its paper says, and exports to standard ONNX operators."""

import io

import numpy as np
import pytest
import torch

from mmchangenet.models.backbones.deformable_attention import (
    DeformableAttention,
    pixel_centres,
    sample_and_weigh,
)

SIZES = [(6, 4), (3, 2)]


def slowly(value, sizes, locations, weights):
    """One sample after the other, in numpy."""
    value, locations, weights = (tensor.numpy().astype(np.float64) for tensor in (value, locations, weights))
    count, queries, heads, levels, points, _ = locations.shape
    out = np.zeros((count, queries, heads, value.shape[-1]))
    for n, q, head, level, point in np.ndindex(count, queries, heads, levels, points):
        height, width = sizes[level]
        start = sum(h * w for h, w in sizes[:level])
        grid = value[n, start:start + height * width, head].reshape(height, width, -1)
        x, y = locations[n, q, head, level, point] * (width, height) - 0.5
        for row in (int(np.floor(y)), int(np.floor(y)) + 1):
            for column in (int(np.floor(x)), int(np.floor(x)) + 1):
                if 0 <= row < height and 0 <= column < width:
                    share = (1 - abs(y - row)) * (1 - abs(x - column))
                    out[n, q, head] += weights[n, q, head, level, point] * share * grid[row, column]
    return torch.from_numpy(out.reshape(count, queries, -1)).float()


def test_samples_are_bilinear_with_zeros_outside():
    torch.manual_seed(0)
    value = torch.randn(2, 30, 3, 5)
    locations, weights = torch.rand(2, 7, 3, 2, 4, 2) * 1.4 - 0.2, torch.rand(2, 7, 3, 2, 4)
    torch.testing.assert_close(sample_and_weigh(value, SIZES, locations, weights),
                               slowly(value, SIZES, locations, weights), atol=1e-5, rtol=1e-5)


def test_centres_are_x_before_y_row_by_row():
    centres = pixel_centres([(2, 3), (1, 1)])
    expected = [(1 / 6, .25), (.5, .25), (5 / 6, .25), (1 / 6, .75), (.5, .75), (5 / 6, .75), (.5, .5)]
    torch.testing.assert_close(centres, torch.tensor(expected))


def test_fresh_heads_look_all_round():
    attention = DeformableAttention(32, num_heads=4, num_levels=2)
    attention.init_weights()
    offsets = attention.sampling_offsets.bias.detach().reshape(4, 2, 4, 2)
    torch.testing.assert_close(offsets[1, 0], torch.tensor([[0., 1.], [0., 2.], [0., 3.], [0., 4.]]),
                               atol=1e-6, rtol=0)
    assert torch.equal(offsets[:, 0], offsets[:, 1])


class Whole(torch.nn.Module):

    def __init__(self):
        super().__init__()
        self.attention = DeformableAttention(32, num_heads=4, num_levels=2)

    def forward(self, query, features):
        return self.attention(query, pixel_centres([SIZES[0]]), features, SIZES)


@pytest.mark.filterwarnings('ignore')
def test_exports_to_standard_operators():
    onnx, runtime = pytest.importorskip('onnx'), pytest.importorskip('onnxruntime')
    torch.manual_seed(0)
    module, inputs, file = Whole().eval(), (torch.randn(2, 24, 32), torch.randn(2, 30, 32)), io.BytesIO()
    axes = {name: {0: 'batch'} for name in ('query', 'features')}
    torch.onnx.export(module, inputs, file, opset_version=16, dynamo=False, input_names=['query', 'features'],
                      dynamic_axes=axes)
    graph = onnx.load_from_string(file.getvalue())
    onnx.checker.check_model(graph)
    assert {node.domain for node in graph.graph.node
            } <= {'', 'ai.onnx'} and 'GridSample' in {n.op_type for n in graph.graph.node}
    session = runtime.InferenceSession(file.getvalue(), providers=['CPUExecutionProvider'])
    for query, features in (inputs, (torch.randn(3, 24, 32), torch.randn(3, 30, 32))):
        result, = session.run(None, dict(query=query.numpy(), features=features.numpy()))
        np.testing.assert_allclose(result, module(query, features).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@torch.no_grad()
def test_half_precision_keeps_its_places(dtype):
    torch.manual_seed(0)
    module, query, features = Whole().eval(), torch.randn(2, 24, 32), torch.randn(2, 30, 32)
    expected = module(query, features)
    result = module.to(dtype)(query.to(dtype), features.to(dtype))
    assert result.dtype == dtype
    torch.testing.assert_close(result.float(), expected, atol=0.05, rtol=0.05)
