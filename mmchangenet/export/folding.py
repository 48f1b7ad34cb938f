"""Exact folds: layers that are affine maps of each channel disappear into the weights beside them.

Everything is computed in double precision from a network in evaluation mode, which stays as it is, and
rounded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


def linear_of(layer: Any) -> Any:
    """A copy of a linear layer."""
    return _linear(layer.weight.double(), layer.bias.double())


def scaled_output(layer: Any, scale: Any) -> Any:
    """A linear layer whose outputs are multiplied by ``scale`` (out_features, )."""
    scale = scale.detach().double()
    return _linear(layer.weight.double() * scale[:, None], layer.bias.double() * scale)


def conv_1x1(layer: Any, bias: bool = True) -> Any:
    """A linear layer over the channels as a convolution of maps."""
    conv = nn.Conv2d(layer.in_features, layer.out_features, 1, bias=bias)
    conv.weight.data = layer.weight.detach().clone()[:, :, None, None]
    if bias:
        conv.bias.data = layer.bias.detach().clone()
    return conv


def frozen_layer_norm(norm: Any, scale: Any = None) -> Any:
    """A stock layer norm with the same outputs, times ``scale`` (C, ) where given.

    ``UnbiasedLayerNorm`` differs from a stock one by a factor on its weight.
    """
    weight = norm.weight.double() * getattr(norm, 'scale', 1)
    bias = norm.bias.double()
    if scale is not None:
        weight, bias = weight * scale.detach().double(), bias * scale.detach().double()
    frozen = nn.LayerNorm(norm.normalized_shape, eps=norm.eps)
    frozen.weight.data, frozen.bias.data = weight.detach().float(), bias.detach().float()
    return frozen


def affine_of_batch_norm(norm: Any) -> Any:
    """(scale, shift), each (C, ) in double precision, of a BatchNorm in evaluation mode."""
    scale = (norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()).detach()
    return scale, (norm.bias.double() - norm.running_mean.double() * scale).detach()


def border_bias(weight: Any, shift: Any, size: Any, padding: Any, groups: int = 1) -> Any:
    """What a zero-padded convolution makes of a constant ``shift`` (C, ) a channel: a map (1, C_out,
    *size).
    """
    constant = shift.detach().double().view(1, -1, 1, 1).expand(1, -1, *size)
    return F.conv2d(constant, weight.detach().double(), padding=padding, groups=groups)


def fold_batch_norms(layers: Iterable[nn.Module]) -> nn.Sequential:
    """Linear layers with ReLU and BatchNorm1d in between → the same function without BatchNorm.

    A BatchNorm goes into the linear layer after it, or before it where only that one is linked to it.

    Args:
        layers: ``Linear``, ``ReLU`` and ``BatchNorm1d``, as heads and embeddings have them.

    Returns:
        of ``Linear`` and ``ReLU``.

    Raises:
        TypeError: for a layer of another kind.
    """
    folded, scale, shift = [], None, None
    for layer in layers:
        if isinstance(layer, nn.BatchNorm1d):
            scale, shift = affine_of_batch_norm(layer)
        elif isinstance(layer, nn.Linear):
            weight, bias = layer.weight.double(), layer.bias.double()
            if scale is not None:
                weight, bias = weight * scale, bias + weight @ shift
                scale = shift = None
            folded.append(_linear(weight, bias))
        elif isinstance(layer, nn.ReLU) and scale is None:
            folded.append(nn.ReLU())
        else:
            raise TypeError(f'BatchNorm folds into linear layers, but here is a {type(layer).__name__}')
    if scale is not None:
        raise TypeError('a BatchNorm at the end has no linear layer after it to fold into')
    return nn.Sequential(*folded)


@torch.enable_grad()
def matrices_of(function: Callable[..., Any], shapes: Sequence[Sequence[int]],
                count: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """An affine function of several maps as one matrix a map and a bias.

    Row i of a matrix is the gradient of output i, the same everywhere.

    Args:
        function: list of maps, each (N, *shape), double → (N, count), affine and row by row.
        shapes: of the maps, without the batch.
        count: outputs.

    Returns:
        matrices (count, prod(shape)) and the bias (count, ), float32.
    """
    rows: list[list[torch.Tensor]] = [[] for _ in shapes]
    for output in range(count):
        inputs = [torch.zeros(1, *shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
        result = function(inputs)
        for row, gradient in zip(rows, torch.autograd.grad(result[0, output], inputs), strict=True):
            row.append(gradient.flatten().float())
    return [torch.stack(row) for row in rows], result[0].detach().float()


def _linear(weight: Any, bias: Any) -> Any:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight.detach().float(), bias.detach().float()
    return layer
