"""mmdeploy's partition config: encoder, golden half and comparator in place of a whole graph.

mmdeploy cuts parts out of a graph at marks. Here each part is traced on its own (see ``split``), so that a
batch of one pair is a batch of one and what is exact is folded; the marks only say which part is meant.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from mmdeploy.backend.base import BaseWrapper
from mmdeploy.utils import get_partition_config

from mmchangenet.export.folder import export_folder
from mmchangenet.runtime.settings import SETTINGS_FILE

PARTITIONS = dict(learnable=('encoder', 'golden', 'comparator'), euclidean=('encoder', 'comparator'))


def partition_cfg(partition_type: str) -> list[dict[str, str]]:
    """mmdeploy's description of the parts.

    Args:
        partition_type: ``learnable``: encoder, golden half and comparator; ``euclidean``, also for networks
            with a neck of another kind: encoder and comparator.

    Returns:
        ``save_file``, ``start`` and ``end`` of each part.

    Raises:
        ValueError: when there is no such type.
    """
    if partition_type not in PARTITIONS:
        raise ValueError(f'partition_config.type {partition_type!r}: use one of {", ".join(PARTITIONS)}')
    return [
        dict(save_file=f'{part}.onnx', start=f'mmchangenet.{part}:input', end=f'mmchangenet.{part}:output')
        for part in PARTITIONS[partition_type]
    ]


def partition_of(deploy_cfg: Any) -> Any:
    """The parts that a deploy config asks for, as ``partition_cfg`` gives them; None when it asks for a whole
    graph.
    """
    config = get_partition_config(deploy_cfg)
    return config and (config.get('partition_cfg') or partition_cfg(config.get('type')))


def part_of(start: Any, end: Any) -> Any:
    """The name of the part between two marks; None when they are not ours."""
    known = {(part['start'], part['end']): Path(part['save_file']).stem
             for part in partition_cfg('learnable')}
    return known.get((start, end)) if isinstance(start, str) and isinstance(end, str) else None


def write_parts(model: Any, model_cfg: Any, folder: str | Path, parts: list[dict[str, Any]],
                opset: int) -> float:
    """Write the parts of a network and ``runtime.json``: what ``export_folder`` writes, into a folder that
    may hold more.

    Args:
        model: trained, in evaluation mode.
        model_cfg: its config.
        folder: where to; parts that are there are replaced.
        parts: as ``partition_cfg`` gives them.
        opset: version of ONNX's operators.

    Returns:
        the largest difference from PyTorch.

    Raises:
        ExportError: as ``export_folder`` does.
        ValueError: when the network has other parts.
    """
    wanted = {part_of(part['start'], part['end']) for part in parts}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        exported = Path(place, 'parts')
        differences = export_folder(model, model_cfg, exported, opset)
        written = [part for part in differences if (exported / f'{part}.onnx').exists()]
        if set(written) != wanted:
            kind = next(kind for kind, names in PARTITIONS.items() if set(names) == set(written))
            raise ValueError(f'this network has the parts {", ".join(written)}: set partition_config.type to '
                             f'{kind!r}')
        (folder / SETTINGS_FILE).unlink(missing_ok=True)
        for name in [*(f'{part}.onnx' for part in written), SETTINGS_FILE]:
            os.replace(exported / name, folder / name)
    return max(differences.values())


class PartsWrapper(BaseWrapper):
    """Backend wrappers of the parts as one that takes both sides.

    Args:
        encoder, comparator: of these parts.
        golden: of the golden half, where there is one.
    """

    def __init__(self, encoder: BaseWrapper, comparator: BaseWrapper,
                 golden: BaseWrapper | None = None) -> None:
        super().__init__(comparator.output_names)
        self.encoder, self.golden, self.comparator = encoder, golden, comparator

    def forward(self, inputs: Any) -> Any:
        """dict of the compare and the golden images → dict of what the comparator gives."""
        compare, golden = (self.encoder(dict(images=side)) for side in inputs.values())
        prepared = self.golden(golden) if self.golden else _renamed(golden, 'golden')
        return self.comparator(_renamed(compare, 'compare') | prepared)


def _renamed(code: Any, side: Any) -> Any:
    return {name.replace('code', side): part for name, part in code.items()}
