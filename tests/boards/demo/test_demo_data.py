"""The demo data: layout and labels, the same bytes every time, too hard for simple differences."""

import csv
import hashlib
from collections import Counter

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mmchangenet.boards.demo import DEFECTS, LIGHTS, generate_demo, take_shot

SPLITS = ('train', 'val', 'test')


def rows_of(root, *splits):
    rows = []
    for split in splits:
        with open(root / f'{split}.csv', newline='') as file:
            rows += csv.DictReader(file)
    return rows


def read(root, folder, name, light):
    image = cv2.imread(str(root / 'images' / folder / f'{name}_{light}.jpg'), cv2.IMREAD_COLOR)
    return image.astype(np.float32)


def digest(root):
    """Hash of every file, by its path."""
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob('*') if path.is_file()}


def test_every_row_has_its_images(demo_root):
    for row in rows_of(demo_root, *SPLITS):
        assert list(row) == ['input_path', 'golden_path', 'label', 'object_name']
        for folder in (row['input_path'], row['golden_path']):
            for light in LIGHTS:
                assert (demo_root / 'images' / folder / f"{row['object_name']}_{light}.jpg").is_file()


def test_splits_share_no_board_and_hold_every_kind(demo_root):
    boards = []
    for split in SPLITS:
        rows = rows_of(demo_root, split)
        labels = Counter(row['label'] for row in rows)
        assert set(labels) == {'PASS', *DEFECTS}
        assert 0.2 <= 1 - labels['PASS'] / len(rows) <= 0.3
        boards += {row['input_path'] for row in rows}
    assert len(boards) == len(set(boards)) == 8


def test_the_dataset_class_reads_it(demo_root):
    from mmchangenet.datasets import LightingPairDataset
    dataset = LightingPairDataset(
        data_root=str(demo_root), ann_file='val.csv', data_prefix={'img_path': 'images'}, pipeline=[],
        input_map={light: position for position, light in enumerate(LIGHTS)})
    assert len(dataset) == len(rows_of(demo_root, 'val'))


def test_same_seed_same_bytes(small_root, tmp_path):
    for name, seed in (('same', 0), ('other', 1)):
        generate_demo(tmp_path / name, seed=seed, num_boards=3, size=32)
    first, other = digest(small_root), digest(tmp_path / 'other')
    assert digest(tmp_path / 'same') == first
    assert all(first[path] != other[path] for path in first if path.endswith('.jpg'))


@pytest.mark.parametrize('processes', [1, 3])
def test_any_number_of_processes_writes_the_same_bytes(small_root, tmp_path, processes):
    generate_demo(tmp_path / 'demo', num_boards=3, size=32, processes=processes)
    assert digest(tmp_path / 'demo') == digest(small_root)


def test_a_shot_depends_on_its_place_alone():
    shots = [take_shot(0, board, site, size=32) for board, site in ((0, 0), (0, 1), (1, 0), (1, 1))]
    again = [take_shot(0, board, site, size=32) for board, site in ((1, 1), (1, 0), (0, 1), (0, 0))]
    for shot, twin in zip(shots, reversed(again), strict=True):
        assert all(np.array_equal(shot[light], twin[light]) for light in LIGHTS)
    assert not np.array_equal(shots[0]['WhiteLight'], shots[2]['WhiteLight'])


def test_good_pairs_differ_in_brightness(demo_root):
    good = [row for row in rows_of(demo_root, *SPLITS) if row['label'] == 'PASS'][:60]
    for light in LIGHTS:
        ratio = [read(demo_root, row['input_path'], row['object_name'], light).mean()
                 / read(demo_root, row['golden_path'], row['object_name'], light).mean() for row in good]
        assert np.std(np.log(ratio)) > 0.1


def simple_differences(root, row):
    """The three scores of the shared benchmark, over the lights: mean and largest of each."""
    scores = {}
    for light in LIGHTS:
        sides = [read(root, row[side], row['object_name'], light) for side in ('input_path', 'golden_path')]
        for colour, difference in (
                ('rgb', np.abs(sides[0] - sides[1]).mean(2)),
                ('grey', np.abs(cv2.cvtColor(sides[0], cv2.COLOR_BGR2GRAY)
                                - cv2.cvtColor(sides[1], cv2.COLOR_BGR2GRAY)))):
            scores.setdefault(f'{colour} mean', []).append(difference.mean())
            for window in (5, 9):
                inner = slice(window // 2, -(window // 2))
                largest = cv2.blur(difference, (window, window))[inner, inner].max()
                scores.setdefault(f'{colour} {window}×{window}', []).append(largest)
    reduced = {f'{name}, {how.__name__}': how(values) for name,
               values in scores.items() for how in (np.mean, np.max)}
    return reduced | {f'{name}, {light}': value for name, values in scores.items()
                      for light, value in zip(LIGHTS, values, strict=True)}


def test_simple_differences_stay_under_090(demo_root):
    rows = rows_of(demo_root, *SPLITS)
    fails = [row['label'] != 'PASS' for row in rows]
    scores = [simple_differences(demo_root, row) for row in rows]
    auroc = {name: roc_auc_score(fails, [score[name] for score in scores]) for name in scores[0]}
    best = max(auroc, key=auroc.get)
    assert auroc[best] < 0.90, f'{best}: {auroc[best]:.3f}'


@pytest.mark.parametrize('wrong, words', [
    ({'num_boards': 2}, 'num_boards is 2'), ({'size': 8}, 'size is 8'), ({'quality': 0}, 'quality 0')])
def test_unusable_parameters_are_refused(tmp_path, wrong, words):
    with pytest.raises(ValueError, match=words):
        generate_demo(tmp_path / 'data', **wrong)
    assert not (tmp_path / 'data').exists()
