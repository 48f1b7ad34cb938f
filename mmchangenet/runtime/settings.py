"""What ``runtime.json`` says: how images become the network's input, and what its scores mean."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mmchangenet.imaging import FILTERS, check_layout, check_pair
from mmchangenet.labels.lightings import image_names

SETTINGS_FILE = 'runtime.json'
BLOCK = 1 << 22  # bytes read at a time
PRECISIONS = ('fp32', 'int8')
FORMAT = 1  # raised when a folder of today could be misread by a runtime of yesterday


class RuntimeFolderError(ValueError):
    """An exported folder that is incomplete or that this runtime cannot reproduce."""


@dataclass(frozen=True)
class RuntimeSettings:
    """The content of ``runtime.json``.

    Attributes:
        input_size (tuple[int, int]): (height, width) of the laid-out image of a side.
        image_size (tuple[int, int]): (height, width) of one lighting.
        filter (str): that images are resized with, see :func:`mmchangenet.imaging.resize`.
        layout (str), grid (tuple[int, int] | None): see :func:`mmchangenet.imaging.lay_out`.
        lightings (tuple[str, ...] | None): their names in order; None: one image a side, whose name has no suffix.
        image_ext (str): of the image files that a label CSV means.
        mean, std (tuple[float, ...]): of R, G, B in grey levels of 0 to 255. The encoder applies them itself.
        threshold (float): a pair with a greater score is a FAIL.
        class_names (tuple[str, ...]): PASS first.
        graphs (dict[str, str]): files of the folder with the SHA-256 of their content.
        opset (int): version of ONNX's operators in the graphs.
        precision (str): of the graphs, ``fp32`` or ``int8``.
        version (str): of the mmchangenet that wrote the folder.
        num_golden (int): goldens that a part is compared with; the closest counts.
        format (int): of the folder.
    """

    input_size: tuple
    image_size: tuple
    filter: str
    layout: str
    grid: tuple | None
    lightings: tuple | None
    image_ext: str
    mean: tuple
    std: tuple
    threshold: float
    class_names: tuple
    graphs: dict
    opset: int
    precision: str
    version: str
    num_golden: int = 1
    format: int = FORMAT

    def __post_init__(self):
        for name in ('input_size', 'image_size', 'grid', 'lightings', 'mean', 'std', 'class_names'):
            value = getattr(self, name)
            object.__setattr__(self, name, tuple(value) if value is not None else None)
        self._check()

    def _check(self):
        """
        Raises:
            ValueError: when a value cannot be or sizes do not fit each other.
        """
        check_pair(self.input_size, 'input_size', '(height, width)')
        check_pair(self.image_size, 'image_size', '(height, width)')
        check_layout(self.layout, self.grid)
        if self.filter not in FILTERS:
            raise ValueError(f'filter {self.filter!r} is unknown, use one of {FILTERS}')
        if self.precision not in PRECISIONS:
            raise ValueError(f'precision {self.precision!r} is unknown, use one of {PRECISIONS}')
        if type(self.num_golden) is not int or self.num_golden < 1:
            raise ValueError(f'num_golden {self.num_golden!r}: it is the number of goldens per part, 1 or more')
        rows, columns = self.grid or (self.num_lightings, 1)
        laid_out = (rows * self.image_size[0], columns * self.image_size[1])
        if rows * columns != self.num_lightings or laid_out != self.input_size:
            raise ValueError(f'{self.num_lightings} lightings of {self.image_size} in layout {self.layout!r}, grid {self.grid} '
                             f'do not make an image of {self.input_size}')

    @property
    def num_lightings(self):
        """Images a side."""
        return len(self.lightings) if self.lightings else 1

    def file_names(self, object_name):
        """The names of an object's images, a lighting each."""
        return image_names(object_name, self.lightings, self.image_ext)

    def to_json(self):
        """The text of ``runtime.json``."""
        return json.dumps(asdict(self), indent=2) + '\n'

    @classmethod
    def read(cls, folder):
        """Read an exported folder's settings.

        Raises:
            RuntimeFolderError: there are none, or they are of another format or damaged; names the file.
        """
        file = Path(folder) / SETTINGS_FILE
        try:
            content = json.loads(file.read_text(encoding='utf-8'))
        except OSError as error:
            raise RuntimeFolderError(f'{file}: {error.strerror}. Give the folder that tools/export_runtime.py wrote') from error
        except ValueError as error:
            raise RuntimeFolderError(f'{file} is no JSON ({error}): export the network again') from error
        if not isinstance(content, dict) or content.get('format') != FORMAT:
            found = content.get('format') if isinstance(content, dict) else None
            raise RuntimeFolderError(f'{file} has format {found!r}, this runtime reads {FORMAT}: '
                                     'use the mmchangenet that exported the network, or export it again')
        known = {field.name for field in fields(cls)}
        missing = known - set(content) - {'num_golden'}  # folders of before 0.2 have none
        if missing or set(content) - known:
            raise RuntimeFolderError(f'{file}: missing {sorted(missing)}, unknown {sorted(set(content) - known)}')
        try:
            settings = cls(**content)
        except (TypeError, ValueError) as error:
            raise RuntimeFolderError(f'{file}: {error}') from error
        settings._check_graphs(Path(folder))
        return settings

    def _check_graphs(self, folder):
        for name, expected in self.graphs.items():
            try:
                found = digest_of(folder / name)
            except OSError as error:
                raise RuntimeFolderError(f'{folder / name}: {error.strerror}. Copy the whole folder again') from error
            if found != expected:
                raise RuntimeFolderError(f'{folder / name} is damaged or of another export: copy the whole folder again')


def digest_of(file):
    """The SHA-256 of a file's content, as hexadecimal digits."""
    digest = hashlib.sha256()
    with open(file, 'rb') as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
