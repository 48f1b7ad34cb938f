"""The int8 form of an exported folder: written whole, said so in its JSON, and scoring as the fp32 one
does."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from mmengine.config import Config
from networks import build_network, random_sides

from mmchangenet.export.check import REDUCED
from mmchangenet.export.folder import export_folder
from mmchangenet.export.int8_folder import quantise_folder
from mmchangenet.files import OutputError
from mmchangenet.registry import DATASETS
from mmchangenet.runtime import ChangeRuntime

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def config(line):
    return Config.fromfile(line.config)


def operators(folder, name):
    return [node.op_type for node in onnx.load(folder / name).graph.node]


@pytest.fixture(scope='module', params=['learnable', 'euclidean'])
def folders(request, line, config, tmp_path_factory):
    """fp32 and int8 folder of a network, and the numbers of nodes in int8."""
    neck = dict(embed_dim=64) if request.param == 'learnable' else None
    folder, model = tmp_path_factory.mktemp('folders'), build_network('resnet',
                                                                      request.param,
                                                                      line.size,
                                                                      neck=neck)
    export_folder(model, config, folder / 'fp32')
    sides = [side.numpy() for side in random_sides(model)]
    return folder / 'fp32', folder / 'int8', quantise_folder(folder / 'fp32', folder / 'int8', [sides])


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_int8_scores_nearly_as_fp32(folders, config, backend):
    pytest.importorskip(backend)
    fp32, int8, _ = folders
    rows = DATASETS.build(config.test_dataloader.dataset)
    infos = [rows.get_data_info(row) for row in range(len(rows))]
    pairs = [(info['compare_files'], info['golden_files']) for info in infos]
    before, after = ([result.score for result in ChangeRuntime(folder, backend, threads=1).score_pairs(pairs)]
                     for folder in (fp32, int8))
    # the stated tolerance of an export, of the score range: what is lost beyond depends on the processor
    scale = max(*before, ChangeRuntime(fp32).threshold)
    assert 0 < np.abs(np.subtract(after, before)).max() <= REDUCED.share * scale


def test_the_folder_says_what_it_is(folders):
    fp32, int8, counts = folders
    was, now = (json.loads((folder / 'runtime.json').read_text()) for folder in (fp32, int8))
    assert (was['precision'], now['precision']) == ('fp32', 'int8')
    assert {key for key in was if was[key] != now[key]} == {'precision', 'graphs'}
    assert set(counts) == set(was['graphs']) == set(now['graphs'])
    for name, count in counts.items():
        assert ('QuantizeLinear' in operators(int8, name)) == (count > 0)
        assert (was['graphs'][name] != now['graphs'][name]) == (count > 0)
    assert counts['encoder.onnx'] > 0 and (counts['comparator.onnx'] > 0) == ('golden.onnx' in counts)


def test_int8_of_int8_and_a_taken_folder_are_refused(folders):
    fp32, int8, _ = folders
    with pytest.raises(ValueError, match='int8 already'):
        quantise_folder(int8, int8.with_name('again'), [])
    with pytest.raises(OutputError, match='no empty folder'):
        quantise_folder(fp32, int8, [])


def test_nothing_is_left_of_a_folder_that_fails(folders, tmp_path):
    with pytest.raises(ValueError, match='No data'):
        quantise_folder(folders[0], tmp_path / 'new', [])
    assert not list(tmp_path.iterdir())


def test_the_tool_shows_what_int8_costs(line, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', [
        'export_runtime.py', line.config, line.checkpoint,
        str(tmp_path / 'out'), '--int8', '--samples', '6'
    ])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / 'tools/export_runtime.py'), run_name='__main__')
    shown = capsys.readouterr().out
    assert left.value.code == 0 and 'fp32: AUROC' in shown and 'int8: AUROC' in shown and 'full recall' in shown
    runtime = ChangeRuntime(tmp_path / 'out')
    assert runtime.settings.precision == 'int8' and runtime.threshold == 0.25
