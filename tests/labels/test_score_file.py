"""Score files are written as scores come, whole at the end, and can be gone on with."""

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mmchangenet.files import OutputError
from mmchangenet.labels.score_file import ScoreFile, ScoreFileError

COLUMNS = ['label', 'name']
ROWS = [['PASS', 'R1'], ['missing', 'a, "b"'], ['PASS', 'Jörg']]


def write(path, rows=ROWS, scores=(0.5, float('nan'), 0.25), columns=COLUMNS):
    file = ScoreFile(path, columns)
    file.append(rows, scores)
    file.finish()
    return path.read_text(encoding='utf-8')


def test_the_rows_come_back_with_their_scores(tmp_path):
    assert write(
        tmp_path /
        'deep/scores.csv') == 'label,name,siamese_score\nPASS,R1,0.5\nmissing,"a, ""b""",\nPASS,Jörg,0.25\n'
    assert os.listdir(tmp_path / 'deep') == ['scores.csv']


def test_columns_of_a_score_file_are_replaced_in_their_place(tmp_path):
    text = write(tmp_path / 'scores.csv', [['9', 'PASS']], [0.5], ['siamese_score', 'label'])
    assert text == 'siamese_score,label\n0.5,PASS\n'


def test_scores_read_back_as_the_same_float32(tmp_path):
    scores = np.append(np.random.default_rng(0).random(500), [0.0, 1.0, 1e-42, 3e38]).astype(np.float32)
    write(tmp_path / 'scores.csv', [['PASS', 'R']] * len(scores), scores.tolist())
    with open(tmp_path / 'scores.csv') as stream:
        read = np.array([row['siamese_score'] for row in csv.DictReader(stream)], np.float32)
    np.testing.assert_array_equal(read, scores)


def test_more_than_two_classes_have_columns_of_their_own(tmp_path):
    file = ScoreFile(tmp_path / 'scores.csv', ['label'], ('PASS', 'open', 'short'))
    file.append([['PASS'], ['open']], [0.75, float('nan')], ['short', None], [(0.25, 0.25, 0.5), None])
    file.finish()
    assert (tmp_path / 'scores.csv').read_text().splitlines() == [
        'label,siamese_score,predicted_class,probability_PASS,probability_open,probability_short',
        'PASS,0.75,short,0.25,0.25,0.5', 'open,,,,,']


def test_a_stopped_run_is_gone_on_with(tmp_path):
    path, state = tmp_path / 'scores.csv', dict(csv='1234')
    file = ScoreFile(path, COLUMNS, state=state)
    file.append(ROWS[:2], [0.5, float('nan')])
    file.close()
    with (tmp_path / 'scores.csv.partial').open('a') as stream:
        stream.write('PASS,cut in the mid')
    with pytest.raises(ScoreFileError, match='holds what a stopped run scored'):
        ScoreFile(path, COLUMNS, state=state)
    with pytest.raises(ScoreFileError, match='another label CSV'):
        ScoreFile(path, COLUMNS, state=dict(csv='5678'), resume=True)
    file = ScoreFile(path, COLUMNS, state=state, resume=True)
    assert file.done == 2 and [str(score) for score, *_ in file.scored_before()] == ['0.5', 'nan']
    file.append(ROWS[2:], [0.25])
    file.finish()
    assert path.read_text(encoding='utf-8') == write(tmp_path / 'whole.csv')
    assert sorted(os.listdir(tmp_path)) == ['scores.csv', 'whole.csv']


def test_nothing_given_is_overwritten(tmp_path):
    labels = tmp_path / 'labels.csv'
    labels.write_text('label\nPASS\n')
    os.symlink(labels, tmp_path / 'link.csv')
    for out, message in ((labels, 'overwritten'), (tmp_path / 'link.csv', 'overwritten'),
                         (tmp_path, 'is a folder'), (labels / 'scores.csv', 'is no folder')):
        with pytest.raises(OutputError, match=message):
            ScoreFile(out, ['label'], inputs=[labels])
    assert labels.read_text() == 'label\nPASS\n'


def test_a_killed_process_leaves_what_it_scored(tmp_path):
    code = f"""
import time
from mmchangenet.labels.score_file import ScoreFile
file = ScoreFile({str(tmp_path / 'scores.csv')!r}, ['label'])
for number in range(10**6):
    file.append([['PASS']], [number])
    time.sleep(0.002)
"""
    process = subprocess.Popen([sys.executable, '-c', code])
    while not (tmp_path / 'scores.csv.partial').exists() or (tmp_path /
                                                             'scores.csv.partial').stat().st_size < 200:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    file = ScoreFile(tmp_path / 'scores.csv', ['label'], resume=True)
    assert file.done > 5 and [score for score, *_ in file.scored_before()] == list(range(file.done))
    file.close()
