"""DeepPCB's pairs become crops by the benchmark protocol."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from mmchangenet.datasets import LightingPairDataset
from mmchangenet.datasets.deeppcb import BLANK_STD, SHIFT, choose_crops, convert, read_list
from mmchangenet.imaging import ImageError

SHARED = Path(__file__).parents[2] / '../shared/deeppcb'
BOXES = {'00000001': [(40, 50, 60, 80, 1), (150, 20, 170, 30, 6)], '00000002': [(100, 100, 130, 120, 3)]}


@pytest.fixture
def src(tmp_path):
    """Two pairs of 200x200 px, the left quarter blank."""
    folder = tmp_path / 'DeepPCB'
    rng = np.random.default_rng(0)
    for name, boxes in BOXES.items():
        group = folder / 'PCBData/group00000'
        for part in ('00000', '00000_not'):
            (group / part).mkdir(parents=True, exist_ok=True)
        golden = (rng.random((200, 200)) > 0.5).astype(np.uint8) * 255
        golden[:, :50] = 255
        cv2.imwrite(str(group / f'00000/{name}_temp.jpg'), golden)
        cv2.imwrite(str(group / f'00000/{name}_test.jpg'), 255 - golden)
        (group / f'00000_not/{name}.txt').write_text(''.join('{} {} {} {} {}\n'.format(*box)
                                                             for box in boxes))
    (folder / 'list.txt').write_text(''.join(f'group00000/00000/{n}.jpg group00000/00000_not/{n}.txt\n'
                                             for n in BOXES))
    return folder


def test_crops_keep_to_the_protocol(src):
    pair = read_list(src, src / 'list.txt')[0]
    golden = cv2.imread(pair['golden'], cv2.IMREAD_GRAYSCALE)
    seen_shifts = []
    for seed in range(50):
        crops = choose_crops(golden, pair['boxes'], pair['labels'], 32, np.random.default_rng(seed))
        assert [label for *_, label in crops] == ['open', 'pin-hole'] + ['PASS'] * 4
        assert all(0 <= x <= 200 - 32 and 0 <= y <= 200 - 32 for x, y, _ in crops)
        x, y, _ = crops[0]
        seen_shifts += [x + 16 - 50, y + 16 - 65]
        assert crops[1][1] <= 25 + SHIFT - 16
        for x, y, _ in crops[2:]:
            assert golden[y:y + 32, x:x + 32].std() >= BLANK_STD
            for x1, y1, x2, y2 in pair['boxes']:
                assert x > x2 or x + 32 < x1 or y > y2 or y + 32 < y1
    assert (min(seen_shifts), max(seen_shifts)) == (-SHIFT, SHIFT)


def test_blank_or_full_pairs_get_fewer_pass_crops(src):
    pair = read_list(src, src / 'list.txt')[0]
    blank = np.full((200, 200), 255, np.uint8)
    assert len(choose_crops(blank, pair['boxes'], pair['labels'], 32, np.random.default_rng(0))) == 2


def test_converted_folder_is_a_dataset(src, tmp_path):
    frame = convert(src, src / 'list.txt', tmp_path / 'out', size=32)
    assert pd.read_csv(tmp_path / 'out/labels.csv', dtype=str).equals(frame.astype(str))
    assert frame['label'].value_counts().to_dict() == {'PASS': 6, 'open': 1, 'pin-hole': 1, 'mousebite': 1}
    dataset = LightingPairDataset('labels.csv', str(tmp_path / 'out'), image_ext='.png')
    assert (dataset.num_pass, dataset.num_fail) == (6, 3)
    for info in map(dataset.get_data_info, range(9)):
        golden, compare = (cv2.imread(info[f'{side}_files'][0], cv2.IMREAD_UNCHANGED)
                           for side in ('golden', 'compare'))
        assert golden.shape == (32, 32)
        assert np.abs(golden.astype(int) + compare - 255).mean() < 30  # but for JPEG


def test_a_pairs_crops_depend_on_seed_and_name_only(src, tmp_path):
    def crops(folder):
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob('00000002_*.png')}

    convert(src, src / 'list.txt', tmp_path / 'both', size=32)
    (src / 'short.txt').write_text((src / 'list.txt').read_text().splitlines()[1])
    convert(src, src / 'short.txt', tmp_path / 'one', size=32)
    convert(src, src / 'short.txt', tmp_path / 'other', size=32, seed=1)
    assert crops(tmp_path / 'both') == crops(tmp_path / 'one') != crops(tmp_path / 'other')


def test_everything_wrong_with_a_list_is_reported(src):
    (src / 'PCBData/group00000/00000/00000001_test.jpg').unlink()
    (src / 'PCBData/group00000/00000_not/00000002.txt').write_text('1 2 3 4 1\n1 2 3 4 9\nx\n')
    with (src / 'list.txt').open('a') as file:
        file.write('only_one_word\n\ngroup00000/00000/00000002.jpg group00000/00000_not/00000002.txt\n')
    with pytest.raises(ValueError) as error:
        read_list(src, src / 'list.txt')
    for words in ('line 1: there is no', '00000001_test.jpg', '00000002.txt line 2: wanted "x1 y1',
                  "got '1 2 3 4 9'",
                  "line 3: wanted", 'only_one_word', 'line 5: 00000002 is listed in line 2 already'):
        assert words in str(error.value)


def test_a_list_of_the_data_set_is_found_by_its_name(src):
    assert len(read_list(src, 'list.txt')) == len(read_list(src, src / 'list.txt'))
    with pytest.raises(FileNotFoundError, match='other.txt'):
        read_list(src, 'other.txt')


def test_empty_list(src):
    (src / 'list.txt').write_text('')
    with pytest.raises(ValueError, match='it is empty'):
        read_list(src, src / 'list.txt')


@pytest.mark.parametrize(('damage', 'said'), [(b'', 'empty file'), (None, 'wanted at least 32 px')])
def test_images_that_cannot_be_cut(src, tmp_path, damage, said):
    path = src / 'PCBData/group00000/00000/00000001_test.jpg'
    if damage is None:
        cv2.imwrite(str(path), np.zeros((20, 200), np.uint8))
    else:
        path.write_bytes(damage)
    with pytest.raises((ImageError, ValueError), match=said) as error:
        convert(src, src / 'list.txt', tmp_path / 'out', size=32)
    assert '00000001_test.jpg' in str(error.value)


@pytest.mark.skipif(not SHARED.exists(), reason='the shared part of DeepPCB is not here')
def test_shared_list_gives_the_documented_number_of_crops():
    """8,249; where room is rare, 200 draws find a few more or less: 7 is the deviation over seeds."""
    pairs = read_list(SHARED, SHARED / 'train.txt')
    rng = np.random.default_rng(0)
    crops = [len(choose_crops(cv2.imread(p['golden'], cv2.IMREAD_GRAYSCALE), p['boxes'], p['labels'], 64,
                              rng)) for p in pairs]
    assert sum(len(pair['boxes']) for pair in pairs) == 2762
    assert abs(sum(crops) - 8249) <= 25
