"""What ``runtime.json`` says: how images become the network's input, and what its scores mean."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mmchangenet.imaging import FILTERS, MAX_PIXELS, check_layout, check_pair
from mmchangenet.labels.lightings import check_lighting_names, image_names
from mmchangenet.verdict import PASS, checked_threshold

SETTINGS_FILE = 'runtime.json'
BLOCK = 1 << 22  # bytes read at a time
PRECISIONS = ('fp32', 'int8')
GRAPHS, GOLDEN_GRAPH = ('encoder.onnx', 'comparator.onnx'), 'golden.onnx'
FORMAT = 1  # raised when a folder of today could be misread by a runtime of yesterday
TUPLES = ('input_size', 'image_size', 'grid', 'lightings', 'mean', 'std', 'class_names')


class RuntimeFolderError(ValueError):
    """An exported folder that is incomplete or that this runtime cannot reproduce."""


@dataclass(frozen=True)
class RuntimeSettings:
    """The content of ``runtime.json``.

    Attributes:
        input_size: (height, width) of the laid-out image of a side.
        image_size: (height, width) of one lighting.
        filter: that images are resized with, see :func:`mmchangenet.imaging.resize`.
        layout, grid: see :func:`mmchangenet.imaging.lay_out`.
        lightings: their names in order; None: one image per side, whose name has no suffix.
        image_ext: of the image files that a label CSV means.
        mean, std: of R, G, B in grey levels of 0 to 255. The encoder applies them itself.
        threshold: a pair with a greater score is a FAIL.
        class_names: PASS first.
        graphs: files of the folder with the SHA-256 of their content.
        opset: version of ONNX's operators in the graphs.
        precision: of the graphs, ``fp32`` or ``int8``.
        version: of the mmchangenet that wrote the folder.
        num_golden: goldens that a part is compared with; the closest counts.
        max_pixels: height times width of an image file that is decoded.
        format: of the folder.

    Raises:
        ValueError: when a value cannot be, or sizes do not fit each other; names the key.
    """

    input_size: tuple[int, int]
    image_size: tuple[int, int]
    filter: str
    layout: str
    grid: tuple[int, int] | None
    lightings: tuple[str, ...] | None
    image_ext: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    threshold: float
    class_names: tuple[str, ...]
    graphs: dict[str, str]
    opset: int
    precision: str
    version: str
    num_golden: int = 1
    max_pixels: int = MAX_PIXELS
    format: int = FORMAT

    def __post_init__(self) -> None:
        for name in TUPLES:
            value = getattr(self, name)
            if value is not None and not isinstance(value, (list, tuple)):
                raise ValueError(f'{name} {value!r} is no list')
            object.__setattr__(self, name, tuple(value) if value is not None else None)
        self._check_values()
        self._check_sizes()

    def _check_values(self) -> None:
        checked_threshold(self.threshold, 'threshold')
        for name in ('filter', 'layout', 'image_ext', 'precision', 'version'):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f'{name} {getattr(self, name)!r} is no text')
        for name, choices in (('filter', FILTERS), ('precision', PRECISIONS)):
            if getattr(self, name) not in choices:
                raise ValueError(f'{name} {getattr(self, name)!r} is unknown, use one of {choices}')
        for name in ('num_golden', 'max_pixels', 'opset'):
            if type(getattr(self, name)) is not int or getattr(self, name) < 1:
                raise ValueError(f'{name} {getattr(self, name)!r} is no whole number of 1 or more')
        if self.lightings is not None:
            check_lighting_names(self.lightings, 'lightings')
        if set(self.image_ext) & set('/\\\0'):
            raise ValueError(f'image_ext {self.image_ext!r} is no file extension')
        names = self.class_names
        if len(names) < 2 or names[0] != PASS or len(set(names)) < len(names) or not all(
                isinstance(name, str) and name for name in names):
            raise ValueError(f'class_names {list(names)}: different names are needed, {PASS} first')
        for name, least in (('mean', -math.inf), ('std', 0.0)):
            if len(getattr(self, name)) != 3 or not all(
                    type(number) in (int, float) and math.isfinite(number) and number > least
                    for number in getattr(self, name)):
                raise ValueError(
                    f'{name} {list(getattr(self, name))}: three numbers are needed, for R, G and B')
        if not isinstance(self.graphs, dict):
            raise ValueError(f'graphs {self.graphs!r}: files with their digests are needed')

    def _check_sizes(self) -> None:
        check_pair(self.input_size, 'input_size', '(height, width)')
        check_pair(self.image_size, 'image_size', '(height, width)')
        check_layout(self.layout, self.grid)
        rows, columns = self.grid or (self.num_lightings, 1)
        laid_out = (rows * self.image_size[0], columns * self.image_size[1])
        if rows * columns != self.num_lightings or laid_out != self.input_size:
            raise ValueError(
                f'{self.num_lightings} lightings of {self.image_size} in layout {self.layout!r}, grid '
                f'{self.grid} do not make an image of {self.input_size}')

    @property
    def num_lightings(self) -> int:
        """Images per side."""
        return 1 if self.lightings is None else len(self.lightings)

    def file_names(self, object_name: str) -> list[str]:
        """The names of an object's images, per lighting."""
        return image_names(object_name, self.lightings, self.image_ext)

    def to_json(self) -> str:
        """The text of ``runtime.json``."""
        return json.dumps(asdict(self), indent=2) + '\n'

    def scoring_text(self) -> str:
        """All that scores depend on, as text: everything but the threshold."""
        return json.dumps(dict(asdict(self), threshold=None), sort_keys=True)

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> RuntimeSettings:
        """Read an exported folder's settings, and check its graphs by their digests.

        Raises:
            RuntimeFolderError: there are none, or they are of another format or damaged; names the file.
        """
        file = Path(folder) / SETTINGS_FILE
        content = _content(file)
        known = {field.name for field in fields(cls)}
        missing = {field.name for field in fields(cls) if field.default is MISSING} - set(content)
        if missing or set(content) - known:
            raise RuntimeFolderError(
                f'{file}: missing {sorted(missing)}, unknown {sorted(set(content) - known)}')
        try:
            settings = cls(**content)
        except (TypeError, ValueError) as error:
            raise RuntimeFolderError(f'{file}: {error}') from error
        settings._check_graphs(Path(folder))
        return settings

    def _check_graphs(self, folder: Path) -> None:
        there = {file.name for file in folder.glob('*.onnx')}
        named = set(self.graphs)
        if not set(GRAPHS) <= named <= {*GRAPHS, GOLDEN_GRAPH} or there - named:
            raise RuntimeFolderError(
                f'{folder / SETTINGS_FILE} names the graphs {sorted(named)}, and in the folder are '
                f'{sorted(there)}: copy the whole folder again')
        for name, expected in self.graphs.items():
            try:
                found = digest_of(folder / name)
            except OSError as error:
                raise RuntimeFolderError(
                    f'{folder / name}: {error.strerror}. Copy the whole folder again') from error
            if found != expected:
                raise RuntimeFolderError(
                    f'{folder / name} is damaged or of another export: copy the whole folder again')


def _content(file: Path) -> dict[str, Any]:
    """A JSON file's content, of a format that is known here."""
    try:
        content = json.loads(file.read_text(encoding='utf-8'))
    except OSError as error:
        raise RuntimeFolderError(f'{file}: {error.strerror}. Give the folder that tools/export_runtime.py '
                                 'wrote') from error
    except (ValueError, RecursionError) as error:
        raise RuntimeFolderError(f'{file} is no JSON ({error}): export the network again') from error
    found = content.get('format') if isinstance(content, dict) else None
    if type(found) is not int or found != FORMAT:
        raise RuntimeFolderError(
            f'{file} has format {found!r}, this runtime reads {FORMAT}: use the mmchangenet that '
            'exported the network, or export it again')
    return content


def digest_of(file: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file's content, as hexadecimal digits."""
    digest = hashlib.sha256()
    with open(file, 'rb') as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
