"""String columns give back what was put in, share their buffers and hold no object a row."""

import copy
import pickle
from multiprocessing.reduction import ForkingPickler

import torch
import torch.multiprocessing

from mmchangenet.datasets.columns import PairTable, StringColumn

WORDS = ['b', '', 'ä€', 'b', 'NA', '007']


def test_round_trip():
    column = StringColumn.from_strings(WORDS)
    assert [column[i] for i in range(len(column))] == WORDS == column.strings().tolist()
    assert column[-1] == '007'
    assert len(column.table()) == 5


def test_concatenate_and_take():
    column = StringColumn.concatenate([StringColumn.from_strings(WORDS),
                                       StringColumn.from_strings(['b', 'x'])])
    assert column.strings().tolist() == [*WORDS, 'b', 'x']
    part = column.take(torch.tensor([7, 2, 2]))
    assert part.strings().tolist() == ['x', 'ä€', 'ä€']
    assert part.data.data_ptr() == column.data.data_ptr()


def table(rows=6):
    words = (WORDS * rows)[:rows]
    numbers = torch.arange(rows, dtype=torch.int32)
    return PairTable(dict(object_name=StringColumn.from_strings(words)), numbers, numbers + 2)


def test_table_subset_keeps_rows_and_lines_and_copies_share():
    part = table().take(torch.tensor([4, 1]))
    assert part.rows.tolist() == [4, 1] and part.lines.tolist() == [6, 3] and len(part) == 2
    assert copy.deepcopy(part) is part


def test_travels_to_other_processes_as_shared_memory():
    big = table(50_000)
    assert len(pickle.dumps(big)) > 600_000
    assert len(ForkingPickler.dumps(big)) < 5_000
