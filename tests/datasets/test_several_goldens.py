"""Several goldens per part: their folder is listed, drawn from in training, taken in order in evaluation."""

import cv2
import numpy as np
import pytest
import torch

from mmchangenet.datasets import Draw, LabelCsvError, LightingPairDataset

PIPELINE = [
    dict(type='LoadLightings'), dict(type='PairedResize', size=(16, 12)), dict(type='PairedRandomFlip'),
    dict(type='PairedRandomRotate', prob=1.0), dict(type='PairedRandomResizedCrop'),
    dict(type='PairedGaussianBlur'),
    dict(type='PairedColorJitter', prob=1.0), dict(type='LayOutLightings'), dict(type='PackChangeInputs')
]
PLAIN = [PIPELINE[0], PIPELINE[1], PIPELINE[-2], PIPELINE[-1]]
GOLDENS = ('g0', 'g1', 'g2', 'g3')


@pytest.fixture
def folder(pair_folder):
    """Eight rows on two boards; each board's golden folder gets four goldens of other names."""
    for board in ('b0', 'b1'):
        golden = pair_folder.images / 'golden' / board
        for file in golden.iterdir():
            file.unlink()
        for number, name in enumerate(GOLDENS):
            for light in ('Low', 'White'):
                grey = 40 * number + 10 * (light == 'White') + 20
                cv2.imwrite(str(golden / f'{name}_{light}.png'), np.full((12, 10, 3), grey, np.uint8))
    return pair_folder


def names(sample):
    return [file.rpartition('/')[2] for file in sample.golden_files]


def test_evaluation_takes_the_first_in_order(folder):
    dataset = LightingPairDataset(**folder.settings(num_golden=3, pipeline=PLAIN, test_mode=True))
    packed = dataset[0]
    assert names(packed['data_samples']) == [f'{name}_{light}.png' for name in GOLDENS[:3]
                                             for light in ('Low', 'White')]
    assert packed['data_samples'].num_golden == 3
    golden = packed['inputs']['golden']
    assert golden.shape == (3, 3, 32, 12) and packed['inputs']['compare'].shape == (3, 32, 12)
    assert [int(image[0, 0, 0]) for image in golden] == [20, 60, 100] and golden.is_contiguous()
    assert [int(image[0, -1, 0]) for image in golden] == [30, 70, 110]  # the second lighting below


def test_training_draws_from_the_draw_alone(folder):
    dataset = LightingPairDataset(**folder.settings(num_golden=2, pipeline=PLAIN))
    seen = {tuple(names(dataset[Draw(0, seed=1, epoch=epoch, position=0)]['data_samples']))
            for epoch in range(20)}
    assert len(seen) > 5 and {name for choice in seen for name in choice} == {
        f'{name}_{light}.png' for name in GOLDENS for light in ('Low', 'White')}
    assert all(len(set(choice)) == 4 for choice in seen)  # never one golden twice where there are enough
    again = [names(dataset[Draw(0, seed=1, epoch=3, position=5)]['data_samples']) for _ in range(2)]
    assert again[0] == again[1]


def test_augmentation_is_the_same_for_all_goldens(folder):
    goldens = folder.images / 'golden/b0'
    for file in goldens.iterdir():  # every golden looks alike
        cv2.imwrite(str(file), np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8))
    packed = LightingPairDataset(**folder.settings(num_golden=4, pipeline=PIPELINE))[Draw(0, 1, 2, 3)]
    assert all(torch.equal(golden, packed['inputs']['golden'][0]) for golden in packed['inputs']['golden'])


def test_too_few_goldens_are_repeated(folder):
    dataset = LightingPairDataset(**folder.settings(num_golden=6, pipeline=PLAIN, test_mode=True))
    assert names(dataset[0]['data_samples'])[::2] == [f'{GOLDENS[turn % 4]}_Low.png' for turn in range(6)]


def test_subsets_keep_their_goldens(folder):
    dataset = LightingPairDataset(**folder.settings(num_golden=2, indices=[7, 0], test_mode=True))
    assert [dataset.get_data_info(row)['golden_files'][0] for row in (0, 1)] == [
        str(folder.images / f'golden/b{board}/g0_Low.png') for board in (1, 0)]


def test_one_golden_is_as_ever(pair_folder):
    given, default = (LightingPairDataset(**pair_folder.settings(pipeline=PIPELINE, **more))
                      for more in (dict(num_golden=1), {}))
    draw = Draw(3, 1, 2, 3)
    assert all(torch.equal(given[draw]['inputs'][side], default[draw]['inputs'][side])
               for side in ('compare', 'golden'))
    assert 'num_golden' not in given[draw]['data_samples']


def test_what_is_wrong_with_golden_folders_is_said_at_once(folder):
    (folder.images / 'golden/b0/g1_White.png').unlink()
    for file in (folder.images / 'golden/b1').iterdir():
        file.unlink()
    with pytest.raises(LabelCsvError) as raised:
        LightingPairDataset(**folder.settings(num_golden=2))
    assert 'lacks a lighting' in str(raised.value) and 'golden/b0/g1' in str(raised.value)
    assert 'without goldens' in str(raised.value) and 'golden/b1' in str(raised.value)
    with pytest.raises(ValueError, match='num_golden=0'):
        LightingPairDataset(**folder.settings(num_golden=0))


def test_an_unreadable_golden_leaves_the_row_without_a_score(folder):
    (folder.images / 'golden/b0/g0_Low.png').write_bytes(b'broken')
    packed = LightingPairDataset(**folder.settings(num_golden=2, pipeline=PLAIN, test_mode=True))[0]
    assert 'g0_Low.png' in packed['data_samples'].error and packed['inputs']['golden'].shape == (2, 3, 32, 12)


def test_a_lighting_whose_name_ends_like_another(new_folder):
    """``g_Side_White.png`` is the golden g under Side_White, not a golden g_Side that lacks a lighting."""
    folder = new_folder(lights=('White', 'Side_White')).add(name='part')
    files = {file.name for file in (folder.images / 'golden/b0').iterdir()}
    assert files == {'part_White.png', 'part_Side_White.png'}
    dataset = LightingPairDataset(**folder.settings(num_golden=2, test_mode=True))
    assert [file.rpartition('/')[2] for file in dataset.get_data_info(0)['golden_files']] == 2 * [
        'part_White.png', 'part_Side_White.png']
    (folder.images / 'golden/b0/other_Side_White.png').write_bytes(b'')
    with pytest.raises(LabelCsvError, match='lacks a lighting'):
        LightingPairDataset(**folder.settings(num_golden=2))
