"""A network as a flat list of ATen calls on fixed sizes, from which an exporter makes a lean graph."""

from __future__ import annotations

import math
import operator
from inspect import signature
from typing import Any

import torch
from torch import fx

from .free_batch import windows_of_any_batch

aten = torch.ops.aten
FACTORIES = (aten.zeros, aten.ones, aten.full, aten.arange, aten.linspace, aten.eye)
RESHAPES = (aten.unflatten.int, aten.flatten.using_ints, aten.view.default, aten.reshape.default,
            aten.squeeze.dim, aten.unsqueeze.default)
NOTHING_IN_INFERENCE = (aten.dropout.default, aten.contiguous.default, aten.alias.default,
                        aten.detach.default)


def trace(module: Any, inputs: tuple[torch.Tensor], dynamic_batch: bool) -> fx.GraphModule:
    """Record what a network does with inputs of these sizes.

    Sizes become plain numbers, so that no arithmetic on shapes is left; what depends on weights alone is
    computed now.

    Args:
        module: in evaluation mode, called with positional tensors.
        inputs: the first dimension is the batch, at least 2 when it is to stay free.
        dynamic_batch: leave the batch free.

    Returns:
        computes the same.
    """
    batch = torch.export.Dim('batch')
    shapes: Any = tuple({0: batch} for _ in inputs) if dynamic_batch else None
    if shapes and any(each.kind is each.VAR_POSITIONAL
                      for each in signature(module.forward).parameters.values()):
        shapes = (shapes, )
    with torch.no_grad(), windows_of_any_batch():
        program = torch.export.export(module, inputs, dynamic_shapes=shapes, strict=False)
        recorded = program.module()
    for node in list(recorded.graph.nodes):
        _simplify(recorded.graph, node)
    recorded.graph.eliminate_dead_code()
    recorded = fx.GraphModule(recorded, recorded.graph)
    _fold_constants(recorded)
    return recorded.eval()


def plain_attention(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
                    is_causal: bool = False, scale: Any = None, enable_gqa: bool = False) -> Any:
    """``scaled_dot_product_attention`` in inference, as two products and a softmax: every exporter takes
    these.
    """
    if is_causal or enable_gqa:
        raise NotImplementedError('causal and grouped-query attention')
    scale = 1 / math.sqrt(int(query.shape[-1])) if scale is None else scale
    weights = (query * scale) @ key.transpose(-2, -1)
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill(~attn_mask, -math.inf)
        weights = weights + attn_mask
    return weights.softmax(dim=-1) @ value


def _traced_size(tensor: Any, dimension: Any) -> Any:
    """A size that stays free: a tracer notes ``shape``, while the operator that stands in the recording gives
    a number.
    """
    return tensor.shape[dimension]


# operators whose sizes a tracer follows only when they are called as methods
BY_METHOD = {
    aten.sym_size.int: _traced_size, aten.expand.default: torch.Tensor.expand,
    aten.repeat.default: torch.Tensor.repeat
}


def _simplify(graph: Any, node: Any) -> None:
    """Replace a call by one whose sizes are numbers, or drop it."""
    if node.op == 'call_module' and node.target == '_guards_fn':
        graph.erase_node(node)
    elif node.op != 'call_function':
        return
    elif node.target in NOTHING_IN_INFERENCE:
        node.replace_all_uses_with(node.args[0])
    elif node.target in BY_METHOD:
        node.target = BY_METHOD[node.target]
    elif node.target is aten.scaled_dot_product_attention.default:
        node.target = plain_attention
    elif node.target in RESHAPES:
        shape = _sizes(node)
        if shape.count(-1) <= 1:
            node.target, node.args, node.kwargs = torch.reshape, (node.args[0], shape), {}
    elif node.target is aten.chunk.default:
        dim = node.args[2] if len(node.args) > 2 else node.kwargs.get('dim', 0)
        sizes = [_size(part.shape[dim]) for part in node.meta['val']]
        if -1 not in sizes:
            node.target, node.args, node.kwargs = torch.split, (node.args[0], sizes, dim), {}


def _sizes(node: Any) -> Any:
    return [_size(size) for size in node.meta['val'].shape]


def _size(size: Any) -> Any:
    return size if isinstance(size, int) else -1


def _fold_constants(recorded: Any) -> None:
    """Compute what depends on weights and numbers alone, and keep the results as weights."""
    values = {}
    for node in recorded.graph.nodes:
        if node.op == 'get_attr':
            values[node] = operator.attrgetter(node.target)(recorded)
        elif node.op == 'call_function' and _is_constant(node, values):
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
            with torch.no_grad():
                values[node] = node.target(*args, **kwargs)
    folded = [node for node in values if node.op == 'call_function']
    for number, node in enumerate(folded):
        if isinstance(values[node], torch.Tensor) and any(user not in values for user in node.users):
            name = f'folded_{number}'
            recorded.register_buffer(name, values[node].detach().clone())
            with recorded.graph.inserting_before(node):
                constant = recorded.graph.get_attr(name)
            node.replace_all_uses_with(constant, delete_user_cb=lambda user: user not in values)
    for node in reversed(
            folded):  # not left to the elimination of dead code, which keeps what writes in place
        if not node.users:
            recorded.graph.erase_node(node)
    recorded.graph.eliminate_dead_code()
    recorded.recompile()


def _is_constant(node: Any, values: Any) -> Any:
    if not node.all_input_nodes:
        return getattr(node.target, 'overloadpacket', None) in FACTORIES
    return all(source in values for source in node.all_input_nodes)
