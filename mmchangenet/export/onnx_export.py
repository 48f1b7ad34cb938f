"""Writing a network as ONNX, checked before anybody uses it.

Needs neither mmdeploy nor a config: ``export_onnx`` takes a ``SiameseClassifier``, ``export_module`` any
    network.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from mmchangenet.files import replacing

from .traced import trace

TOLERANCE = 1e-4
OPSETS = range(11,
               21)  # up to what PyTorch's TorchScript exporter writes; before 11, resizing was another one


class ExportError(RuntimeError):
    """The network could not be written, or what was written does not compute the same."""


def export_onnx(model: Any, file: str | Path, input_size: Sequence[int], batch_size: int | None = None,
                opset: int = 17, input_names: Sequence[str] = ('input_1', 'input_2'),
                output_name: str = 'output', output: str = 'tensor', normalise: bool = False) -> float:
    """Write a whole network.

    Args:
        model: in evaluation mode.
        file: where to; must not exist.
        input_size: (H, W) of the laid-out image.
        batch_size: pairs at a time; None leaves the batch free.
        opset: version of ONNX's operators.
        input_names: of the compare and of the golden side.
        output_name: name of the output.
        output: ``tensor``: distances (N,) or logits (N, num_classes); ``score``: scores (N,).
        normalise: whether the graph takes uint8 images and normalises them; otherwise it takes normalised
            float images. (N, 3, H, W) in RGB both ways.

    Returns:
        the largest difference from PyTorch, as ``export_module`` gives it.

    Raises:
        ExportError: when the opset is too low for the network (names the lowest that works), the network
            cannot be written with standard operators, or ONNX Runtime computes something else than PyTorch.
        FileExistsError: when ``file`` exists.
        ValueError: when an argument does not fit.
    """
    network = WholeNetwork(model, output, normalise)
    images = random_images(model, (2 * (batch_size or 2), 3, *input_size), normalise).chunk(2)
    return export_module(network, file, dict(zip(input_names, images, strict=True)), (output_name, ),
                         dynamic_batch=batch_size is None, opset=opset)


def export_module(module: nn.Module, file: str | Path, inputs: dict[str, torch.Tensor],
                  output_names: Sequence[str], dynamic_batch: bool = False, opset: int = 17,
                  tolerance: float = TOLERANCE, overwrite: bool = False) -> float:
    """Write any network and compare what ONNX Runtime makes of it with PyTorch.

    Args:
        module: in evaluation mode; takes the inputs by position, gives a tensor or a tuple of tensors.
        file: where to; must not exist.
        inputs: name in the graph → example; the first dimension is the batch, which has to be 2
            or more when it is to stay free.
        output_names: names of the outputs in the graph.
        dynamic_batch: leave the batch free.
        opset: version of ONNX's operators.
        tolerance: the largest difference from PyTorch that is accepted, times the largest number of that
            output where this is above 1.
        overwrite: replace ``file`` if it exists.

    Returns:
        the largest difference from PyTorch, relative in the same way.

    Raises:
        ExportError: when the opset is too low (names the lowest that works), the graph would need operators
            that are not ONNX's own, or ONNX Runtime computes something else than PyTorch.
        FileExistsError: when ``file`` exists.
        ValueError: when the network is in training mode, or the examples do not fit ``dynamic_batch``.
    """
    file = Path(file)
    if file.exists() and not overwrite:
        raise FileExistsError(f'{file} exists; remove it or choose another name')
    _check_request(module, inputs, dynamic_batch)
    arguments = tuple(inputs.values())
    try:
        traced = trace(module, arguments, dynamic_batch)
    except Exception as error:  # the tracer raises anything
        hint = ' with a free batch; try a fixed one (batch_size, or a static config)' if dynamic_batch else ''
        raise ExportError(f'the network cannot be traced{hint}: {type(error).__name__}: {error}') from error
    content = _written(traced, arguments, list(inputs), list(output_names), dynamic_batch, opset)
    check_graph(onnx.load_from_string(content), inputs)
    difference = _largest_difference(module, content, inputs, dynamic_batch, tolerance)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as stream:
        stream.write(content)
    return difference


class WholeNetwork(nn.Module):
    """A ``SiameseClassifier`` as a function of two tensors, with what a deployed graph may hold beyond the
    network.

    Args: see ``export_onnx``.
    """

    def __init__(self, model: Any, output: str = 'tensor', normalise: bool = False) -> None:
        super().__init__()
        if output not in ('tensor', 'score'):
            raise ValueError(f"output {output!r}: use 'tensor' or 'score'")
        self.model = model
        self.output = output
        self.normalise = normalise
        self.train(model.training)

    def forward(self, compare: Tensor, golden: Tensor) -> Tensor:
        """Images of both sides, (N, 3, H, W) each → the raw output or scores."""
        return score_pairs(self.model, compare, golden, self.output, self.normalise)


def score_pairs(model: Any, compare: Any, golden: Any, output: str = 'tensor',
                normalise: bool = False) -> Any:
    """What a whole graph computes: images of both sides, (N, 3, H, W) each → the raw output or scores.

    The batch stays free when this is traced.
    """
    images = torch.cat([compare, golden])
    if normalise:
        preprocessor = model.data_preprocessor
        images = images.flip(1) if preprocessor.to_rgb else images
        images = (images.float() - preprocessor.mean) / preprocessor.std
    raw = model.compare(*_halves(model.encode(images)))
    return model.head.scores(raw) if output == 'score' else raw


def random_images(model: Any, shape: Any, normalise: bool = False) -> Any:
    """Random images (N, 3, H, W) as a graph takes them, always the same, on the network's device."""
    preprocessor = model.data_preprocessor
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images = images.to(preprocessor.mean.device)
    return images if normalise else preprocessor.normalise(images)


def _halves(code: Any) -> Any:
    """Both sides of a code: like ``chunk(2)`` of each tensor in it, for a batch whose size is open."""
    parts, structure = pytree.tree_flatten(code)
    halves = zip(*(part.unflatten(0, (2, -1)).unbind() for part in parts), strict=True)
    return (pytree.tree_unflatten(half, structure) for half in halves)


def _check_request(module: Any, inputs: Any, dynamic_batch: Any) -> None:
    if any(part.training for part in module.modules()):
        raise ValueError('the network is in training mode: call eval() before the export')
    sizes = {len(tensor) for tensor in inputs.values()}
    if len(sizes) != 1:
        raise ValueError(f'the example inputs have different batch sizes: {sorted(sizes)}')
    if dynamic_batch and sizes == {1}:
        raise ValueError(
            'a batch that stays free needs example inputs of two pairs or more: with one, sizes of 1 would '
            'become part of the graph')


def _written(traced: Any, arguments: Any, input_names: Any, output_names: Any, dynamic_batch: Any,
             opset: Any) -> Any:
    """The ONNX file's bytes; when that fails, an error that names the lowest opset that works."""
    request = (traced, arguments, input_names, output_names, dynamic_batch)
    try:
        return _to_onnx(*request, opset)
    except Exception as error:  # torch raises RuntimeError, ValueError and its own errors
        works = _lowest_opset(request, opset + 1)
        hint = f'the lowest that works is {works}' if works else str(error)
        raise ExportError(f'this network cannot be written with opset {opset}: {hint}') from error


def _lowest_opset(request: tuple[Any, Any, Any, Any, Any], start: int) -> int | None:
    """The lowest opset from ``start`` on that the exporter writes the network with; None if there is none."""
    for opset in range(max(start, OPSETS.start), OPSETS.stop):
        with contextlib.suppress(Exception):
            _to_onnx(*request, opset)
            return opset
    return None


def _to_onnx(traced: Any, arguments: Any, input_names: Any, output_names: Any, dynamic_batch: Any,
             opset: Any) -> Any:
    if opset not in OPSETS:
        raise ValueError(f'opset {opset}: use {OPSETS.start} to {OPSETS.stop - 1}')
    stream = io.BytesIO()
    axes = {name: {0: 'batch'} for name in (*input_names, *output_names)} if dynamic_batch else None
    with warnings.catch_warnings(), torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter(
            'ignore')  # about this exporter's age and about sizes that became numbers, as they should
        torch.onnx.export(traced,
                          arguments,
                          stream,
                          dynamo=False,
                          opset_version=opset,
                          input_names=input_names,
                          output_names=output_names,
                          dynamic_axes=axes,
                          keep_initializers_as_inputs=False)
        outputs = traced(*arguments)
    graph = onnx.load_from_string(stream.getvalue())
    _drop_identities(graph.graph)
    _settle_output_shapes(graph.graph, [outputs] if isinstance(outputs, torch.Tensor) else outputs,
                          dynamic_batch)
    return graph.SerializeToString()


def _drop_identities(graph: Any) -> None:
    """Let the users of a copy read the original: the exporter copies weights that happen to be equal."""
    outputs = {output.name for output in graph.output}
    original: dict[str, str] = {}
    for node in list(graph.node):
        for position, name in enumerate(node.input):
            node.input[position] = original.get(name, name)
        if node.op_type == 'Identity' and node.output[0] not in outputs:
            original[node.output[0]] = node.input[0]
            graph.node.remove(node)


def _settle_output_shapes(graph: Any, examples: Any, dynamic_batch: Any) -> None:
    """Write the sizes of the outputs down: the exporter leaves some of them open behind a free batch."""
    for output, example in zip(graph.output, examples, strict=True):
        for number, (dimension,
                     size) in enumerate(zip(output.type.tensor_type.shape.dim, example.shape, strict=True)):
            if number or not dynamic_batch:
                dimension.dim_value = size


def check_graph(model: onnx.ModelProto, input_names: Iterable[str]) -> None:
    """
    Args:
        model: what was written.
        input_names: the inputs that it should have.

    Raises:
        ExportError: when it breaks ONNX's rules, holds operators that are not ONNX's own or dropout, takes
            weights as inputs, or has a free dimension besides the batch.
    """
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f'the graph is not valid ONNX: {error}') from error
    foreign = {
        f'{node.domain}::{node.op_type}'
        for node in model.graph.node if node.domain not in ('', 'ai.onnx')
    }
    problems = [f'operators that are not ONNX\'s own: {", ".join(sorted(foreign))}'] if foreign else []
    if any(node.op_type == 'Dropout' for node in model.graph.node):
        problems.append('dropout')
    names = [value.name for value in model.graph.input]
    if names != list(input_names):
        problems.append(f'the inputs {", ".join(names)} instead of {", ".join(input_names)}')
    free = {dimension.dim_param or '?' for value in (*model.graph.input, *model.graph.output)
            for dimension in value.type.tensor_type.shape.dim if not dimension.HasField('dim_value')}
    if len(free) > 1:
        problems.append(f'more than one free dimension: {", ".join(sorted(free))}')
    if problems:
        raise ExportError('the graph has ' + '; '.join(problems))


def _largest_difference(module: Any, content: Any, inputs: Any, dynamic_batch: Any, tolerance: Any) -> Any:
    """Compare with PyTorch, for a free batch on fewer and on more pairs than it was traced with too."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
    count = len(next(iter(inputs.values())))
    worst = 0.0
    for size in (1, count, count + 1) if dynamic_batch else (count, ):
        batch = {name: torch.cat([tensor, tensor])[:size] for name, tensor in inputs.items()}
        with torch.no_grad():
            expected = module(*batch.values())
        expected = [expected] if isinstance(expected, torch.Tensor) else expected
        outputs = _run(session, {name: tensor.cpu().numpy() for name, tensor in batch.items()}, size)
        for wanted, got in zip((tensor.cpu().numpy() for tensor in expected), outputs, strict=True):
            worst = max(worst, relative_difference(wanted, got))
    if not worst <= tolerance:
        raise ExportError(
            f'ONNX Runtime and PyTorch differ by {worst:.2g}, more than {tolerance:g}: the graph is not '
            'written'
        )
    return worst


def _run(session: Any, inputs: Any, size: Any) -> Any:
    try:
        return session.run(None, inputs)
    except Exception as error:  # ONNX Runtime's own errors have no common base
        raise ExportError(f'ONNX Runtime cannot run the graph on a batch of {size}: {error}') from error


def relative_difference(wanted: Any, got: Any) -> Any:
    """The largest difference of two arrays, divided by the largest absolute number of the first where that is
    above 1.

    Infinite when their shapes differ or something is not finite.
    """
    if wanted.shape != got.shape or not (np.isfinite(wanted).all() and np.isfinite(got).all()):
        return float('inf')
    return float(np.abs(wanted - got).max(initial=0) / max(1, np.abs(wanted).max(initial=0)))
