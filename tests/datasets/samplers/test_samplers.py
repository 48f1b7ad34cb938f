"""Samplers: the reference's weighting, seeded by epoch, dealt out to processes without loss."""

import pickle
from collections import Counter

import numpy as np
import pytest
from mmengine.runner import Runner

from mmchangenet.datasets import ConcatDataset, Draw, LightingPairDataset
from mmchangenet.datasets.samplers import DefectWeightedSampler, PairSampler


@pytest.fixture
def dataset(pair_folder):
    return LightingPairDataset(**pair_folder.settings())


@pytest.fixture
def in_world(monkeypatch):
    """Builds a sampler as each process of a world of a given size would."""

    def build(world_size, make):
        samplers = []
        for rank in range(world_size):
            monkeypatch.setattr('mmchangenet.datasets.samplers.draw_sampler.get_dist_info',
                                lambda rank=rank: (rank, world_size))
            samplers.append(make())
        return samplers

    return build


def test_draw_is_an_index_that_remembers():
    draw = Draw(17, seed=3, epoch=2, position=40)
    sent = pickle.loads(pickle.dumps(draw - 10))
    for inner, index in ((draw, 17), (draw - 10, 7), (draw % 5, 2), ((draw - 10) % 4, 3), (sent, 7)):
        assert inner == index and isinstance(inner, Draw)
        assert (inner.seed, inner.epoch, inner.position, inner.origin) == (3, 2, 40, 17)
    assert (draw - 10).moved_to(9).origin == 19
    assert list(range(20))[draw] == 17


def test_draw_generator_follows_from_seed_epoch_and_position_alone():
    first = Draw(1, 3, 2, 40).generator().random()
    assert first == Draw(9, 3, 2, 40).generator().random()
    assert len({Draw(1, *key).generator().random()
                for key in ((3, 2, 40), (4, 2, 40), (3, 3, 40), (3, 2, 41))}) == 4


@pytest.mark.parametrize('fail_ratio', [0.1, 0.5, 2])
def test_weights_are_the_references(dataset, monkeypatch, fail_ratio):
    sampler = DefectWeightedSampler(dataset, fail_ratio, seed=0)
    assert len(list(sampler)) == len(sampler) == len(dataset)
    drawn = Counter()
    for epoch in range(4000):
        sampler.set_epoch(epoch)
        drawn.update(int(draw) for draw in sampler)
    fail = dataset.gt_fail.astype(bool)
    weights = np.where(fail, (~fail).sum() / fail.sum() * fail_ratio, 1)
    expected = weights / weights.sum() * sum(drawn.values())
    np.testing.assert_allclose([drawn[i] for i in range(len(dataset))], expected,
                               atol=5 * expected.max() ** 0.5)


def test_epochs_differ_and_repeat(dataset):
    sampler = DefectWeightedSampler(dataset, 1, seed=5)
    epochs = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        epochs.append([(int(draw), draw.seed, draw.epoch, draw.position) for draw in sampler])
    assert epochs[0] == epochs[2]
    assert [row for row, *_ in epochs[0]] != [row for row, *_ in epochs[1]]
    assert [tuple(rest) for _, *rest in epochs[1]] == [(5, 1, position) for position in range(8)]
    assert epochs[0] != [(int(draw), 6, 0, draw.position)
                         for draw in DefectWeightedSampler(dataset, 1, seed=6)]


@pytest.mark.parametrize('world_size', [2, 3, 8, 11])
@pytest.mark.parametrize('make', [lambda d: DefectWeightedSampler(d, 1, seed=5),
                                  lambda d: PairSampler(d, shuffle=True, seed=5)])
def test_processes_draw_together_what_one_does(dataset, in_world, make, world_size):
    """Each the same number, dealt out in turn; beyond the sequence's end its first ones are repeated."""
    one = [(draw.position, int(draw)) for draw in make(dataset)]
    ranks = [[(draw.position, int(draw)) for draw in sampler]
             for sampler in in_world(world_size, lambda: make(dataset))]
    assert len({len(draws) for draws in ranks}) == 1
    together = [draw for turn in zip(*ranks, strict=True) for draw in turn]
    assert together[:len(one)] == one
    assert set(together) == set(one)
    assert len(together) - len(one) < world_size


@pytest.mark.parametrize('world_size', [1, 2, 3, 11])
@pytest.mark.parametrize('shuffle', [False, True])
def test_evaluation_fetches_every_row_once(dataset, in_world, world_size, shuffle):
    samplers = in_world(world_size, lambda: PairSampler(dataset, shuffle, round_up=False, seed=1))
    ranks = [[int(draw) for draw in sampler] for sampler in samplers]
    assert sorted(sum(ranks, [])) == list(range(len(dataset)))
    assert [len(sampler) for sampler in samplers] == [len(draws) for draws in ranks]
    if not shuffle:
        assert all(draws == list(range(rank, len(dataset), world_size)) for rank, draws in enumerate(ranks))


def test_shuffles_anew_every_epoch(dataset):
    sampler = PairSampler(dataset, shuffle=True, seed=0)
    first = list(map(int, sampler))
    sampler.set_epoch(1)
    assert first != list(map(int, sampler))


@pytest.mark.parametrize(('label', 'said'), [
    ('PASS', 'none of the 3 rows is FAIL.*PairSampler'),
    ('OK', "no row is labelled PASS; the labels are 'OK' .3x"),
])
def test_nothing_to_weight(new_folder, label, said):
    folder = new_folder()
    for _ in range(3):
        folder.add(label)
    with pytest.raises(ValueError, match=said) as error:
        DefectWeightedSampler(LightingPairDataset(**folder.settings()), 1, seed=0)
    assert str(folder.csv) in str(error.value)


@pytest.mark.parametrize('settings', [dict(fail_ratio=0), dict(fail_ratio=-1), dict(fail_ratio=float('nan')),
                                      dict(fail_ratio=1, seed=-1)])
def test_impossible_settings(dataset, settings):
    with pytest.raises(ValueError, match='fail_ratio|seed'):
        DefectWeightedSampler(dataset, **settings)


@pytest.mark.parametrize('wrapper', [
    dict(type='ConcatDataset'), dict(type='mmengine.ConcatDataset'), dict(type='RepeatDataset', times=3),
    dict(type='ClassBalancedDataset', oversample_thr=0.9)])
def test_built_by_the_runner_on_wrapped_datasets(pair_folder, wrapper):
    part = dict(type='mmchangenet.LightingPairDataset', **pair_folder.settings())
    inner = dict(datasets=[part, part]) if 'Concat' in wrapper['type'] else dict(dataset=part)
    loader = Runner.build_dataloader(dict(
        dataset=wrapper | inner | dict(_scope_='mmchangenet'), batch_size=4, num_workers=0, collate_fn=list,
        sampler=dict(type='mmchangenet.DefectWeightedSampler', fail_ratio=1)), seed=7)
    assert loader.sampler.seed == 7
    samples = [sample for batch in loader for sample in batch]
    assert len(samples) == len(loader.dataset) == len(loader.sampler)
    if wrapper['type'] != 'ClassBalancedDataset':  # which hands plain indices on
        assert [sample['sample_idx'] for sample in samples] == [int(draw) for draw in loader.sampler]
    fails = sum(sample['gt_fail'] for sample in samples)
    assert 0 < fails < len(samples)


def test_num_batch_per_epoch(pair_folder):
    loader = Runner.build_dataloader(dict(
        dataset=dict(type='mmchangenet.LightingPairDataset', **pair_folder.settings()), batch_size=3,
        num_batch_per_epoch=2,
        sampler=dict(type='mmchangenet.DefectWeightedSampler', fail_ratio=1)), seed=7)
    assert len(loader) == 2
    assert max(map(int, loader.sampler)) < 6


def test_training_without_a_pass_row_is_refused(new_folder):
    folder = new_folder()
    for label in ('OK', 'NG', 'OK'):
        folder.add(label)
    dataset = LightingPairDataset(**folder.settings())
    with pytest.raises(ValueError, match=r"labels.csv: no row .* 'OK' .2x., 'NG' .1x.. .*pass_labels"):
        PairSampler(dataset, shuffle=True)
    assert len(PairSampler(dataset)) == 3  # evaluation
    mapped = LightingPairDataset(**folder.settings(pass_labels=['OK']))
    assert len(PairSampler(mapped, shuffle=True)) == 3 and mapped.num_pass == 2
    assert mapped.metainfo['classes'] == ('PASS', 'NG')
    assert mapped.label_frame()['label'].tolist() == ['PASS', 'NG', 'PASS']
    assert len(DefectWeightedSampler(ConcatDataset([dataset, mapped]))) == 6  # one of them has PASS rows
