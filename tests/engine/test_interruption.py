"""Ctrl-C and SIGTERM end a training saved, and it goes on inside its epoch as if nothing had been."""

import os
import signal

import pytest
from test_resume import HOOKS_WITH_STATE, KillHook, assert_same, outcome, run

from mmchangenet.checkpoint import read_checkpoint
from mmchangenet.engine import ChangeRunner, TrainingInterrupted, WorkDirInUse
from mmchangenet.engine.work_dir_lock import OWNER, work_dir_lock


def interrupt(runner, stage, count, number=signal.SIGTERM):
    """Train until a signal comes at the n-th time that a stage is reached."""
    runner.register_hook(KillHook(stage, count, 'NORMAL', act=lambda: os.kill(os.getpid(), number)))
    with pytest.raises(TrainingInterrupted) as error:
        runner.train()
    return error.value


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
    """The outcome of trainings that nobody ended: without and with gradients that add up over three steps."""
    from toy_change_parts import toy_config
    found = {}
    for counts in (1, 3):
        folder = tmp_path_factory.mktemp('unbroken')
        ChangeRunner.from_cfg(toy_config(
            folder, custom_hooks=HOOKS_WITH_STATE, **{'optim_wrapper.accumulative_counts': counts})).train()
        found[counts] = outcome(folder)
    return found


@pytest.mark.parametrize('counts', [1, 3])
@pytest.mark.parametrize(('stage', 'count'), [
    ('after_train_iter', 6),  # in the middle of epoch 2
    ('after_train_iter', 8),  # its last iteration
    ('after_val_iter', 4),  # in the middle of its validation
    ('after_val', 1),  # after a validation: the next iteration is the boundary
])
def test_an_interrupted_training_goes_on_as_an_unbroken_one(toy_runner, tmp_path, unbroken, stage, count,
                                                            counts):
    changes = dict(custom_hooks=HOOKS_WITH_STATE, **{'optim_wrapper.accumulative_counts': counts})
    error = interrupt(toy_runner(**changes), stage, count)
    assert error.exit_code == 143
    assert '--resume' in str(error)
    run(toy_runner(**changes, resume='auto'))
    assert_same(outcome(tmp_path / 'run'), unbroken[counts])


def test_ctrl_c_says_where_it_stopped_and_what_is_saved(toy_runner, tmp_path):
    error = interrupt(toy_runner(), 'after_train_iter', 6, signal.SIGINT)
    assert error.exit_code == 130
    assert 'SIGINT in epoch 2, after iteration 6' in str(error)
    meta = read_checkpoint(tmp_path / 'run' / 'interrupted.pth')['meta']
    assert (meta['epoch'], meta['iter']) == (1, 6)
    run(toy_runner(resume='auto'))
    assert not (tmp_path / 'run' / 'interrupted.pth').exists(), 'newer ones took its place'


def test_signals_do_again_what_they_did_before(toy_runner):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    interrupt(toy_runner(), 'after_train_iter', 2)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_iterations_are_interrupted_as_well(toy_runner, tmp_path):
    by_iteration = {
        'train_dataloader.dataset.rows': 48, 'train_cfg': dict(by_epoch=False, max_iters=12, val_interval=4),
        'log_processor': dict(by_epoch=False), 'param_scheduler.by_epoch': False, 'param_scheduler.end': 12,
        'default_hooks.checkpoint.by_epoch': False, 'default_hooks.checkpoint.interval': 4}
    interrupt(toy_runner(**by_iteration), 'after_train_iter', 6)
    run(toy_runner(**by_iteration, resume='auto'))
    run(toy_runner('unbroken', **by_iteration))
    one, other = (read_checkpoint(tmp_path / name / 'iter_12.pth') for name in ('run', 'unbroken'))
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_same(one[part], other[part])


@pytest.mark.parametrize(('stage', 'count'), [('after_train_iter', 6), ('after_val', 1)])
def test_a_killed_training_with_gradients_that_add_up_is_as_an_unbroken_one(toy_runner, tmp_path, unbroken,
                                                                            stage, count):
    changes = dict(custom_hooks=HOOKS_WITH_STATE, **{'optim_wrapper.accumulative_counts': 3})
    run(toy_runner(**changes), KillHook(stage, count, 'LOWEST'))
    run(toy_runner(**changes, resume='auto'))
    assert_same(outcome(tmp_path / 'run'), unbroken[3])


def test_a_second_training_in_a_work_dir_is_told_of_the_first(toy_runner, tmp_path):
    runner = toy_runner()
    with work_dir_lock(str(tmp_path / 'run')), pytest.raises(WorkDirInUse,
                                                             match=f'process {os.getpid()} on .*--work-dir'):
        runner.train()
    assert not (tmp_path / 'run' / OWNER).exists()
    toy_runner().train()
