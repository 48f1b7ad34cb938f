"""A label CSV as a pandas table, for tools that sort and group its rows."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

import pandas as pd

from .label_csv import LabelCsv
from .problems import Problems


def read_label_csv(path: str | os.PathLike[str], pass_labels: Iterable[str | int] = (),
                   allow: Collection[str] = ()) -> pd.DataFrame:
    """Read a label CSV, all its columns as strings in their own order, one DataFrame row per CSV row.

    Names such as ``NA`` and ``None`` stay names and numbers keep their spelling. See :class:`LabelCsv` for
    what is read.

    Args:
        path: the file.
        pass_labels: labels that mean PASS beside ``PASS`` itself.
        allow: what of ``ALLOWABLE`` of ``cells`` is taken.

    Raises:
        FileNotFoundError: when there is no such file.
        LabelCsvError: with everything wrong with the file, by kind and line.
    """
    problems = Problems(path)
    source = LabelCsv(path, problems, pass_labels=pass_labels, allow=allow)
    frames = [pd.DataFrame(chunk.columns, dtype=str) for chunk in source.chunks()]
    problems.raise_if_any()
    return pd.concat(frames, ignore_index=True)
