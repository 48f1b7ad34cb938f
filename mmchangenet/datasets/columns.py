"""A million rows of strings in a few tensors, so that loader processes share them instead of copying them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor


class StringColumn:
    """Strings of N rows: ``codes`` into a table whose entry k is ``data[offsets[k]:offsets[k + 1]]``.

    No Python object a row: under fork no reference count dirties a page, under spawn the tensors travel
    as shared memory.

    Args:
        codes: (N,) int32, each row's entry of the table.
        data: uint8, the table's entries in UTF-8, one after the other.
        offsets: (entries + 1,) int64.
    """

    def __init__(self, codes: Tensor, data: Tensor, offsets: Tensor) -> None:
        self.codes, self.data, self.offsets = codes, data, offsets

    @classmethod
    def from_strings(cls, strings: list[str]) -> StringColumn:
        """Make a column of a list of strings."""
        codes, table = pd.factorize(np.array(strings, dtype=object))
        return cls(torch.from_numpy(codes.astype(np.int32)), *_packed(table.tolist()))

    @classmethod
    def concatenate(cls, columns: Sequence[StringColumn]) -> StringColumn:
        """Join columns; their tables are put one after the other, not merged."""
        entries = np.cumsum([0, *(len(column.offsets) - 1 for column in columns)])
        lengths = np.cumsum([0, *(len(column.data) for column in columns)])
        return cls(
            torch.cat([column.codes + int(n) for column, n in zip(columns, entries, strict=False)]),
            torch.cat([column.data for column in columns]),
            torch.cat([columns[0].offsets[:1],
                       *(c.offsets[1:] + int(n) for c, n in zip(columns, lengths, strict=False))]))

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str:
        code = self.codes.numpy()[row]
        start, end = self.offsets.numpy()[code:code + 2]
        return self.data.numpy()[start:end].tobytes().decode()

    def table(self) -> list[str]:
        """The table's entries; some may be used by no row, or be there twice."""
        data, offsets = self.data.numpy().tobytes(), self.offsets.tolist()
        return [data[start:end].decode() for start, end in itertools.pairwise(offsets)]

    def strings(self) -> NDArray[np.object_]:
        """All rows as an (N,) object array; makes N references, so not for use in loader processes."""
        return np.array(self.table(), dtype=object)[self.codes.numpy()]

    def with_table(self, entries: list[str]) -> StringColumn:
        """A column whose rows take their strings from another table, of as many entries as this one's."""
        return StringColumn(self.codes, *_packed(entries))

    def take(self, rows: Tensor | slice) -> StringColumn:
        """The column of the rows ``rows`` (an index tensor or slice), sharing the table."""
        return StringColumn(self.codes[rows], self.data, self.offsets)


def _packed(entries: list[str]) -> tuple[Tensor, Tensor]:
    """``data`` and ``offsets`` of a table."""
    encoded = [text.encode() for text in entries]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    data = np.frombuffer(b''.join(encoded), np.uint8).copy()
    return torch.from_numpy(data), torch.from_numpy(offsets)


class PairTable:
    """The rows of a label CSV that a dataset holds; never changed, so copies share it.

    Args:
        strings: by column name, each of N rows.
        rows: (N,) int32, positions among the CSV's rows, from 0.
        lines: (N,) int32, lines of the file, from 1.
    """

    def __init__(self, strings: dict[str, StringColumn], rows: Tensor, lines: Tensor) -> None:
        self.strings, self.rows, self.lines = strings, rows, lines

    def __len__(self) -> int:
        return len(self.rows)

    def __deepcopy__(self, memo: dict[int, Any]) -> PairTable:
        return self

    def take(self, index: Tensor | slice) -> PairTable:
        """The table of some rows, by an index tensor or slice."""
        columns = {name: column.take(index) for name, column in self.strings.items()}
        return PairTable(columns, self.rows[index], self.lines[index])
