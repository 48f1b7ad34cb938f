"""The runtime gives the scores that training's own pipeline and network give, and tells what it cannot score."""

import copy
import csv
import math
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from mmchangenet.evaluation.score_file import write_scores
from mmchangenet.imaging import read_image
from mmchangenet.registry import DATASETS
from mmchangenet.runtime import ChangeRuntime, RuntimeFolderError
from mmchangenet.runtime.__main__ import main
from mmchangenet.runtime.sides import Side


@pytest.fixture(params=['learnable', 'euclidean'])
def difference(request):
    return request.param


@pytest.fixture
def runtime(exported, difference):
    return ChangeRuntime(exported[difference], threads=1)


@pytest.fixture
def dataset(config):
    return DATASETS.build(config['test_dataloader']['dataset'])


def files_of(dataset, row):
    info = dataset.get_data_info(row)
    return info['compare_files'], info['golden_files']


@torch.no_grad()
def trained_scores(model, dataset):
    """As testing computes them."""
    batch = pseudo_collate([dataset[row] for row in range(len(dataset))])
    return [sample.score for sample in copy.deepcopy(model).test_step(batch)]


def scores_of(results):
    return [result.score for result in results]


def test_scores_are_those_of_the_trained_network(runtime, networks, difference, dataset):
    expected = trained_scores(networks[difference], dataset)
    results = runtime.score_pairs(files_of(dataset, row) for row in range(len(dataset)))
    np.testing.assert_allclose(scores_of(results), expected, atol=1e-4)
    assert [result.is_fail for result in results] == [score > runtime.threshold for score in expected]
    assert runtime.threshold == networks[difference].head.margin


def test_openvino_scores_alike(exported, difference, dataset):
    pytest.importorskip('openvino')
    pairs = [files_of(dataset, row) for row in range(3)]
    of_one, of_other = (ChangeRuntime(exported[difference], backend, threads=1).score_pairs(pairs)
                        for backend in ('onnxruntime', 'openvino'))
    np.testing.assert_allclose(scores_of(of_one), scores_of(of_other), atol=1e-4)


def test_images_are_prepared_to_the_byte_as_in_training(runtime, dataset):
    for row in range(3):
        inputs = dataset[row]['inputs']
        for name, files in zip(('compare', 'golden'), files_of(dataset, row), strict=True):
            np.testing.assert_array_equal(Side(files, runtime.settings, name).laid_out(), inputs[name].numpy())


def test_a_golden_is_encoded_once_whether_file_or_array(runtime, dataset):
    pairs = [files_of(dataset, row) for row in range(0, 10, 2)]  # one golden
    first = runtime.score_pairs(pairs)
    assert len(runtime.cache) == 1 and runtime.cache.num_bytes > 0
    misses = runtime.cache.misses
    again = runtime.score_pairs(pairs)
    assert runtime.cache.misses == misses
    np.testing.assert_allclose(scores_of(again), scores_of(first), atol=1e-6)
    arrays = [tuple([read_image(file) for file in side] for side in pair) for pair in pairs]
    np.testing.assert_allclose(scores_of(runtime.score_pairs(arrays)), scores_of(first), atol=1e-6)
    assert len(runtime.cache) == 2


def test_a_replaced_golden_file_is_noticed(runtime, dataset, tmp_path):
    compare, golden = files_of(dataset, 0)
    other = files_of(dataset, 1)[1]
    copies = [shutil.copy(file, tmp_path) for file in golden]
    before = runtime.score_pairs([(compare, copies)])
    shutil.copy(other[0], copies[0])
    after = runtime.score_pairs([(compare, copies)])
    expected = runtime.score_pairs([(compare, [other[0], golden[1]])])
    assert scores_of(after) == pytest.approx(scores_of(expected), abs=1e-6)
    assert scores_of(after) != pytest.approx(scores_of(before), abs=1e-6)


def test_a_pair_that_cannot_be_used_is_told_and_the_others_are_scored(runtime, dataset, tmp_path):
    good = files_of(dataset, 0)
    broken = tmp_path / 'cut.png'
    with open(good[0][0], 'rb') as file:
        broken.write_bytes(file.read()[:100])
    compare, golden = good
    faulty = {
        'no such file': ([str(tmp_path / 'gone.png'), compare[1]], golden),
        'cut off': (compare, [str(broken), golden[1]]),
        'has 1 images, but the network takes 2, one a lighting: low, white': (compare[0], golden),
        "lacks the lightings ['low']": (dict(white=compare[1]), golden),
        'float32 (4, 4, 3)': ([np.zeros((4, 4, 3), np.float32)] * 2, golden),
        'uint8 (4, 4)': (compare, [np.zeros((4, 4), np.uint8)] * 2),
        '(compare, golden), got 1 items': (compare[:1], ),
    }
    results = runtime.score_pairs([good, *faulty.values(), good])
    expected = runtime.score_pairs([good])[0].score
    assert [results[0].score, results[-1].score] == pytest.approx([expected, expected], abs=1e-6)
    for message, result in zip(faulty, results[1:-1], strict=True):
        assert math.isnan(result.score) and result.is_fail and message.lower() in result.error.lower()


def test_lightings_by_name(runtime, dataset):
    compare, golden = files_of(dataset, 0)
    named = dict(white=compare[1], low=compare[0])
    by_name, by_order = (runtime.score_pairs([(side, golden)]) for side in (named, compare))
    assert scores_of(by_name) == pytest.approx(scores_of(by_order), abs=1e-6)


def test_several_threads_share_a_runtime(exported, difference, dataset):
    runtime = ChangeRuntime(exported[difference], threads=1, cache_bytes=1 << 16)
    pairs = [files_of(dataset, row) for row in range(len(dataset))]
    expected = scores_of(runtime.score_pairs(pairs))
    with ThreadPoolExecutor(4) as pool:
        for scores in pool.map(lambda _: scores_of(runtime.score_pairs(pairs)), range(8)):
            np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_the_command_writes_what_testing_writes(exported, networks, difference, dataset, line, tmp_path, capsys):
    code = main([str(exported[difference]), str(line / 'labels.csv'), '--out', str(tmp_path / 'scores.csv'), '--threads', '1'])
    assert code == 0 and '10/10' in capsys.readouterr().err
    write_scores(tmp_path / 'expected.csv', dataset.label_frame(), trained_scores(networks[difference], dataset))
    written, expected = (list(csv.reader((tmp_path / name).open())) for name in ('scores.csv', 'expected.csv'))
    assert [row[:-1] for row in written] == [row[:-1] for row in expected]
    assert written[0][-1] == expected[0][-1] == 'siamese_score'
    np.testing.assert_allclose([float(row[-1]) for row in written[1:]], [float(row[-1]) for row in expected[1:]], atol=1e-4)


def test_the_command_keeps_rows_without_a_score(exported, line, tmp_path, capsys):
    text = (line / 'labels.csv').read_text()
    (tmp_path / 'labels.csv').write_text(text + 'board_0,golden,PASS,gone,x\n')
    code = main([str(exported['euclidean']), str(tmp_path / 'labels.csv'), '--images-dir', str(line),
                 '--out', str(tmp_path / 'scores.csv')])
    assert code == 1 and 'row 11 has no score' in capsys.readouterr().err
    assert (tmp_path / 'scores.csv').read_text().endswith('board_0,golden,PASS,gone,x,\n')


def test_mistakes_are_told_without_a_stack(exported, line, tmp_path, capsys):
    assert main([str(tmp_path), str(line / 'labels.csv'), '--out', str(tmp_path / 'scores.csv')]) == 2
    assert 'runtime.json' in capsys.readouterr().err
    assert main([str(exported['euclidean']), str(tmp_path / 'no.csv'), '--out', str(tmp_path / 'scores.csv')]) == 2
    assert 'no label CSV' in capsys.readouterr().err


def test_an_incomplete_or_foreign_folder_is_refused(exported, tmp_path):
    folder = shutil.copytree(exported['learnable'], tmp_path / 'copy')
    shutil.copy(exported['euclidean'] / 'encoder.onnx', folder)
    with pytest.raises(RuntimeFolderError, match='encoder.onnx is damaged or of another export'):
        ChangeRuntime(folder)
    (folder / 'encoder.onnx').unlink()
    with pytest.raises(RuntimeFolderError, match='encoder.onnx: No such file'):
        ChangeRuntime(folder)
    settings = (folder / 'runtime.json').read_text()
    (folder / 'runtime.json').write_text(settings.replace('"format": 1', '"format": 2'))
    with pytest.raises(RuntimeFolderError, match='format 2'):
        ChangeRuntime(folder)
    (folder / 'runtime.json').write_text(settings.replace('"linear"', '"round"'))
    with pytest.raises(RuntimeFolderError, match='round'):
        ChangeRuntime(folder)
    with pytest.raises(ValueError, match='backend'):
        ChangeRuntime(folder, backend='abacus')
