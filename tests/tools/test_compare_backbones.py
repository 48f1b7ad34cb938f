"""tools/analysis_tools/compare_backbones.py: costs, a short training, and going on where it was stopped."""

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
NETWORK = """
_base_ = {base!r}
model = dict(input_size=(32, 32), backbone=dict(stem_channels=8, base_channels=8), neck=dict(embed_dim=8))
resize = dict(type='PairedResize', size=(32, 32))
load, layout, pack = dict(type='LoadLightings'), dict(type='LayOutLightings', layout='linear'), dict(type='PackChangeInputs')
pipeline = [load, resize, layout, pack]
train_dataloader = dict(num_workers=0, persistent_workers=False, batch_size=8, dataset=dict(pipeline=pipeline))
test_dataloader = dict(num_workers=0, batch_size=8, dataset=dict(pipeline=pipeline))
"""


@pytest.fixture
def tool():
    path = ROOT / 'tools/analysis_tools/compare_backbones.py'
    spec = importlib.util.spec_from_file_location('compare_backbones', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture
def config(tmp_path):
    file = tmp_path / 'tiny_network.py'
    file.write_text(NETWORK.format(base=str(ROOT / 'configs/changenet_resnet_deeppcb.py')))
    return str(file)


@pytest.fixture
def data(tmp_path):
    """Grey crops; a defect is a white square."""
    rng = np.random.default_rng(0)
    for split, csv in (('train', 'train.csv'), ('test', 'labels.csv')):
        lines = ['input_path,golden_path,label,object_name']
        for side in ('compare', 'golden'):
            (tmp_path / 'data' / split / side).mkdir(parents=True)
        for number in range(24):
            golden = rng.integers(0, 120, (32, 32), np.uint8)
            compare = golden.copy()
            if number % 2:
                compare[8:24, 8:24] = 255
            cv2.imwrite(str(tmp_path / 'data' / split / 'golden' / f'{number}.png'), golden)
            cv2.imwrite(str(tmp_path / 'data' / split / 'compare' / f'{number}.png'), compare)
            lines.append(f'compare,golden,{"spur" if number % 2 else "PASS"},{number}')
        (tmp_path / 'data' / split / csv).write_text('\n'.join(lines) + '\n')
    return str(tmp_path / 'data')


def test_costs_then_figures_then_nothing_again(tool, config, data, tmp_path, capsys):
    work_dir = ['--work-dir', str(tmp_path / 'rows')]
    tool([config, *work_dir])
    kept = tmp_path / 'rows/tiny_network.json'
    before = json.loads(kept.read_text())
    assert before.keys() == {'cost'} and before['cost']['pairs_per_second'] > 0
    assert capsys.readouterr().out.count('–') == 4

    tool([config, *work_dir, '--data', data, '--minutes', '0.08'])
    row = json.loads(kept.read_text())
    assert row['cost'] == before['cost'] and row['training']['steps'] > 10
    assert row['figures']['auroc'] > 0.9 and row['figures']['rows'] == 24
    table = capsys.readouterr().out
    assert f'{row["figures"]["auroc"]:.4f} | {row["figures"]["at_99"]:.2f} % |' in table

    written = kept.stat().st_mtime_ns
    tool([config, *work_dir, '--data', data, '--minutes', '0.08'])
    assert kept.stat().st_mtime_ns == written and capsys.readouterr().out == table
    assert tool([config, *work_dir, '--data', data, '--minutes', '5']) == 2
    assert 'another folder' in capsys.readouterr().err


def test_mistakes_are_told_in_a_line(tool, config, tmp_path, capsys):
    assert tool([str(tmp_path / 'nothing.py')]) == 2
    assert 'nothing.py' in capsys.readouterr().err
    assert tool([config, '--work-dir', str(tmp_path / 'rows'), '--data', str(tmp_path)]) == 2
    assert 'train.csv' in capsys.readouterr().err
