"""tools/analysis_tools/pick_threshold.py picks a threshold on validation data and writes it into a
checkpoint."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS, MODELS

from mmchangenet.evaluation.threshold_picking import read_score_file, write_threshold

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/analysis_tools/pick_threshold.py'
SCORES = """input_path,golden_path,label,object_name,siamese_score
a,g,PASS,1,0.1
a,g, pass ,2,0.300000012
a,g,missing,3,0.300000042
a,g,NA,4,0.9
a,g,PASS,5,0.75
a,g,missing,6,
"""


@pytest.fixture
def scores(tmp_path):
    path = tmp_path / 'scores.csv'
    path.write_text(SCORES)
    return path


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / 'best.pth'
    torch.save(dict(state_dict=dict(weight=torch.ones(2)), meta=dict(epoch=3)), path)
    return path


@pytest.fixture
def run(capsys):
    """Runs the command in this process; gives its exit code and what it printed."""
    spec = importlib.util.spec_from_file_location('pick_threshold', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def run_tool(*arguments):
        code = tool.main(list(map(str, arguments)))
        printed = capsys.readouterr()
        return code, printed.err if code == 2 else printed.out
    return run_tool


def threshold_of(path):
    return torch.load(path, weights_only=True)['meta']['threshold']


def test_a_threshold_from_a_score_file_goes_into_the_checkpoint(scores, checkpoint):
    result = subprocess.run([sys.executable, TOOL, '--scores', scores, checkpoint, '--recall', '1.0'],
                            capture_output=True,
                            text=True,
                            env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert result.returncode == 1, result.stderr
    threshold = threshold_of(checkpoint)
    assert np.float32(0.300000012) <= np.float32(threshold.pop('value')) < np.float32(0.300000042)
    assert threshold == dict(room=pytest.approx(3e-8, rel=0.1),
                             recall=1.0,
                             false_alarm_rate=1 / 3,
                             wanted='recall >= 1',
                             rows=5,
                             data='scores.csv',
                             unscored=1)
    saved = torch.load(checkpoint, weights_only=True)
    assert saved['meta']['epoch'] == 3 and saved['state_dict']['weight'].tolist() == [1, 1], 'all else stays'
    assert 'threshold 0.300000' in result.stdout
    assert '100.00 %   2 of 2 FAIL rows' in result.stdout and '33.33 %   1 of 3 PASS rows' in result.stdout
    assert '1 rows have no score' in result.stdout


def test_a_false_alarm_rate_can_be_wanted_and_the_checkpoint_left_alone(run, scores, checkpoint, tmp_path):
    before = checkpoint.read_bytes()
    run('--scores', scores, checkpoint, '--false-alarm-rate', 0, '--out', tmp_path / 'new.pth')
    assert checkpoint.read_bytes() == before
    assert threshold_of(tmp_path / 'new.pth')['value'] == pytest.approx(0.825)
    assert threshold_of(tmp_path / 'new.pth')['recall'] == 0.5


def test_without_a_checkpoint_the_figures_are_only_shown(run, scores):
    code, printed = run('--scores', scores, '--recall', 0.5)
    assert code == 1, 'a row has no score'
    assert 'threshold 0.8' in printed and 'written' not in printed


def test_a_new_threshold_replaces_the_old_one(run, scores, checkpoint):
    assert write_threshold(checkpoint, dict(value=0.5)) is None
    assert 'in place of 0.5' in run('--scores', scores, checkpoint, '--recall', 1.0)[1]


def test_a_bare_state_dict_becomes_a_checkpoint_with_a_threshold(tmp_path):
    torch.save(dict(weight=torch.ones(2)), tmp_path / 'bare.pth')
    write_threshold(tmp_path / 'bare.pth', dict(value=0.5))
    saved = torch.load(tmp_path / 'bare.pth', weights_only=True)
    assert list(saved['state_dict']) == ['weight'] and saved['meta'] == dict(threshold=dict(value=0.5))


@pytest.mark.parametrize('text, message', [
    ('', 'is no CSV with a header'),
    ('label,score\nPASS,1\n', 'no column siamese_score'),
    ('siamese_score\n1\n', 'no column label'),
    ('label,siamese_score\nPASS,0.5\nmissing,high\n', "'high' is no number"),
    ('label,siamese_score\n,0.5\n', 'no label')])
def test_a_score_file_that_cannot_be_used_is_refused_with_its_place(tmp_path, text, message):
    (tmp_path / 's.csv').write_text(text)
    with pytest.raises(ValueError, match=message):
        read_score_file(tmp_path / 's.csv')


@pytest.mark.parametrize('arguments, message', [
    (['--recall', 1], 'give a config and a checkpoint, or --scores'),
    (['--scores', 'scores.csv'], '--recall --false-alarm-rate is required'),
    (['--scores', 'nothing.csv', '--recall', 1], 'there is no file nothing.csv'),
    (['--scores', 'scores.csv', '--recall', 1, '--out', 'x.pth'], '--out needs a checkpoint')])
def test_wrong_use_is_told_in_a_sentence(run, scores, arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(scores.parent)
    with pytest.raises(SystemExit):
        run(*arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('arguments, message', [
    (['--scores', 'scores.csv', '--recall', 99], 'for 99 % give 0.99'),
    (['--scores', 'good.csv', '--recall', 1], 'no FAIL row'),
    (['--scores', 'scores.csv', 'scores.csv', '--recall', 1], 'is not a checkpoint')])
def test_what_cannot_be_picked_is_told_in_a_sentence(run, scores, arguments, message, monkeypatch):
    monkeypatch.chdir(scores.parent)
    Path('good.csv').write_text('label,siamese_score\nPASS,0.5\n')
    code, printed = run(*arguments)
    assert code == 2 and message in printed


CONFIG = """
custom_imports = dict(imports=['parts_of_this_test'])
default_scope = 'mmengine'
model = dict(type='HalvedScores')
val_dataloader = dict(batch_size=2, dataset=dict(type='FourRows'), collate_fn=dict(type='pseudo_collate'),
                      sampler=dict(type='DefaultSampler', shuffle=False))
val_cfg = dict()
val_evaluator = dict(type='mmchangenet.InspectionMetric')
test_dataloader = dict(batch_size=1, num_workers=7, dataset=dict(type='Replaced'))
test_evaluator = []
"""
PARTS = '''
import torch
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from torch.utils.data import Dataset
from mmchangenet.structures import ChangeDataSample

@DATASETS.register_module()
class FourRows(Dataset):
    ann_file = 'some/folder/val.csv'
    label_frame = None

    def __init__(self, defects_from=2):
        self.defects_from = defects_from

    def __len__(self):
        return 4

    def __getitem__(self, idx):
        fail = idx >= self.defects_from
        return ChangeDataSample(metainfo=dict(sample_idx=idx, label='missing' if fail else 'PASS'), gt_fail=int(fail))

@MODELS.register_module()
class HalvedScores(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, samples, mode):
        for sample in samples:
            sample.score, sample.pred_fail = float(self.weight * sample.sample_idx), 0
        return samples

    def test_step(self, samples):
        return self(samples, 'predict')
'''


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path('config.py').write_text(CONFIG)
    Path('parts_of_this_test.py').write_text(PARTS)
    torch.save(dict(state_dict=dict(weight=torch.tensor(0.5))), 'best.pth')
    yield 'config.py'
    sys.modules.pop('parts_of_this_test', None)
    DATASETS.module_dict.pop('FourRows', None)
    MODELS.module_dict.pop('HalvedScores', None)


def test_a_config_and_its_checkpoint_are_scored_on_the_validation_data(run, config):
    code, printed = run(config, 'best.pth', '--recall', 1.0)
    assert code == 0, printed
    threshold = threshold_of('best.pth')
    assert (threshold['value'], threshold['data'], threshold['recall'],
            threshold['false_alarm_rate']) == (0.75, 'val.csv', 1, 0)


def test_validation_data_without_defects_is_refused_after_scoring(run, config):
    code, printed = run(config, 'best.pth', '--recall', 1.0, '--cfg-options',
                        'val_dataloader.dataset.defects_from=9')
    assert code == 2 and 'no FAIL row' in printed


def test_a_config_without_validation_data_is_refused(run, config):
    Path('config.py').write_text('model = dict()\n')
    code, printed = run(config, 'best.pth', '--recall', 1.0)
    assert code == 2 and 'has no val_dataloader' in printed
