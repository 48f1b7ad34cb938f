"""The audit lists unreadable images, contradicting labels and pairs whose two sides are the same."""

import shutil

import pytest

from mmchangenet.datasets import LightingPairDataset
from mmchangenet.datasets.audit import audit


def found(folder, **settings):
    findings = audit(LightingPairDataset(**folder.settings(check_images=False, test_mode=True, **settings)))
    return {(row.line, row.finding): row.detail for row in findings.itertuples()}


def copy(folder, source, target):
    """Give an object the images of another one, on one board."""
    for side in ('compare', 'golden'):
        for suffix in folder.suffixes:
            paths = [next(folder.images.glob(f'{side}/*/{name}{suffix}.png')) for name in (source, target)]
            shutil.copyfile(*paths)


def test_a_sound_folder(pair_folder):
    assert found(pair_folder) == {}


@pytest.mark.parametrize('how', ['missing', 'empty', 'truncated', 'text'])
def test_unreadable_images(pair_folder, how):
    path = pair_folder.images / 'golden/b0/C2_White.png'
    content = path.read_bytes()
    path.unlink()
    if how != 'missing':
        path.write_bytes({'empty': b'', 'truncated': content[:-20], 'text': b'not an image'}[how])
    findings = found(pair_folder)
    assert list(findings) == [(4, 'unreadable image')]
    assert str(path) in findings[4, 'unreadable image']


def test_contradicting_labels_name_each_other(pair_folder):
    for target in ('C1', 'C2', 'C3'):
        copy(pair_folder, 'C0', target)
    findings = found(pair_folder)
    assert set(findings) == {(line, 'contradicting labels') for line in (2, 3, 4, 5)}
    assert findings[2, 'contradicting labels'] == 'same images as line 3 missing'
    assert findings[3, 'contradicting labels'] == 'same images as line 2 PASS, line 4 PASS, line 5 PASS'


def test_equal_images_in_one_lighting_or_with_equal_labels_are_fine(pair_folder):
    copy(pair_folder, 'C0', 'C2')
    shutil.copyfile(pair_folder.images / 'compare/b0/C0_Low.png',
                    pair_folder.images / 'compare/b0/C1_Low.png')
    assert found(pair_folder) == {}


def test_same_file_and_same_bytes_on_both_sides(pair_folder):
    with pair_folder.csv.open('a') as file:
        file.write('golden/b0,golden/./b0,PASS,C0\n')
    for suffix in pair_folder.suffixes:
        shutil.copyfile(pair_folder.images / f'golden/b0/C1{suffix}.png',
                        pair_folder.images / f'compare/b0/C1{suffix}.png')
        link = pair_folder.images / f'compare/b0/C2{suffix}.png'
        link.unlink()
        link.symlink_to(pair_folder.images / f'golden/b0/C2{suffix}.png')
    assert set(found(pair_folder)) == {
        (10, 'same file on both sides'), (3, 'same bytes on both sides'), (4, 'same file on both sides')}


def test_each_of_several_goldens_is_looked_at(pair_folder):
    for suffix in pair_folder.suffixes:
        shutil.copyfile(pair_folder.images / f'golden/b0/C2{suffix}.png',
                        pair_folder.images / f'compare/b0/C1{suffix}.png')
    (pair_folder.images / 'golden/b1/C5_Low.png').write_bytes(b'broken')
    findings = found(pair_folder, num_golden=4)
    detail = findings.pop((3, 'same bytes on both sides'))
    assert detail.endswith(f'golden/b0/C2{pair_folder.suffixes[0]}.png')
    assert set(findings) == {(line, 'unreadable image') for line in (6, 7, 8, 9)}


def test_without_labels(pair_folder):
    copy(pair_folder, 'C0', 'C1')
    lines = [line.split(',') for line in pair_folder.csv.read_text().splitlines()]
    pair_folder.csv.write_text('\n'.join(f'{a},{b},{d}' for a, b, _, d in lines))
    assert found(pair_folder) == {}
