"""tools/analysis_tools/cross_validate.py: every row scored once by a network that has not seen its group."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from mmengine.config import Config

from mmchangenet.apis.cross_validation import (
    POOLED,
    GroupError,
    figures_of,
    fold_config,
    groups_of,
    markdown,
)
from mmchangenet.labels.label_frame import read_label_csv

ROOT = Path(__file__).parents[2]
NETWORK = """
_base_ = {base!r}
model = dict(input_size=(32, 32), backbone=dict(stem_channels=8, base_channels=8), neck=dict(embed_dim=8))
resize = dict(type='PairedResize', size=(32, 32))
load, layout, pack = (dict(type='LoadLightings'), dict(type='LayOutLightings', layout='linear'),
                      dict(type='PackChangeInputs'))
pipeline = [load, resize, layout, pack]
train_dataloader = dict(num_workers=0, persistent_workers=False, batch_size=8,
                        dataset=dict(data_root={data!r}, ann_file='all.csv', pipeline=pipeline))
test_dataloader = dict(num_workers=0, batch_size=8, dataset=dict(pipeline=pipeline))
train_cfg = dict(max_epochs=1)
param_scheduler = []
"""


@pytest.fixture
def tool():
    path = ROOT / 'tools/analysis_tools/cross_validate.py'
    spec = importlib.util.spec_from_file_location('cross_validate', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture
def data(tmp_path):
    """Grey crops of three lots; a defect is a white square."""
    rng = np.random.default_rng(0)
    folder = tmp_path / 'data'
    lines = ['input_path,golden_path,label,object_name,lot']
    for number in range(36):
        board = f'board_{number % 6}'
        for side in (board, 'golden'):
            (folder / side).mkdir(parents=True, exist_ok=True)
        golden = rng.integers(0, 120, (32, 32), np.uint8)
        compare = golden.copy()
        if number // 6 % 2:
            compare[8:24, 8:24] = 255
        cv2.imwrite(str(folder / 'golden' / f'{number}.png'), golden)
        cv2.imwrite(str(folder / board / f'{number}.png'), compare)
        lines.append(f'{board},golden,{"spur" if number // 6 % 2 else "PASS"},{number},lot{number % 3}')
    (folder / 'all.csv').write_text('\n'.join(lines) + '\n')
    return folder


@pytest.fixture
def config(tmp_path, data):
    file = tmp_path / 'tiny_network.py'
    file.write_text(NETWORK.format(base=str(ROOT / 'configs/changenet_resnet_deeppcb.py'), data=str(data)))
    return str(file)


def test_a_group_is_a_column_the_board_or_an_expression(data):
    frame = read_label_csv(str(data / 'all.csv'))
    assert set(groups_of(frame, 'lot')) == {'lot0', 'lot1', 'lot2'}
    assert list(groups_of(frame, 'board')) == list(frame['input_path'])
    assert set(groups_of(frame, r'^board_(\d)')) == set('012345')


@pytest.mark.parametrize('change, spec, words', [
    ({}, '(', 'no regular expression'),
    ({}, 'lott', 'finds no board in 36 rows'),
    ({'lot': 'one'}, 'lot', 'at least two are needed'),
    ({'label': 'PASS'}, 'lot', "'lot2' has no FAIL row"),
    ({'label': 'spur'}, 'lot', "'lot0' has no PASS row"),
    ({'lot': ''}, 'lot', '36 rows have an empty group'),
])
def test_groups_that_cannot_be_left_out_are_refused(data, change, spec, words):
    with pytest.raises(GroupError, match=words):
        groups_of(read_label_csv(str(data / 'all.csv')).assign(**change), spec)


def test_a_fold_trains_on_all_other_rows_and_nothing_else(config):
    inside, outside = np.array([0, 3]), np.array([1, 2, 4])
    fold = fold_config(Config.fromfile(config), inside, outside, 5)
    assert fold.train_dataloader.dataset.indices == [1, 2, 4]
    assert fold.test_dataloader.dataset.indices == [0, 3]
    assert fold.test_dataloader.dataset.ann_file == 'all.csv'
    assert fold.val_dataloader is None and fold.randomness.seed == 5


def test_every_row_once_then_nothing_again(tool, config, tmp_path, capsys):
    work_dir = tmp_path / 'folds'
    command = [config, '--groups', 'lot', '--seeds', '0', '1', '--work-dir', str(work_dir)]
    assert tool(command) == 0
    table = capsys.readouterr().out
    scores = pd.read_csv(work_dir / 'scores.csv')
    assert list(scores.columns[:5]) == ['row', 'group', 'fold', 'seed', 'siamese_score']
    for seed in (0, 1):
        rows = scores[scores['seed'] == seed]
        assert list(rows['row']) == list(range(36)) and (rows['group'] == rows['lot']).all()
    assert scores['siamese_score'].notna().all()
    assert (work_dir / 'figures.png').stat().st_size > 5000
    assert f'**{POOLED}** | 36 | 18' in table and (work_dir / 'figures.md').read_text() in table

    first = work_dir / 'seed_0/fold_0.csv'
    kept, removed = first.stat().st_mtime_ns, work_dir / 'seed_1/fold_2.csv'
    before = removed.read_text()
    removed.unlink()  # as if the command had been stopped after its training
    assert tool(command) == 0
    assert first.stat().st_mtime_ns == kept and removed.read_text() == before
    assert tool([*command, '--cfg-options', 'train_cfg.max_epochs=2']) == 2
    assert 'another config' in capsys.readouterr().err


def test_thresholds_come_from_the_other_groups():
    """Group a's defects lie lower than those of b and c: what these promise is not kept there."""
    scores = pd.DataFrame(dict(
        group=list('aaaabbbbcccc'), seed=0, label=['PASS', 'PASS', 'x', 'x'] * 3,
        siamese_score=[0.1, 0.6, 0.3, 0.9, 0.1, 0.2, 0.8, 0.9, 0.1, 0.2, 0.8, 0.9]))
    figures = figures_of(scores)
    assert figures['a'][0].kept[1.0] == 0.5 and figures['a'][0].kept_false_alarms[1.0] == 0.5
    assert figures['b'][0].kept[1.0] == 1.0 and figures['b'][0].kept_false_alarms[1.0] == 0.0
    assert figures[POOLED][0].kept[1.0] == pytest.approx(5 / 6)
    assert figures['a'][0].auroc == 0.75 and figures['a'][0].false_alarms[1.0] == 0.5
    assert figures['b'][0].auroc == 1.0


def test_a_row_without_score_is_called_fail():
    scores = pd.DataFrame(dict(
        group=list('aabbcc'), seed=0, label=['PASS', 'x'] * 3,
        siamese_score=[np.nan, 0.9, 0.1, 0.9, 0.1, 0.9]))
    figures = figures_of(scores)
    assert figures['a'][0].unscored == 1 and figures['a'][0].kept_false_alarms[0.99] == 1.0
    assert 'nan' in markdown(figures)
