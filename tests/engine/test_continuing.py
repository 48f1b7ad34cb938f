"""A resumed training follows the config as it now is: schedule, rate, length, patience."""

from pathlib import Path

import pytest
import torch
from test_resume import KillHook, run

from mmchangenet.checkpoint import read_checkpoint

COSINE = dict(type='CosineAnnealingLR', T_max=4, eta_min=1e-4, begin=0, end=4, by_epoch=True)
LINEAR = dict(type='LinearLR', start_factor=1.0, end_factor=0.1, begin=0, end=4, by_epoch=True)
STEP = dict(type='MultiStepLR', milestones=[1, 3], gamma=0.1, begin=0, end=4, by_epoch=True)
WARM_UP = [dict(type='LinearLR', start_factor=0.1, begin=0, end=6, by_epoch=False),
           dict(type='CosineAnnealingLR', T_max=4, begin=0, end=4, by_epoch=True, convert_to_iter_based=True)]
SHORTER = {'CosineAnnealingLR': dict(T_max=2), 'LinearLR': {}, 'MultiStepLR': {}}


def shortened(schedule):
    """The same for a training of two epochs."""
    if isinstance(schedule, list):
        return [dict(schedule[0], end=3), dict(schedule[1], T_max=2, end=2)]
    return dict(schedule, end=2, **SHORTER[schedule['type']])


class RateHook(KillHook):
    """Notes the learning rate of each iteration."""

    def __init__(self):
        super().__init__('after_train', 0, 'LOWEST')
        self.rates = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.rates[runner.iter] = runner.optim_wrapper.get_lr()['lr'][0]


def rates(runner):
    """Train and give the rate of each iteration."""
    hook = RateHook()
    runner.register_hook(hook)
    runner.train()
    return hook.rates


def log_of(runner):
    """What is in its log file."""
    return next(Path(runner.log_dir).glob('*.log')).read_text()


@pytest.mark.parametrize('schedule', [COSINE, LINEAR, STEP, WARM_UP],
                         ids=['cosine', 'linear', 'step', 'warm-up'])
def test_a_longer_schedule_is_entered_where_it_would_be_by_now(toy_runner, schedule):
    rates(toy_runner(param_scheduler=shortened(schedule), **{'train_cfg.max_epochs': 2}))
    continued = rates(toy_runner(param_scheduler=schedule, resume='auto', **{'train_cfg.max_epochs': 4}))
    whole = rates(toy_runner('whole', param_scheduler=schedule, **{'train_cfg.max_epochs': 4}))
    assert sorted(continued) == list(range(8, 16))
    assert continued == {iteration: whole[iteration] for iteration in continued}


def test_another_rate_takes_effect_and_is_said(toy_runner):
    rates(toy_runner(**{'train_cfg.max_epochs': 2}))
    runner = toy_runner(resume='auto',
                        **{'optim_wrapper.optimizer.lr': 0.001, 'optim_wrapper.optimizer.weight_decay': 0.3})
    continued = rates(runner)
    whole = rates(toy_runner('whole', **{'optim_wrapper.optimizer.lr': 0.001}))
    assert continued == {iteration: whole[iteration] for iteration in range(8, 12)}
    assert runner.optim_wrapper.param_groups[0]['weight_decay'] == 0.3
    assert 'optim_wrapper.optimizer.lr: 0.02 there, 0.001 here' in log_of(runner)
    assert 'train_cfg.max_epochs: 2 there, 3 here' in log_of(runner)


def test_an_unchanged_config_is_not_spoken_of(toy_runner):
    run(toy_runner(), KillHook('after_val', 2, 'LOWEST'))
    runner = toy_runner(resume='auto')
    runner.train()
    assert 'changed since' not in log_of(runner)


def test_more_patience_goes_on_after_an_early_stop(toy_runner, tmp_path):
    def hooks(patience):
        return [
            dict(type='EarlyStoppingHook', monitor='spread', rule='greater', min_delta=9., patience=patience)
        ]

    toy_runner(custom_hooks=hooks(1)).train()
    assert not (tmp_path / 'run' / 'epoch_3.pth').exists()
    toy_runner(custom_hooks=hooks(5), resume='auto').train()
    assert (tmp_path / 'run' / 'epoch_3.pth').exists()


def test_a_plateau_keeps_its_reduced_rate(toy_runner, tmp_path):
    plateau = dict(type='ReduceOnPlateauLR', monitor='spread', rule='greater', threshold=9., patience=0,
                   factor=0.5, begin=0, end=9, by_epoch=True)
    runner = toy_runner(param_scheduler=plateau)
    whole = rates(runner)
    run(toy_runner('again', param_scheduler=plateau), KillHook('after_val', 2, 'LOWEST'))
    continued = rates(toy_runner('again', param_scheduler=plateau, resume='auto'))
    assert continued == {iteration: whole[iteration] for iteration in continued}


def test_nothing_left_to_train_is_said(toy_runner):
    toy_runner().train()
    runner = toy_runner(resume='auto')
    runner.train()
    assert '3 of 3 epochs are done. Raise train_cfg.max_epochs' in log_of(runner)


@pytest.mark.parametrize(('part', 'value', 'said'), [
    ('meta', [1], 'its meta is a list'),
    ('message_hub', [1], 'its message_hub is a list'),
    ('message_hub', dict(log_scalars=3), "its message_hub is not MMEngine's"),
    ('optimizer', dict(state=1, param_groups=2), 'its optimizer state does not fit'),
    ('gradients', dict(nobody=torch.zeros(1)), 'gradient of nobody does not fit'),
])
def test_parts_of_the_wrong_kind_are_one_message(toy_runner, tmp_path, part, value, said):
    toy_runner().train()
    path = tmp_path / 'run' / 'epoch_2.pth'
    torch.save(dict(read_checkpoint(path), **{part: value}), path)
    with pytest.raises(ValueError, match=said):
        toy_runner('second', resume=True, load_from=str(path)).train()


@pytest.mark.parametrize('epoch', ['2', None, -1, True])
def test_a_place_that_is_none_is_one_message(toy_runner, tmp_path, epoch):
    toy_runner().train()
    checkpoint = read_checkpoint(tmp_path / 'run' / 'epoch_2.pth')
    checkpoint['meta']['epoch'] = epoch
    torch.save(checkpoint, tmp_path / 'changed.pth')
    with pytest.raises(ValueError, match='its meta.epoch is'):
        toy_runner('second', resume=True, load_from=str(tmp_path / 'changed.pth')).train()
