"""The hard boards: layout, splits, defects with their masks, and the same bytes every time."""

import csv
import hashlib
from collections import Counter

import cv2
import numpy as np
import pytest

from mmchangenet.boards.hard import DEFECTS, DESIGNS, SPLITS, Flaw, generate_hard_boards, take_shot
from mmchangenet.boards.hard.defects import can_have
from mmchangenet.boards.hard.designs import HELD_OUT, KNOWN_TYPES, SITES, design_sites
from mmchangenet.boards.hard.generate import Parameters, plan_flaws, split_of
from mmchangenet.boards.hard.line import light_gains, lot_at
from mmchangenet.boards.hard.shot import GOLDEN, boxes
from mmchangenet.boards.lighting import LIGHTS

BY_NAME = {design.name: design for design in DESIGNS}


def rows_of(root, name):
    with open(root / f'{name}.csv', newline='') as file:
        return list(csv.DictReader(file))


def digest(root):
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob('*') if path.is_file()}


def test_every_row_has_its_images_and_every_defect_its_mask(hard_root):
    boxed = {(row['input_path'], row['object_name']) for row in rows_of(hard_root, 'defects')}
    for split in SPLITS:
        for row in rows_of(hard_root, split):
            for folder in (row['input_path'], row['golden_path']):
                for light in LIGHTS:
                    assert (hard_root / 'images' / folder / f"{row['object_name']}_{light}.jpg").is_file()
            mask = hard_root / 'masks' / row['input_path'] / f"{row['object_name']}.png"
            place = row['input_path'], row['object_name']
            assert mask.is_file() == (place in boxed) == (row['label'] != 'PASS')


def test_boxes_enclose_the_mask(hard_root):
    missed = {}
    for row in rows_of(hard_root, 'defects'):
        mask = cv2.imread(str(hard_root / row['mask']), cv2.IMREAD_GRAYSCALE)
        x, y, width, height = (int(row[key]) for key in ('x', 'y', 'width', 'height'))
        assert mask[y:y + height, x:x + width].any()
        missed.setdefault(row['mask'], mask)[y:y + height, x:x + width] = 0
    assert not any(mask.any() for mask in missed.values())


def test_splits_are_ordered_in_time_and_whole_designs_are_held_out(hard_root):
    times = {split: [float(row['time']) for row in rows_of(hard_root, split)] for split in SPLITS}
    assert all(values == sorted(values) for values in times.values())
    assert max(times['train']) < min(times['val']) and max(times['val']) < min(times['test'])
    designs = {split: {row['design'] for row in rows_of(hard_root, split)} for split in SPLITS}
    assert designs['train'] == designs['val'] == designs['test']
    assert not designs['train'] & (designs['held_out'] | designs['development'])
    assert all(BY_NAME[name].role == HELD_OUT for name in designs['held_out'])


def test_part_types_are_held_out_too(hard_root):
    seen = {row['part_type'] for row in rows_of(hard_root, 'train')}
    assert seen == KNOWN_TYPES
    for row in rows_of(hard_root, 'held_out'):
        assert row['known_part'] == str(int(row['part_type'] in seen))
    assert {row['known_part'] for row in rows_of(hard_root, 'held_out')} == {'0', '1'}


@pytest.mark.parametrize('prevalence', [0.0015, 0.05, 0.3])
def test_prevalence_is_as_asked_in_every_split(prevalence):
    parameters = Parameters(boards=30, prevalence=prevalence)
    found = Counter(split_of(design, board / 30) for design, board, _ in plan_flaws(parameters))
    rows = Counter(split_of(design, board / 30) for design in DESIGNS for board in range(30))
    for split in SPLITS:
        assert found[split] == max(round(prevalence * SITES * rows[split]), 1)


def test_all_kinds_are_equally_often_and_range_from_hard_to_see_to_glaring():
    plan = plan_flaws(Parameters(boards=60))
    kinds = Counter(flaw.kind for (design, *_), flaw in plan.items() if design.role == HELD_OUT)
    assert set(kinds) == set(DEFECTS) and max(kinds.values()) - min(kinds.values()) <= 1
    severities = [flaw.severity for flaw in plan.values()]
    assert min(severities) < 0.05 and max(severities) > 0.95


def test_same_seed_same_bytes_by_any_number_of_processes(hard_root, tmp_path):
    parameters = Parameters(boards=5, size=32, prevalence=0.3, sites=8)
    generate_hard_boards(tmp_path / 'again', parameters, processes=2)
    assert digest(tmp_path / 'again') == digest(hard_root)


def test_a_shot_depends_on_its_place_alone():
    design = DESIGNS[0]
    first, again = (take_shot(0, design, 3, 5, 0.5, size=32) for _ in range(2))
    others = (take_shot(1, design, 3, 5, 0.5, size=32), take_shot(0, design, 4, 5, 0.5, size=32))
    for light in LIGHTS:
        assert np.array_equal(first.images[light], again.images[light])
        assert not any(np.array_equal(first.images[light], other.images[light]) for other in others)


@pytest.mark.parametrize('kind', DEFECTS)
def test_a_defect_changes_its_mask_and_nothing_else(kind):
    design = DESIGNS[0]
    number = next(n for n, site in enumerate(design_sites(0, design)) if can_have(site, kind))
    good = take_shot(0, design, 2, number)
    bad = take_shot(0, design, 2, number, flaw=Flaw(kind, 0.8))
    changed = np.max([np.abs(bad.images[light].astype(int) - good.images[light]).max(2)
                      for light in LIGHTS], 0)
    near = cv2.dilate(bad.mask, np.ones((9, 9), np.uint8)) > 0
    assert bad.mask.any() and boxes(bad.mask)
    assert changed[bad.mask > 0].mean() > 5 * max(np.median(changed[~near]), 1)


def test_even_the_least_severe_defect_leaves_a_trace():
    for number, kind in enumerate(DEFECTS):
        design = DESIGNS[number % len(DESIGNS)]
        sites = [n for n, site in enumerate(design_sites(0, design)) if can_have(site, kind)]
        for site in sites[:1]:
            assert np.count_nonzero(take_shot(0, design, number, site, flaw=Flaw(kind, 0.0)).mask) >= 12


def test_light_and_lots_drift_but_goldens_are_of_the_beginning():
    design = DESIGNS[0]
    assert all(gain == pytest.approx(1) for gain in light_gains(0, design, 0.0).values())
    assert np.std([light_gains(0, design, when)['WhiteLight'] for when in np.linspace(0, 1, 20)]) > 0.03
    site = design_sites(0, design)[0]
    lots = {lot_at(0, design, site, board) for board in range(GOLDEN, 100)}
    assert 3 <= len(lots) <= 10


def test_the_dataset_class_reads_it(hard_root):
    from mmchangenet.datasets import LightingPairDataset
    dataset = LightingPairDataset(
        data_root=str(hard_root), ann_file='held_out.csv', data_prefix={'img_path': 'images'}, pipeline=[],
        input_map={light: position for position, light in enumerate(LIGHTS)})
    assert len(dataset) == len(rows_of(hard_root, 'held_out')) and dataset.num_fail == 24


def test_what_cannot_be_made_is_told_at_once(hard_root):
    with pytest.raises(ValueError, match='boards is 4.*prevalence is 0.5.*size is 8.*quality is 0'):
        Parameters(boards=4, prevalence=0.5, size=8, quality=0)
    with pytest.raises(FileExistsError, match='holds something already'):
        generate_hard_boards(hard_root, Parameters(boards=5, size=32))


