"""The dataset reads rows rightly or says in one report what is wrong; broken images lose nothing."""

import copy
import itertools
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import ClassBalancedDataset, RepeatDataset
from torch.utils.data import DataLoader

from mmchangenet.datasets import ConcatDataset, LabelCsvError, LightingPairDataset, lighting_pair_dataset
from mmchangenet.datasets.samplers import DefectWeightedSampler, PairSampler
from mmchangenet.imaging import ImageError
from mmchangenet.labels.lightings import ordered_lightings

pytestmark = pytest.mark.filterwarnings('ignore:This DataLoader will create 3 worker')  # on fewer processors

LOAD = dict(type='LoadLightings')
AUGMENT = [
    LOAD, dict(type='PairedResize', size=(16, 16)), dict(type='PairedRandomFlip'),
    dict(type='PairedRandomRotate'),
    dict(type='PairedRandomResizedCrop'), dict(type='PairedGaussianBlur'),
    dict(type='PairedColorJitter', prob=1),
    dict(type='LayOutLightings'), dict(type='PackChangeInputs')]


# ---- rows

def test_a_rows_info(pair_folder):
    dataset = LightingPairDataset(**pair_folder.settings(input_map=dict(White=1, Low=0)))
    info = dataset.get_data_info(4)
    base = str(pair_folder.images)
    assert info == dict(
        sample_idx=4, input_path='compare/b1', golden_path='golden/b1', label='bridge', object_name='C4',
        gt_fail=1,
        compare_files=[f'{base}/compare/b1/C4_Low.png', f'{base}/compare/b1/C4_White.png'],
        golden_files=[f'{base}/golden/b1/C4_Low.png', f'{base}/golden/b1/C4_White.png'])
    assert dataset.get_data_info(-4)['sample_idx'] == 4
    with pytest.raises(IndexError):
        dataset.get_data_info(8)


def test_counts_labels_and_classes(pair_folder):
    dataset = LightingPairDataset(**pair_folder.settings())
    assert (len(dataset), dataset.num_pass, dataset.num_fail) == (8, 5, 3)
    assert dataset.gt_fail.tolist() == [0, 1, 0, 0, 1, 0, 1, 0]
    assert dataset.labels.tolist() == ['PASS', 'missing', 'PASS', 'PASS', 'bridge', 'PASS', 'missing', 'PASS']
    assert dataset.metainfo['classes'] == ('PASS', 'bridge', 'missing')
    assert [dataset.get_cat_ids(i) for i in range(3)] == [[0], [2], [0]]


def test_one_image_without_suffix(new_folder):
    folder = new_folder(lights=(), ext='.jpg').add()
    info = LightingPairDataset(**folder.settings(image_ext='.jpg')).get_data_info(0)
    assert info['compare_files'] == [str(folder.images / 'compare/b0/C0.jpg')]


def test_lazy_init_reads_on_first_use(pair_folder):
    dataset = LightingPairDataset(**pair_folder.settings(lazy_init=True))
    assert not dataset._fully_initialized and 'classes' not in dataset.metainfo
    assert dataset[0]['object_name'] == 'C0' and dataset.metainfo['classes'][0] == 'PASS'


def test_numbers_and_na_are_names(new_folder):
    folder = new_folder()
    for name in ('007', '1e5', '12.0', 'NA', 'None', 'nan'):
        folder.add(name=name, label='NA' if name == 'NA' else 'pass')
    dataset = LightingPairDataset(**folder.settings())
    assert [dataset.get_data_info(i)['object_name'] for i in range(6)] == ['007', '1e5', '12.0', 'NA', 'None',
                                                                           'nan']
    assert (dataset.num_pass, dataset.labels[3]) == (5, 'NA')


def test_backslashes_are_separators_and_dots_may_stay_inside(pair_folder):
    text = pair_folder.csv.read_text().replace('compare/b0', 'compare\\b0').replace('golden/b0',
                                                                                    './golden/x/../b0')
    (pair_folder.images / 'golden/x').mkdir()
    pair_folder.csv.write_text(text)
    info = LightingPairDataset(**pair_folder.settings()).get_data_info(0)
    assert info['input_path'] == 'compare/b0'
    assert all(Path(path).is_file() for path in info['compare_files'] + info['golden_files'])


# ---- subsets and wrappers

@pytest.mark.parametrize(('indices', 'kept'), [
    (3, [0, 1, 2]), (0, []), (-2, [6, 7]), ([5, 1, 1], [5, 1, 1]), (np.array([-1]), [7])])
def test_subsets_keep_only_their_rows(pair_folder, indices, kept):
    whole = LightingPairDataset(**pair_folder.settings())
    changed = LightingPairDataset(**pair_folder.settings())
    changed.get_subset_(indices)
    for part in (LightingPairDataset(**pair_folder.settings(indices=indices)), whole.get_subset(indices),
                 changed):
        assert [part.get_data_info(i)['object_name'] for i in range(len(part))] == [f'C{i}' for i in kept]
        assert part.gt_fail.tolist() == whole.gt_fail[kept].tolist()
        assert part.csv_rows.tolist() == kept
        assert part.label_frame()['object_name'].tolist() == [f'C{i}' for i in kept]
        assert part.metainfo['classes'] == ('PASS', 'bridge', 'missing')
    assert len(whole) == 8


def test_wrappers(pair_folder):
    dataset = LightingPairDataset(**pair_folder.settings())
    assert ConcatDataset([dataset, dataset])[9]['object_name'] == 'C1'
    assert RepeatDataset(dataset, 3)[17]['object_name'] == 'C1'
    balanced = ClassBalancedDataset(dataset, 0.9)
    assert len(balanced) > 8 and balanced.metainfo['classes'] == dataset.metainfo['classes']


def test_pickles_and_copies(pair_folder):
    dataset = LightingPairDataset(**pair_folder.settings())
    for twin in (pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset)):
        assert twin[3] | dict(rng=None) == dataset[3] | dict(rng=None)


# ---- bad input

@pytest.mark.parametrize(('row', 'said'), [
    ('/abs/b0,golden/b0,PASS,C0', ['line 3: input_path \'/abs/b0\'', 'relative to the image folder']),
    (r'compare/b0,C:\golden,PASS,C0', ["line 3: golden_path 'C:\\\\golden'", 'relative to the image folder']),
    (r'\\server\share,golden/b0,PASS,C0', ['line 3: input_path', 'absolute']),
    ('compare/b0,golden/../../b0,PASS,C0',
     ["line 3: golden_path 'golden/../../b0'", 'leaves the image folder']),
    (r'..\b0,golden/b0,PASS,C0', ["line 3: input_path '..\\\\b0'", 'leaves the image folder']),
    (',golden/b0,PASS,C0', ["line 3: input_path ''", 'empty cell', '"." for itself']),
    ('compare/b0,golden/b0,PASS, ', ["line 3: object_name ''", 'write the name of the object']),
    ('compare/b0,golden/b0,,C0', ["line 3: label ''", 'write PASS or the name of the defect']),
    ('compare/b0,golden/b0,PASS,sub/C0', ["line 3: object_name 'sub/C0'", 'move it into input_path']),
    ('compare/b0,golden/b0,PASS', ['line 3: 3 fields: compare/b0,golden/b0,PASS', 'add or remove fields']),
    ('compare/b0,golden/b0,PASS,c0',
     ['line 3: input_path: ', 'compare/b0/c0_Low.png (there is C0_Low.png', 'input_map',
                                      'line 3: golden_path: ', 'golden/b0/c0_White.png']),
    ('compare/b9,golden/b0,PASS,C0',
     ['line 3: input_path: ', 'compare/b9: No such file or directory', 'correct the path']),
    ('compare/b0,golden/b9,PASS,C0', ['line 3: golden_path: ', 'golden/b9: No such file or directory']),
])
def test_bad_rows_are_named_with_line_column_and_mend(pair_folder, row, said):
    lines = pair_folder.csv.read_text().splitlines()
    lines[1:2] = ['', row]
    pair_folder.csv.write_text('\n'.join(lines))
    with pytest.raises(LabelCsvError) as error:
        LightingPairDataset(**pair_folder.settings())
    for words in [*said, str(pair_folder.csv)]:
        assert words in str(error.value)
    assert 'line 4' not in str(error.value)


def test_everything_wrong_is_in_one_report(pair_folder):
    (pair_folder.images / 'golden/b1/C7_White.png').unlink()
    with pair_folder.csv.open('a') as file:
        file.write('/abs,golden/b0,PASS,C0\ncompare/b0,../golden,,C0\ncompare/b0,golden/b0,PASS\n')
    with pytest.raises(LabelCsvError) as error:
        LightingPairDataset(**pair_folder.settings(classes=['PASS', 'missing', 'shifted']))
    for words in ('golden/b1/C7_White.png', "line 10: input_path '/abs'", "line 11: golden_path '../golden'",
                  "line 11: label ''",
                  'line 12: 3 fields', "line 6: label 'bridge'",
                  'not among the classes PASS, missing, shifted'):
        assert words in str(error.value)


def test_missing_label_column(pair_folder):
    text = pair_folder.csv.read_text()
    pair_folder.csv.write_text('\n'.join(','.join(np.delete(line.split(','), 2))
                                         for line in text.splitlines()))
    with pytest.raises(LabelCsvError, match='line 1: label'):
        LightingPairDataset(**pair_folder.settings())
    dataset = LightingPairDataset(**pair_folder.settings(test_mode=True))
    info = dataset.get_data_info(1)
    assert info['label'] == '' and 'gt_fail' not in info
    for ask in (lambda: dataset.gt_fail, lambda: dataset.labels,
                lambda: DefectWeightedSampler(dataset, 1, seed=0)):
        with pytest.raises(ValueError, match="labels.csv has no column 'label'"):
            ask()


def test_unknown_labels_are_fine_in_evaluation_and_with_two_classes(pair_folder):
    assert len(LightingPairDataset(**pair_folder.settings(classes=['PASS', 'missing', 'x'],
                                                          test_mode=True))) == 8
    dataset = LightingPairDataset(**pair_folder.settings(classes=['PASS', 'FAIL']))
    assert dataset.metainfo['classes'] == ('PASS', 'FAIL') and dataset.num_fail == 3


def test_missing_image_folder_is_one_line(pair_folder):
    with pytest.raises(LabelCsvError, match='image folder does not exist') as error:
        LightingPairDataset(**pair_folder.settings(data_prefix=dict(img_path='pictures')))
    assert len(str(error.value).splitlines()) == 3 and str(pair_folder.root / 'pictures') in str(error.value)


def test_images_are_not_looked_for_on_demand(pair_folder):
    assert len(LightingPairDataset(**pair_folder.settings(image_ext='.bmp', check_images=False))) == 8


def test_several_csvs_are_one_report(new_folder):
    parts = []
    for name, row in (('a', 'compare/b0,golden/b0,,C0'), ('b', '/abs,golden/b0,PASS,C0')):
        folder = new_folder(name).add()
        with folder.csv.open('a') as file:
            file.write(row + '\n')
        parts.append(dict(type='LightingPairDataset', **folder.settings()))
    with pytest.raises(ValueError) as error:
        ConcatDataset(parts)
    for words in ("a/labels.csv cannot be used", "line 3: label ''", 'b/labels.csv cannot be used',
                  "line 3: input_path '/abs'"):
        assert words in str(error.value)


@pytest.mark.parametrize(('input_map', 'said'), [
    (dict(a=0, b=2), ['position 1 is missing', "position 2 ('b') is out of range"]),
    (dict(a=0, b=0), ['position 0 is given 2 times (a, b)', 'position 1 is missing']),
    (dict(a=1, b=2), ['position 0 is missing']),
    (dict(a=0, b=-1), ["position -1 ('b') is out of range"]),
    (dict(a=0, b='1', c=1.0, d=True),
     ["'b' has position '1'", "'c' has position 1.0", "'d' has position True"]),
    ({}, ['it is empty']),
    ({'a/b': 0, '': 1}, ["'a/b' is no lighting name", "'' is no lighting name"]),
])
def test_input_map_errors(pair_folder, input_map, said):
    with pytest.raises(ValueError) as error:
        LightingPairDataset(**pair_folder.settings(input_map=input_map))
    for words in [*said, 'input_map', '0 to the number of lightings - 1, each once']:
        assert words in str(error.value)


def test_an_input_map_is_a_dict(pair_folder):
    with pytest.raises(ValueError,
                       match=r"input_map \['Low', 'White'\] is no dict: .* dict\(Top=0, Side=1\)"):
        LightingPairDataset(**pair_folder.settings(input_map=['Low', 'White']))


def test_positions_order_the_lightings():
    assert ordered_lightings(dict(c=1, a=2, b=0)) == ('b', 'c', 'a')


@pytest.mark.parametrize('settings', [
    dict(classes=['bridge', 'PASS']), dict(classes=['PASS']), dict(classes=['PASS', 'x', 'x']),
    dict(classes=['PASS', '']),
    dict(metainfo=dict(classes=['x'])), dict(broken_images='ignore'),
    dict(data_prefix=dict(img='images'))])
def test_impossible_settings(pair_folder, settings):
    with pytest.raises(ValueError, match='classes=|broken_images=|data_prefix='):
        LightingPairDataset(**pair_folder.settings(**settings))


def test_lists_each_folder_once(pair_folder, monkeypatch):
    listed = []
    scandir = lighting_pair_dataset.os.scandir
    monkeypatch.setattr('os.scandir', lambda path: listed.append(path) or scandir(path))
    LightingPairDataset(**pair_folder.settings())
    assert sorted(Path(path).relative_to(pair_folder.images).as_posix() for path in listed) == [
        'compare/b0', 'compare/b1', 'golden/b0', 'golden/b1']


# ---- broken images

def break_image(folder, name, how='truncated'):
    path = next(folder.images.glob(f'compare/*/{name}_White.png'))
    path.write_bytes(path.read_bytes()[:60] if how == 'truncated' else b'')
    return str(path)


@pytest.mark.parametrize('how', ['truncated', 'empty'])
def test_training_skips_and_notes(pair_folder, how):
    path = break_image(pair_folder, 'C1', how)
    dataset = LightingPairDataset(**pair_folder.settings(pipeline=[LOAD]))
    sampler = PairSampler(dataset, seed=0)
    samples = [dataset[draw] for draw in sampler]
    assert [('replaced' in sample) for sample in samples] == [i == 1 for i in range(8)]
    (row, message), = samples[1]['replaced'][:1]
    assert row == 1 and path in message and f'{pair_folder.csv} line 3' in message
    assert samples[1]['sample_idx'] == int(samples[1]['object_name'][1:]) != 1
    assert samples[1]['gt_fail'] == dataset.gt_fail[samples[1]['sample_idx']]
    assert dataset[list(sampler)[1]]['object_name'] == samples[1]['object_name']


def test_replacements_are_numbered_in_the_outermost_dataset(pair_folder):
    break_image(pair_folder, 'C1')
    part = LightingPairDataset(**pair_folder.settings(pipeline=[LOAD]))
    dataset = ConcatDataset([part, part])
    sample = dataset[list(PairSampler(dataset, seed=0))[9]]
    assert sample['replaced'][0][0] == 9
    assert sample['sample_idx'] >= 8
    assert sample['object_name'] == dataset.get_data_info(sample['sample_idx'])['object_name']


def test_training_stops_on_request(pair_folder):
    path = break_image(pair_folder, 'C1')
    dataset = LightingPairDataset(**pair_folder.settings(pipeline=[LOAD], broken_images='stop'))
    assert dataset[0]['images']
    with pytest.raises(ImageError, match='labels.csv line 3: ') as error:
        dataset[1]
    assert path in str(error.value) and "broken_images='skip'" in str(error.value)


def test_nothing_but_broken_images_does_not_go_on_for_ever(pair_folder):
    for i in range(8):
        break_image(pair_folder, f'C{i}')
    dataset = LightingPairDataset(**pair_folder.settings(pipeline=[LOAD], max_refetch=4))
    with pytest.raises(ImageError, match='5 rows one after another') as error:
        dataset[2]
    lines = str(error.value).splitlines()[1:]
    assert all('_White.png' in line for line in lines) and len(set(lines)) == len(lines), 'each once'


def test_evaluation_gives_a_blank_with_the_error(pair_folder):
    path = break_image(pair_folder, 'C1')
    dataset = LightingPairDataset(**pair_folder.settings(pipeline=AUGMENT, test_mode=True))
    sample, good = dataset[1], dataset[0]
    assert f'labels.csv line 3: {path}' in sample['data_samples'].error
    assert 'error' not in good['data_samples']
    assert sample['data_samples'].object_name == 'C1' and sample['data_samples'].gt_fail == 1
    assert sample['inputs']['compare'].shape == good['inputs']['compare'].shape


def test_a_pipeline_that_gives_none_is_an_error(pair_folder):
    dataset = LightingPairDataset(**pair_folder.settings(pipeline=[lambda results: None]))
    with pytest.raises(RuntimeError, match='line 2: the pipeline gave None'):
        dataset[0]


# ---- loading in several processes

def epoch_bytes(dataset, sampler, workers, epoch=0, context=None):
    sampler.set_epoch(epoch)
    loader = DataLoader(dataset, batch_size=3, sampler=sampler, num_workers=workers, collate_fn=list,
                        multiprocessing_context=context)
    samples = itertools.chain.from_iterable(loader)
    return [(s['data_samples'].object_name,
             s['inputs']['compare'].numpy().tobytes() + s['inputs']['golden'].numpy().tobytes())
            for s in samples]


@pytest.fixture
def augmented(pair_folder):
    return LightingPairDataset(**pair_folder.settings(pipeline=AUGMENT))


@pytest.mark.parametrize('wrap',
                         [lambda d: d, lambda d: ConcatDataset([d, d]), lambda d: RepeatDataset(d, 2)])
def test_bytes_do_not_depend_on_workers(augmented, wrap):
    dataset = wrap(augmented)
    sampler = DefectWeightedSampler(dataset, 1, seed=1)
    expected = epoch_bytes(dataset, sampler, 0)
    assert epoch_bytes(dataset, sampler, 2) == expected == epoch_bytes(dataset, sampler, 3)


def test_bytes_do_not_depend_on_workers_where_rows_are_replaced(pair_folder):
    for name in ('C0', 'C1', 'C4'):
        break_image(pair_folder, name)
    dataset = LightingPairDataset(**pair_folder.settings(pipeline=AUGMENT))
    sampler = DefectWeightedSampler(dataset, 1, seed=1)
    assert epoch_bytes(dataset, sampler, 0) == epoch_bytes(dataset, sampler, 3)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == 'win32', reason='spawned in any case')
def test_spawned_workers_give_the_same(augmented):
    sampler = DefectWeightedSampler(augmented, 1, seed=1)
    assert epoch_bytes(augmented, sampler, 1, context='spawn') == epoch_bytes(augmented, sampler, 0)


def test_epochs_and_repeated_draws_are_augmented_anew(augmented):
    sampler = PairSampler(augmented, seed=1)
    first, second = (dict(epoch_bytes(augmented, sampler, 0, epoch)) for epoch in (0, 1))
    assert first.keys() == second.keys() and all(first[name] != second[name] for name in first)
    twice = RepeatDataset(augmented, 2)
    drawn = epoch_bytes(twice, PairSampler(twice, seed=1), 0)
    assert len({image for name, image in drawn if name == 'C3'}) == 2


def test_another_samplers_plain_indices_are_augmented_anew_every_epoch(augmented):
    loader = DataLoader(augmented, batch_size=4, num_workers=2, collate_fn=list)
    epochs = [[s['inputs']['compare'].numpy().tobytes() for batch in loader for s in batch] for _ in range(2)]
    assert all(a != b for a, b in zip(*epochs, strict=True))


def test_pass_labels_are_a_list_of_labels(pair_folder):
    with pytest.raises(ValueError, match=r"pass_labels='OK': give a list .* as in \[\"OK\"\]"):
        LightingPairDataset(**pair_folder.settings(pass_labels='OK', lazy_init=True))
    assert LightingPairDataset(**pair_folder.settings(pass_labels=['bridge'])).num_pass == 6
