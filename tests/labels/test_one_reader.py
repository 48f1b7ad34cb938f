"""Training and the runtime read a label CSV alike: the same rows, or the same message."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hostile_csv import hostile_csv

from mmchangenet.datasets import LabelCsvError, LightingPairDataset, read_label_csv
from mmchangenet.labels.label_rows import LabelRows

COUNT = int(os.environ.get('MMCHANGENET_STRESS_CSVS', '3000'))  # the long form is 10,000


def answers(path):
    """What the runtime, the tools and training say to a file: columns and rows, or a message."""
    return [_answer(read, path) for read in (_by_runtime, _by_tools, _by_training)]


def _answer(read, path):
    try:
        return read(path)
    except LabelCsvError as error:
        return str(error)


def _by_runtime(path):
    rows = LabelRows(path)
    return rows.columns, list(rows.rows)


def _by_tools(path):
    frame = read_label_csv(path)
    return list(frame), frame.to_numpy().tolist()


def _by_training(path):
    strings = LightingPairDataset(path, test_mode=True, check_images=False).data_list.strings
    columns = [column.strings().tolist() for column in strings.values()]
    return list(strings), [*map(list, zip(*columns, strict=True))]


def known_part(answer, columns):
    """Of an answer with all columns, those that training keeps."""
    names, rows = answer
    places = [names.index(name) for name in columns]
    return columns, [[row[place] for place in places] for row in rows]


def test_every_file_is_read_alike(tmp_path):
    path, kinds = str(tmp_path / 'labels.csv'), Counter()
    for seed in range(COUNT):
        case = hostile_csv(seed)
        Path(path).write_bytes(case.content)
        runtime, tools, training = answers(path)
        assert runtime == tools, seed
        assert training == (runtime if isinstance(runtime, str) else known_part(runtime, training[0])), seed
        if case.rows is not None:
            assert runtime == (case.columns, case.rows), seed
        elif isinstance(runtime, str):
            assert runtime.startswith(f'label CSV {path} cannot be used:\n  ') and len(runtime) < 20_000, seed
        kinds['usable' if case.rows is not None else 'refused' if isinstance(runtime, str) else 'read'] += 1
    assert kinds['usable'] == COUNT // 2, kinds
    assert kinds['refused'] > COUNT // 4 and kinds['read'] > COUNT // 50, kinds


def test_the_runtime_reads_without_pandas_and_torch(tmp_path):
    path = tmp_path / 'labels.csv'
    path.write_text('input_path,golden_path,object_name\na,g,R1\n')
    code = ('import sys; from mmchangenet.labels.label_rows import LabelRows; '
            'print(len(LabelRows(sys.argv[1])), '
            '*{"pandas", "torch", "mmengine"} & {*sys.modules})')
    done = subprocess.run([sys.executable, '-c', code, str(path)], capture_output=True, text=True, check=True,
                          env=os.environ | dict(PYTHONPATH=str(Path(__file__).parents[2])))
    assert done.stdout == '1\n'


def test_rows_are_made_when_asked_for(tmp_path):
    (tmp_path / 'labels.csv').write_text('input_path,golden_path,object_name\n'
                                         + ''.join(f'a,g,R{i}\n' for i in range(5)))
    rows = LabelRows(tmp_path / 'labels.csv').rows
    assert len(rows) == 5 and rows[-1] == ['a', 'g', 'R4'] and rows[1:3] == [['a', 'g', 'R1'],
                                                                             ['a', 'g', 'R2']]
    assert [name for *_, name in rows] == ['R0', 'R1', 'R2', 'R3', 'R4']


@pytest.mark.slow
def test_a_million_rows_are_read_in_two_seconds(tmp_path):
    """Of processor time; twice that, because the machine may be busy."""
    path = tmp_path / 'labels.csv'
    with path.open('w') as file:
        file.write('input_path,golden_path,label,object_name,part_number\n')
        file.writelines(f'line3/2024-05/board{i // 300:06d}/top,golden/t{i % 40:02d}/top,PASS,'
                        f'C{i % 300}_R0402_{i:07d},PN-{i % 5000}\n'
                        for i in range(1_000_000))
    code = ('import sys, time; from mmchangenet.labels.label_rows import LabelRows; start = '
            'time.process_time(); '
            'rows = LabelRows(sys.argv[1]); print(len(rows), time.process_time() - start)')
    done = subprocess.run([sys.executable, '-c', code, str(path)], capture_output=True, text=True, check=True,
                          env=os.environ | dict(PYTHONPATH=str(Path(__file__).parents[2])))
    count, seconds = done.stdout.split()
    print(seconds)
    assert int(count) == 1_000_000 and float(seconds) < 15  # 2 on an idle machine
