"""The runtime gives the scores that training's own pipeline and network give, and tells what it cannot
score."""

import copy
import csv
import json
import math
import multiprocessing
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
import torch
from mmengine.dataset import pseudo_collate

from mmchangenet.imaging import read_image
from mmchangenet.labels.score_file import ScoreFile
from mmchangenet.registry import DATASETS
from mmchangenet.runtime import ChangeRuntime, RuntimeFolderError
from mmchangenet.runtime.__main__ import main
from mmchangenet.runtime.settings import digest_of
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
            np.testing.assert_array_equal(
                Side(files, runtime.settings, name).laid_out(), inputs[name].numpy())


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
        'has 1 images, but the network takes 2, one per lighting: low, white': (compare[0], golden),
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


def test_the_command_writes_what_testing_writes(exported, networks, difference, dataset, line, tmp_path,
                                                capsys):
    code = main([
        str(exported[difference]),
        str(line / 'labels.csv'), '--out',
        str(tmp_path / 'scores.csv'), '--threads', '1'
    ])
    assert code == 0 and '10/10' in capsys.readouterr().err
    frame, file = dataset.label_frame(), ScoreFile(tmp_path / 'expected.csv',
                                                   list(dataset.label_frame().columns))
    file.append(frame.to_numpy(), trained_scores(networks[difference], dataset))
    file.finish()
    written, expected = (list(csv.reader((tmp_path / name).open()))
                         for name in ('scores.csv', 'expected.csv'))
    assert [row[:-1] for row in written] == [row[:-1] for row in expected]
    assert written[0][-1] == expected[0][-1] == 'siamese_score'
    np.testing.assert_allclose([float(row[-1]) for row in written[1:]],
                               [float(row[-1]) for row in expected[1:]],
                               atol=1e-4)


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
    assert main([str(exported['euclidean']),
                 str(tmp_path / 'no.csv'), '--out',
                 str(tmp_path / 'scores.csv')]) == 2
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


SETTINGS = {
    'threshold': [float('nan'), float('inf'), 1e300, True, '0.5', None],
    'lightings': [['low', 'low'], ['../low', 'white'], 'low'],
    'num_golden': [0, True, 1.5],
    'class_names': [['FAIL', 'PASS'], ['PASS'], ['PASS', 'PASS']],
    'std': [[0, 1, 1], [1, 1]],
    'mean': [[float('nan'), 0, 0]],
    'image_ext': ['/x', 5],
    'graphs': [{}, [], {'encoder.onnx': 'x'}],
    'opset': ['17'],
    'format': ['1', True],
    'max_pixels': [0],
    'precision': ['int4'],
    'filter': [None],
    'grid': [3],
}


@pytest.mark.parametrize(('key', 'value'), [(key, value) for key, values in SETTINGS.items() for value in values])
def test_settings_that_cannot_be_are_refused_with_their_key(exported, tmp_path, key, value):
    folder = shutil.copytree(exported['learnable'], tmp_path / 'copy')
    settings = json.loads((folder / 'runtime.json').read_text())
    (folder / 'runtime.json').write_text(json.dumps(settings | {key: value}))
    with pytest.raises(RuntimeFolderError, match=f'runtime.json.*{key}'):
        ChangeRuntime(folder)


def test_a_graph_that_is_not_named_is_refused(exported, tmp_path):
    folder = shutil.copytree(exported['learnable'], tmp_path / 'copy')
    settings = json.loads((folder / 'runtime.json').read_text())
    settings['graphs'].pop('golden.onnx')
    (folder / 'runtime.json').write_text(json.dumps(settings))
    with pytest.raises(RuntimeFolderError, match='names the graphs .* copy the whole folder'):
        ChangeRuntime(folder)


def test_a_folder_of_before_several_goldens_is_read(exported, tmp_path):
    folder = shutil.copytree(exported['learnable'], tmp_path / 'copy')
    settings = json.loads((folder / 'runtime.json').read_text())
    for key in ('num_golden', 'max_pixels'):
        settings.pop(key)
    (folder / 'runtime.json').write_text(json.dumps(settings))
    assert ChangeRuntime(folder).settings.num_golden == 1


def test_a_score_that_is_no_number_is_a_fail_with_its_reason(exported, line, tmp_path, capsys):
    folder = shutil.copytree(exported['learnable'], tmp_path / 'copy')
    graph = onnx.load(folder / 'comparator.onnx')
    weights = next(tensor for tensor in graph.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    weights.CopyFrom(
        onnx.numpy_helper.from_array(np.full(tuple(weights.dims), np.nan, np.float32), weights.name))
    onnx.save(graph, folder / 'comparator.onnx')
    settings = json.loads((folder / 'runtime.json').read_text())
    settings['graphs']['comparator.onnx'] = digest_of(folder / 'comparator.onnx')
    (folder / 'runtime.json').write_text(json.dumps(settings))
    assert main([str(folder), str(line / 'labels.csv'), '--out', str(tmp_path / 'scores.csv')]) == 1
    assert 'the network gave the score nan' in capsys.readouterr().err
    results = ChangeRuntime(folder).score_csv(line / 'labels.csv', line)
    assert all(math.isnan(result.score) and result.is_fail and result.error for result in results)


@pytest.mark.parametrize('threshold', [float('nan'), float('inf'), True, '0.5'])
def test_a_threshold_that_is_no_number_is_refused(runtime, threshold):
    with pytest.raises(ValueError, match='no finite number'):
        runtime.threshold = threshold


@pytest.mark.parametrize('threads', [0, -1, 100_000])
def test_unreasonable_numbers_of_threads_are_refused(exported, threads):
    with pytest.raises(ValueError, match='threads'):
        ChangeRuntime(exported['euclidean'], threads=threads)


def test_images_in_memory_score_as_their_files(runtime, dataset):
    pairs = [files_of(dataset, row) for row in range(4)]
    content = [tuple([open(file, 'rb').read() for file in side] for side in pair) for pair in pairs]
    assert scores_of(runtime.score_pairs(content)) == pytest.approx(scores_of(runtime.score_pairs(pairs)),
                                                                    abs=1e-6)
    broken = runtime.score_pairs([(content[0][0], [content[0][1][0][:50], content[0][1][1]])])[0]
    assert broken.is_fail and 'golden side: cut off' in broken.error


def scores_in_a_child(runtime, pairs, queue):
    queue.put(scores_of(runtime.score_pairs(pairs)))


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_a_forked_process_scores_too(exported, dataset):
    runtime = ChangeRuntime(exported['learnable'])
    pairs = [files_of(dataset, row) for row in range(5)]
    expected = scores_of(runtime.score_pairs(pairs))
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    child = context.Process(target=scores_in_a_child, args=(runtime, pairs, queue))
    child.start()
    assert queue.get(timeout=60) == pytest.approx(expected, abs=1e-6)
    child.join(30)
    assert child.exitcode == 0 and scores_of(runtime.score_pairs(pairs)) == pytest.approx(expected, abs=1e-6)


def test_a_stopped_run_goes_on(exported, line, tmp_path, monkeypatch):
    head, *rows = (line / 'labels.csv').read_text().splitlines()
    (tmp_path / 'labels.csv').write_text('\n'.join([head, *rows * 10]))
    whole = tmp_path / 'whole.csv'
    command = [str(exported['learnable']), str(tmp_path / 'labels.csv'), '--images-dir', str(line), '--out']
    assert main([*command, str(whole)]) == 0
    scored = []

    def stop(runtime, pairs):
        if scored:
            raise KeyboardInterrupt
        scored.append(len(pairs))
        return score(runtime, pairs)

    score = ChangeRuntime._score_batch
    monkeypatch.setattr(ChangeRuntime, '_score_batch', stop)
    assert main([*command, str(tmp_path / 'scores.csv')]) == 130
    monkeypatch.undo()
    assert len((tmp_path / 'scores.csv.partial').read_text().splitlines()) == 1 + scored[0]
    assert main([*command, str(tmp_path / 'scores.csv')]) == 2
    assert main([*command, str(tmp_path / 'scores.csv'), '--resume']) == 0
    assert (tmp_path / 'scores.csv').read_text() == whole.read_text()


@pytest.mark.parametrize('out', ['labels.csv', 'folder'])
def test_an_output_that_cannot_be_is_told_before_scoring(exported, line, tmp_path, capsys, out):
    shutil.copytree(line, tmp_path, dirs_exist_ok=True)
    (tmp_path / 'folder').mkdir()
    before = (tmp_path / 'labels.csv').read_text()
    assert main([str(exported['learnable']), str(tmp_path / 'labels.csv'), '--out', str(tmp_path / out)]) == 2
    assert 'pairs/s' not in capsys.readouterr().err and (tmp_path / 'labels.csv').read_text() == before
