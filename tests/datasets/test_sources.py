"""Every sample is led back to its CSV and row, through all wrappers."""

import mmengine.dataset
import pytest
from torch.utils.data import Subset

from mmchangenet.datasets import ConcatDataset, LightingPairDataset, locate, read_label_csv
from mmchangenet.datasets.samplers import PairSampler


@pytest.fixture
def parts(new_folder):
    first, second = new_folder('first'), new_folder('second')
    for i in range(4):
        first.add('PASS' if i % 2 else 'missing', name=f'A{i}')
        second.add('PASS' if i % 2 else 'bridge', name=f'B{i}')
    return (LightingPairDataset(**first.settings(indices=-3)),
            LightingPairDataset(**second.settings(indices=[3, 0])))


def wrapped(kind, parts):
    return {
        'plain': lambda: parts[0],
        'concat': lambda: ConcatDataset(parts),
        'mmengine': lambda: mmengine.dataset.ConcatDataset(parts, ignore_keys='classes'),
        'repeat': lambda: mmengine.dataset.RepeatDataset(parts[0], 2),
        'balanced': lambda: mmengine.dataset.ClassBalancedDataset(parts[0], 0.9),
        'subset': lambda: Subset(ConcatDataset(parts), [4, 1]),
    }[kind]()


@pytest.mark.parametrize('kind', ['plain', 'concat', 'mmengine', 'repeat', 'balanced', 'subset'])
def test_samples_and_csv_rows_agree(parts, kind):
    dataset = wrapped(kind, parts)
    places = locate(dataset)
    frames = [read_label_csv(path) for path in places.files()]
    fails = places.gt_fail()
    samples = [dataset[draw] for draw in PairSampler(dataset, seed=0)]
    assert len(samples) == len(places.which)
    for i, (sample, which, row) in enumerate(zip(samples, places.which, places.csv_rows(), strict=True)):
        expected = frames[which].iloc[row]
        assert (sample['object_name'], sample['label']) == (expected['object_name'], expected['label'])
        assert fails[i] == sample['gt_fail'] == (sample['label'] != 'PASS')
        if kind not in ('balanced', 'subset'):  # these two hand plain indices on
            assert sample['sample_idx'] == i


def test_concat_joins_class_lists(parts):
    assert ConcatDataset(parts).metainfo['classes'] == ('PASS', 'bridge', 'missing')
    assert ConcatDataset([parts[1], parts[1]]).metainfo['classes'] == ('PASS', 'bridge')


def test_unknown_datasets_are_named():
    with pytest.raises(TypeError, match='list is neither'):
        locate([1, 2])
