"""Reading a checkpoint file of any origin without running what may be hidden in it.

A checkpoint is a pickle, and a pickle can call any function while it is read.
``torch.load(weights_only=True)`` calls none but torch's own and so refuses MMEngine's files, whose message
hub holds HistoryBuffer objects. Those go through an unpickler that knows tensors, plain containers and
numpy's arrays and numbers, the latter two rebuilt here from their bytes. Every other name in the file becomes
a ``Placeholder``, which keeps what it was given and does nothing.
"""

from __future__ import annotations

import os
import pickle
import re
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch.storage import TypedStorage

UNPACKED_SIZES = 4  # a file may unpack to as many times its size (torch.save does not compress at all)
UNPACKED_SPARE = 64 << 20  # and as many bytes more


class CheckpointError(ValueError):
    """A file is not a (whole) checkpoint, or its content does not fit what it is wanted for."""


def read_checkpoint(path: str | os.PathLike[str], map_location: str | torch.device = 'cpu') -> dict[Any, Any]:
    """Read a checkpoint; no code in it is run.

    Args:
        path: a file of ``torch.save``, or a ``.safetensors`` one.
        map_location: where tensors go.

    Returns:
        the file's content. What is not known is a ``Placeholder``.

    Raises:
        FileNotFoundError: when there is no such file.
        CheckpointError: when it is not a whole checkpoint, or unpacks to much more than its size.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        if '://' in path:
            raise FileNotFoundError(f'{path} is not read: nothing is downloaded. Download it, compare its '
                                    'SHA-256 with the one '
                                    'that its maker gives, and name the local file')
        raise FileNotFoundError(f'there is no checkpoint {path}')
    try:
        checkpoint = _read(path, map_location)
    except CheckpointError as error:
        raise CheckpointError(f'{path} {error}') from None
    except Exception as error:  # malformed bytes may make a parser raise anything
        raise CheckpointError(f'{path} is damaged or not a checkpoint ({type(error).__name__}: '
                              f'{_first_line(error)})') from error
    if not isinstance(checkpoint, dict):
        what = checkpoint.qualified_name if isinstance(checkpoint, Placeholder) else type(checkpoint).__name__
        raise CheckpointError(f'{path} holds a {what} and not a dict of weights. Save model.state_dict() '
                              'instead.')
    _check_structure(checkpoint, path)
    return checkpoint


def _read(path: str, map_location: str | torch.device) -> Any:
    if not os.path.getsize(path):
        raise CheckpointError('is empty (0 bytes)')
    if path.endswith('.safetensors'):
        from safetensors.torch import load_file
        return load_file(path, device=str(map_location))
    _check_format(path)
    with warnings.catch_warnings():
        for kind in (UserWarning,
                     torch.serialization.SourceChangeWarning):  # of protocols; of classes, placeholders here
            warnings.simplefilter('ignore', kind)
        try:
            return torch.load(path, map_location=map_location, weights_only=True)
        except pickle.UnpicklingError:
            loaded = torch.load(path, map_location=map_location, weights_only=False,
                                pickle_module=_INERT_PICKLE)
    return _finish(loaded, {})


def _check_format(path: str) -> None:
    """Let through only what ``torch.load`` reads with the unpickler that it is given."""
    with open(path, 'rb') as file:
        start = file.read(16)
    if start.startswith(b'PK\x03\x04'):
        try:
            records = torch._C.PyTorchFileReader(path).get_all_records()
        except RuntimeError as error:
            if zipfile.is_zipfile(path):
                raise CheckpointError('is a zip archive, but not one of torch.save') from error
            raise CheckpointError(f'is cut off or damaged: the table of contents at its end cannot be read '
                                  f'({os.path.getsize(path)} bytes are there)') from error
        if 'constants.pkl' in records:
            raise CheckpointError('is a TorchScript program and not a checkpoint')
        _check_sums(path)
    elif tarfile.is_tarfile(path):
        raise CheckpointError('is a tar archive (those of torch\'s first releases are not read)')
    elif not start.startswith(b'\x80'):
        raise CheckpointError(f'is not a checkpoint: it begins with {start!r}')


def _check_sums(path: str) -> None:
    """Compare the records with their checksums, which torch does not. Those of a file written without any are
    0.
    """
    with zipfile.ZipFile(path) as archive:
        _check_size(sum(record.file_size for record in archive.infolist()), path)
        if any(record.CRC for record in archive.infolist()) and (changed := archive.testzip()):
            raise CheckpointError(f'is damaged: {changed} in it is not what was written')


def _check_size(declared: int, path: str) -> None:
    size = os.path.getsize(path)
    if declared > UNPACKED_SIZES * size + UNPACKED_SPARE:
        raise CheckpointError(f'has {size} bytes and unpacks to {declared}: no more than {UNPACKED_SIZES} '
                              'times its size and '
                              f'{UNPACKED_SPARE >> 20} MiB are read. Checkpoints are not compressed')


def _check_structure(checkpoint: Mapping[Any, Any], path: str) -> None:
    """What this project looks into is of the kind that it takes it for."""
    meta = checkpoint.get('meta')
    if not isinstance(meta, (dict, type(None))):
        raise CheckpointError(f'{path}: its meta is a {type(meta).__name__} and not a dict')
    for place, weights in (('the file', checkpoint),
                           *((key, value) for key, value in checkpoint.items() if isinstance(value, dict))):
        metadata = getattr(weights, '_metadata', None)
        if metadata is not None and not (isinstance(metadata, dict) and
                                         all(isinstance(value, dict) for value in metadata.values())):
            raise CheckpointError(f'{path}: _metadata of {place} is not a dict of dicts')


def _first_line(error: Exception) -> str:
    return str(error).split('\n', 1)[0]


class Placeholder:
    """Stands for something in a file that this reader does not know. Keeps what it was given; runs nothing.

    Attributes:
        qualified_name: module and name of what it stands for.
        args: what it was called with.
        state: what its state was to be, usually a dict.
        entries: items that were to be set.
        members: what was to be appended or added.
    """

    qualified_name: str = 'unknown object'
    dump_patches: bool = False  # torch.load asks pickled modules for it

    args: tuple[Any, ...]
    state: Any
    entries: dict[Any, Any]
    members: list[Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Placeholder:  # noqa: D102
        self = super().__new__(cls)
        self.args, self.state, self.entries, self.members = args, None, {}, []
        return self

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Placeholder:
        """As the class says."""
        return Placeholder(self, *args)

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.entries[key] = value

    def append(self, member: Any) -> None:
        """Keep it."""
        self.members.append(member)

    add = append

    def extend(self, members: Iterable[Any]) -> None:
        """Keep them."""
        self.members.extend(members)

    def __repr__(self) -> str:
        return f'<not read: {self.qualified_name}>'


class _Maker:
    """A function that a pickle may call and can change nothing of: a pickle can set attributes of what it
    names.
    """

    __slots__ = ('function', )

    function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def __setstate__(self, state: Any) -> None:
        pass


class _NumpyType:
    """A numpy dtype of numbers or short strings, from its code and byte order."""

    def __init__(self, code: Any, *_: Any) -> None:
        if not (isinstance(code, str) and re.fullmatch(r'[<>=|]?[biufcSU]\d+', code)):
            raise pickle.UnpicklingError(f'numpy type {code!r}')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        if state[1] in ('<', '>'):
            self.dtype = self.dtype.newbyteorder(state[1])


class _NumpyArray:
    """A numpy array, from shape, type and bytes."""

    def __init__(self, *_: Any) -> None:
        self.array: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        if isinstance(kind, _NumpyType) and isinstance(data, bytes):
            self.array = np.frombuffer(data, kind.dtype).reshape(shape, order='F' if fortran else 'C').copy()


def _numpy_scalar(kind: Any, data: bytes) -> Any:
    return np.frombuffer(data, kind.dtype, count=1)[0].item()


def _tensor(storage: Any, offset: int, size: Iterable[int], stride: Iterable[int],
            requires_grad: bool = False, hooks: Any = None, metadata: Any = None) -> Any:
    if not isinstance(storage, TypedStorage) or metadata:
        raise pickle.UnpicklingError('a tensor of a kind that is not known')
    return torch._utils._rebuild_tensor(storage, offset, tuple(size), tuple(stride))


def _bytes(text: str, encoding: str = 'latin1') -> bytes:
    return text.encode('utf-8' if encoding in ('utf-8', 'utf8') else 'latin1')


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    'collections.OrderedDict': OrderedDict,
    'collections.defaultdict': lambda *_: {},
    'builtins.set': set,
    'builtins.frozenset': frozenset,
    'builtins.bytearray': lambda data=b'': bytes(data),
    'builtins.complex': complex,
    '_codecs.encode': _bytes,
    'torch.Size': tuple,
    'torch.device': str,
    'torch._utils._rebuild_tensor': _tensor,
    'torch._utils._rebuild_tensor_v2': _tensor,
    'torch._utils._rebuild_parameter': lambda data, *_: data,
    'torch._utils._rebuild_parameter_with_state': lambda data, *_: data,
    'torch._tensor._rebuild_from_type_v2': lambda function, kind, args, state: function(*args),
    'numpy.dtype': _NumpyType,
}
for _module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
    _FUNCTIONS.update({f'{_module}.scalar': _numpy_scalar, f'{_module}._reconstruct': _NumpyArray})
_MAKERS = {name: _Maker(function) for name, function in _FUNCTIONS.items()}
_DTYPES = {f'torch.{name}': value for name, value in vars(torch).items() if isinstance(value, torch.dtype)}


class _InertUnpickler(pickle.Unpickler):

    def find_class(self, module: str, name: str) -> Any:
        full = f'{module}.{name}'.replace('__builtin__.', 'builtins.')
        known: Any = _MAKERS.get(full, _DTYPES.get(full))
        return known if known is not None else type('Placeholder', (Placeholder, ), dict(qualified_name=full))


_INERT_PICKLE = SimpleNamespace(__name__='inert_pickle', Unpickler=_InertUnpickler,
                                load=lambda file, **kwargs: _InertUnpickler(file, **kwargs).load())


def _finish(value: Any, done: dict[int, tuple[Any, Any]]) -> Any:
    """Fresh containers, with numpy's arrays and types in place of what they were read into."""
    if id(value) in done:
        return done[id(value)][1]
    if isinstance(value, dict):
        fresh: Any = OrderedDict() if isinstance(value, OrderedDict) else {}
        done[id(value)] = value, fresh
        fresh.update((_finish(key, done), _finish(item, done)) for key, item in value.items())
        if isinstance(metadata := getattr(value, '_metadata', None), dict):
            fresh._metadata = _finish(metadata, done)
    elif isinstance(value, list):
        fresh = []
        done[id(value)] = value, fresh
        fresh.extend(_finish(item, done) for item in value)
    elif isinstance(value, (tuple, set, frozenset)):
        fresh = type(value)(_finish(item, done) for item in value)
    elif isinstance(value, Placeholder):
        fresh = value
        done[id(value)] = value, fresh
        for name in ('args', 'state', 'entries', 'members'):
            setattr(fresh, name, _finish(getattr(value, name), done))
    else:
        fresh = value.array if isinstance(
            value, _NumpyArray) else value.dtype if isinstance(value, _NumpyType) else value
    done[id(value)] = value, fresh  # the value is kept as well: its id must not be given to another
    return fresh
