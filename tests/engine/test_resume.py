"""A training that is killed and resumed ends as an unbroken one, wherever it was killed."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from toy_change_parts import toy_config

from mmchangenet.checkpoint import CheckpointError, read_checkpoint
from mmchangenet.engine import ChangeRunner

HOOKS_WITH_STATE = [
    dict(type='EMAHook', momentum=0.1),
    dict(type='EarlyStoppingHook', monitor='spread', rule='greater', min_delta=0.0, patience=3)]


class Killed(BaseException):
    """What a simulated kill raises: nothing on the way catches it."""


class KillHook(Hook):
    """Ends the run the n-th time that a stage is reached."""

    def __init__(self, stage, count, priority, act=None):
        self.priority = priority
        self.count = count
        self.act = act or self.die
        setattr(self, stage, self.reached)

    def reached(self, runner, **kwargs):
        self.count -= 1
        if not self.count:
            self.act()

    @staticmethod
    def die():
        raise Killed


def run(runner, kill=None):
    """Train; with a kill hook, until it strikes."""
    if kill is None:
        runner.train()
        return
    runner.register_hook(kill)
    with pytest.raises(Killed):
        runner.train()


def die_while_writing(bytes_written):
    """From now on, this process is killed by the system when it writes a file longer than that."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_written, bytes_written))


def in_child(function):
    """Run a function in a forked process and return the signal that killed it, or 0."""
    child = os.fork()
    if not child:
        try:
            function()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def outcome(folder):
    """What two runs have to agree on: everything in the last checkpoint but times and places; and the
    files.
    """
    last = torch.load(Path(folder) / 'epoch_3.pth', weights_only=True)
    hub = last['message_hub']
    scalars = {name: (value['log_history'], value['count_history'])
               for name, value in hub['log_scalars'].items() if not name.endswith('time')}
    info = {
        name: Path(value).name if name in ('best_ckpt', 'last_ckpt') else value
        for name, value in hub['runtime_info'].items()
        if name not in ('eta', 'cfg', 'experiment_name', 'mmengine_version', 'epoch', 'iter')
    }
    meta = {key: last['meta'][key] for key in ('epoch', 'iter', 'validated', 'seed')}
    files = sorted(path.name for path in Path(folder).iterdir() if path.is_file() and path.suffix != '.py')
    best = next(path for path in Path(folder).glob('best_*.pth'))
    return dict(state=last['state_dict'], ema=last.get('ema_state_dict'), optimizer=last['optimizer'],
                meta=meta, scalars=scalars, schedulers=last['param_schedulers'], info=info, files=files,
                best=read_checkpoint(best)['state_dict'])


def assert_same(one, other, where=''):
    """Equal to the last bit, tensors included."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f'{where}.{key}')
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f'{where}[{number}]')
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
    """The outcome of a training that nobody killed."""
    folder = tmp_path_factory.mktemp('unbroken')
    ChangeRunner.from_cfg(toy_config(folder, custom_hooks=HOOKS_WITH_STATE)).train()
    return outcome(folder)


@pytest.mark.parametrize('stage, count, priority', [
    ('after_train_iter', 6, 'NORMAL'),  # in the middle of epoch 2
    ('after_train_epoch', 2, 'HIGHEST'),  # before epoch 2 is saved
    ('before_val_epoch', 2, 'LOWEST'),  # saved, not validated
    ('after_val_iter', 4, 'LOWEST'),  # in the middle of a validation
    ('after_val_epoch', 2, 'LOWEST'),  # the best is saved, what the validation changed is not
    ('after_val', 2, 'LOWEST'),  # everything of epoch 2 is saved
    ('after_val', 3, 'HIGHEST'),  # at the very end
])
def test_a_killed_and_resumed_run_ends_as_an_unbroken_one(toy_runner, tmp_path, unbroken, stage, count,
                                                          priority):
    run(toy_runner(custom_hooks=HOOKS_WITH_STATE), KillHook(stage, count, priority))
    run(toy_runner(custom_hooks=HOOKS_WITH_STATE, resume='auto'))
    assert_same(outcome(tmp_path / 'run'), unbroken)


@pytest.mark.parametrize('stage, count', [('after_train_epoch', 2), ('after_val', 2), ('after_val_epoch', 3)])
def test_a_kill_in_the_middle_of_a_write_loses_nothing(toy_runner, tmp_path, unbroken, stage, count):
    runner = toy_runner(custom_hooks=HOOKS_WITH_STATE)
    before_saving = 'VERY_LOW' if stage == 'after_val' else 'LOW'
    runner.register_hook(KillHook(stage, count, before_saving, act=lambda: die_while_writing(5000)), 'LOW')
    assert in_child(runner.train) == signal.SIGXFSZ
    assert list((tmp_path / 'run').glob('.*.partial')), 'the kill came in the middle of a write'
    run(toy_runner(custom_hooks=HOOKS_WITH_STATE, resume='auto'))
    assert_same(outcome(tmp_path / 'run'), unbroken)


def test_a_run_without_a_seed_goes_on_with_the_one_it_drew(toy_runner, tmp_path):
    run(toy_runner(randomness=dict(seed=None)), KillHook('after_train_iter', 6, 'NORMAL'))
    seed = read_checkpoint(tmp_path / 'run' / 'epoch_1.pth')['meta']['seed']
    run(toy_runner(randomness=dict(seed=None), resume='auto'))
    run(toy_runner('again', randomness=dict(seed=seed)))
    assert_same(outcome(tmp_path / 'run'), outcome(tmp_path / 'again'))


def test_a_validation_is_made_up_once(toy_runner, caplog):
    run(toy_runner(), KillHook('before_val_epoch', 2, 'LOWEST'))
    validations = []

    def resumed(count):
        runner = toy_runner(resume='auto')
        hook = KillHook('after_val', count, 'LOWEST')
        hook.before_val = lambda runner: validations.append(runner.epoch)
        run(runner, hook)

    resumed(1)  # epoch 2, which was pending; killed after it
    assert validations == [2]
    resumed(1)  # not again
    assert validations == [2, 3]


def test_early_stopping_stays_stopped(toy_runner, tmp_path):
    stop_at_once = dict(custom_hooks=[
        dict(type='EarlyStoppingHook', monitor='spread', rule='greater', min_delta=9., patience=1)
    ])
    run(toy_runner(**stop_at_once), KillHook('after_train', 1, 'HIGHEST'))
    assert (tmp_path / 'run' / 'last_checkpoint').read_text().endswith('epoch_2.pth')
    run(toy_runner(**stop_at_once, resume='auto'))
    assert not (tmp_path / 'run' / 'epoch_3.pth').exists()


def test_iterations_can_be_resumed_as_well(toy_runner, tmp_path):
    by_iteration = {
        'train_dataloader.dataset.rows': 48, 'train_cfg': dict(by_epoch=False, max_iters=12, val_interval=4),
        'log_processor': dict(by_epoch=False), 'param_scheduler.by_epoch': False, 'param_scheduler.end': 12,
        'default_hooks.checkpoint.by_epoch': False, 'default_hooks.checkpoint.interval': 4,
        'default_hooks.checkpoint.filename_tmpl': 'epoch_{}.pth'}

    def numbers(folder):
        (tmp_path / folder / 'epoch_12.pth').rename(tmp_path / folder / 'epoch_3.pth')
        return outcome(tmp_path / folder)

    run(toy_runner(**by_iteration), KillHook('after_train_iter', 10, 'NORMAL'))
    run(toy_runner(**by_iteration, resume='auto'))
    run(toy_runner('unbroken', **by_iteration))
    assert_same(numbers('run'), numbers('unbroken'))


def test_nothing_to_resume_is_a_start_from_load_from(toy_runner, tmp_path):
    run(toy_runner('first'))
    start = str(tmp_path / 'first' / 'epoch_3.pth')
    runner = toy_runner('second', resume='auto', load_from=start)
    with_kill = KillHook('before_train', 1, 'LOWEST')
    run(runner, with_kill)
    assert runner.epoch == 0
    assert_same(dict(runner.model.state_dict()), dict(read_checkpoint(start)['state_dict']))


def test_weights_alone_cannot_be_resumed(toy_runner, tmp_path):
    run(toy_runner())
    best = next((tmp_path / 'run').glob('best_*.pth'))
    with pytest.raises(CheckpointError, match='has no optimizer.*load_from'):
        toy_runner('second', resume=True, load_from=str(best)).train()


def test_a_moved_work_dir_leaves_the_old_one_alone(toy_runner, tmp_path, unbroken):
    run(toy_runner('old', custom_hooks=HOOKS_WITH_STATE), KillHook('after_val', 2, 'LOWEST'))
    subprocess.run(['cp', '-r', tmp_path / 'old', tmp_path / 'run'], check=True)
    before = sorted(path.name for path in (tmp_path / 'old').iterdir())
    run(toy_runner('run', custom_hooks=HOOKS_WITH_STATE, resume='auto'))
    assert sorted(path.name for path in (tmp_path / 'old').iterdir()) == before
    assert_same(outcome(tmp_path / 'run'), unbroken)


def test_the_best_checkpoint_needs_its_figure(toy_runner):
    with pytest.raises(ValueError, match="save_best='auroc'.*accuracy, spread, rows"):
        toy_runner(**{'default_hooks.checkpoint.save_best': 'auroc'}).train()


@pytest.mark.slow
def test_a_process_that_is_killed_and_started_again(toy_runner, tmp_path, unbroken):
    """The same with a real process, a real SIGKILL and whatever it was doing."""
    cfg = toy_config(tmp_path / 'run', custom_hooks=HOOKS_WITH_STATE, resume='auto')
    cfg.dump(tmp_path / 'config.py')
    program = ('import sys, torch; torch.set_num_threads(1); import toy_change_parts; from mmengine.config '
               'import Config; '
               'from mmchangenet.engine import ChangeRunner; '
               'ChangeRunner.from_cfg(Config.fromfile(sys.argv[1])).train()')
    root = Path(__file__).parents[2]
    environment = dict(os.environ, PYTHONPATH=f'{root}:{Path(__file__).parent}', OMP_NUM_THREADS='1')
    process = subprocess.Popen([sys.executable, '-c', program, tmp_path / 'config.py'], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (tmp_path / 'run' / 'epoch_2.pth').exists():
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    run(toy_runner('run', custom_hooks=HOOKS_WITH_STATE, resume='auto'))
    assert_same(outcome(tmp_path / 'run'), unbroken)
