"""``visual_changenet export``: the network of a checkpoint as an ONNX file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mmengine.registry import DefaultScope

from mmchangenet.checkpoint import load_for_scoring
from mmchangenet.engine.plain_config import PlainConfig
from mmchangenet.export.check import check_graph_file, check_weights, refuse_several_goldens
from mmchangenet.export.onnx_export import ExportError, export_onnx
from mmchangenet.files import replacing, write_text
from mmchangenet.registry import MODELS

from .encryption import ENDING, write_encrypted
from .spec import Spec, SpecError


def export(spec: Spec, config: PlainConfig) -> None:
    """Write the file that a spec asks for, and the config of the network beside the results.

    Args:
        spec: the spec.
        config: what ``build_config`` made of it for ``export``.

    Raises:
        FileExistsError: when the file exists.
        ValueError: when a name ends in ``.etlt`` and there is no key.
        CheckpointError: when the checkpoint does not fit.
        SpecError: when the network cannot be written so.
    """
    target = Path(spec['export.onnx_file'])
    encrypted = target.suffix == ENDING
    if encrypted and not spec['encryption_key']:
        raise ValueError(f'export.onnx_file {target} ends in {ENDING}: an encrypted file needs '
                         'encryption_key')
    if target.exists():
        raise FileExistsError(f'{target} exists: remove it or choose another export.onnx_file')
    with DefaultScope.overwrite_default_scope('mmchangenet'):
        model = MODELS.build(config.model)
    load_for_scoring(model, config.load_from, config)
    model.eval()
    Path(config.work_dir).mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    batch_size = spec['export.batch_size']
    arguments = dict(input_size=model.input_size, batch_size=None if batch_size == -1 else batch_size,
                     opset=spec['export.opset_version'])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'model.onnx')
        try:
            refuse_several_goldens(config)
            check_weights(model)
            difference = export_onnx(model, file, **arguments)
            check_graph_file(model, config, file)
        except ExportError as error:
            raise SpecError(f'{spec.file}: {error}') from error
        content = file.read_bytes()
        if encrypted:
            write_encrypted(content, target, spec['encryption_key'])
        else:
            with replacing(target) as stream:
                stream.write(content)
    if spec['export.verbose']:
        _print_graph(content)
    write_text(config.json_text, Path(config.work_dir, 'visual_changenet_export.json'))
    height, width = model.input_size
    print(f'{target} takes input_1 (compare) and input_2 (golden), normalised, '
          f'{"any" if batch_size == -1 else batch_size} '
          f'pairs of 3×{height}×{width}, and gives output. It differs from PyTorch by {difference:.1e} at '
          'most.', flush=True)


def _print_graph(content: bytes) -> None:
    import onnx
    print(onnx.helper.printable_graph(onnx.load_from_string(content).graph))
