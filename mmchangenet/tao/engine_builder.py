"""``visual_changenet gen_trt_engine``: a TensorRT engine of an exported ONNX file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

from .spec import Spec, SpecError, note_effects

MEGABYTE = 2**20


def build_engine_of(spec: Spec) -> None:
    """Build the engine that ``gen_trt_engine`` asks for.

    Raises:
        SpecError: when parameters are wrong, or TensorRT or a GPU is missing; tells what to run where they
            are.
        FileNotFoundError: when there is no ONNX file.
        FileExistsError: when the engine exists.
    """
    onnx_file, target = Path(spec.need('gen_trt_engine.onnx_file')), Path(
        spec.need('gen_trt_engine.trt_engine'))
    sizes = [spec[f'gen_trt_engine.tensorrt.{name}_batch_size'] for name in ('min', 'opt', 'max')]
    if sizes != sorted(sizes):
        spec.problem('gen_trt_engine.tensorrt.opt_batch_size',
            f'{sizes[1]} is not between min_batch_size {sizes[0]} and max_batch_size {sizes[2]}')
    note_effects(spec, 'gen_trt_engine', {})
    spec.check()
    if not onnx_file.is_file():
        raise FileNotFoundError(f'there is no {onnx_file}: write it with visual_changenet export')
    if target.exists():
        raise FileExistsError(f'{target} exists: remove it or choose another gen_trt_engine.trt_engine')
    missing = [] if importlib.util.find_spec('tensorrt') else ['the package tensorrt']
    missing += [] if torch.cuda.is_available() else ['an NVIDIA GPU']
    if missing:
        raise SpecError(f'no engine is built, missing here: {" and ".join(missing)}. {onnx_file} is ready; '
                        'on a computer that '
                        f'has them run: {_trtexec(onnx_file, target, sizes, spec)}')
    from mmchangenet.export.tensorrt import build_engine
    target.parent.mkdir(parents=True, exist_ok=True)
    build_engine(str(onnx_file), str(target), tuple(sizes),
                 spec['gen_trt_engine.tensorrt.workspace_size'] * MEGABYTE, spec['gen_trt_engine.gpu_id'])
    print(f'{target} is built of {onnx_file} for {sizes[0]} to {sizes[2]} pairs', flush=True)


def _trtexec(onnx_file: Path, target: Path, sizes: list[int], spec: Spec) -> str:
    height, width = spec['export.input_height'], spec['export.input_width']
    shapes = ' '.join(f'--{name}Shapes=input_1:{size}x3x{height}x{width},input_2:{size}x3x{height}x{width}'
                      for name, size in zip(('min', 'opt', 'max'), sizes, strict=True))
    return (f'trtexec --onnx={onnx_file} --saveEngine={target} {shapes} '
            f'--memPoolSize=workspace:{spec["gen_trt_engine.tensorrt.workspace_size"]}')
