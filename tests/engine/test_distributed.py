"""Several processes without a GPU: equal weights and statistics, the same evaluation, the same resume."""

import os
import socket
import traceback

import pytest
import torch
from mmengine.hooks import Hook

from mmchangenet.checkpoint import read_checkpoint

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason='with GPUs, processes use these')


class Collect(Hook):
    """Keeps what a function says of the runner at a stage."""

    priority = 'LOWEST'

    def __init__(self, stage, look):
        self.seen = []
        setattr(self, stage, lambda runner, **kwargs: self.seen.append(look(runner, **kwargs)))


def in_processes(folder, function, count=2, launcher='pytorch'):
    """Run ``function()`` in forked processes that a launcher seems to have started; gives what each
    returned.
    """
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    names = dict(pytorch='{}', slurm='SLURM_{}', mpi='OMPI_COMM_WORLD_{}')[launcher]
    rank_name, size_name = dict(slurm=('PROCID', 'NTASKS'), mpi=('RANK', 'SIZE')).get(
        launcher, ('RANK', 'WORLD_SIZE'))
    local_name = 'LOCALID' if launcher == 'slurm' else 'LOCAL_RANK'
    folder.mkdir(exist_ok=True)
    children = []
    for rank in range(count):
        child = os.fork()
        if not child:
            os.environ.update({
                names.format(rank_name): str(rank),
                names.format(size_name): str(count),
                names.format(local_name): str(rank), 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port
            })
            try:
                torch.save(function(), folder / f'{rank}.pt')
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * count
    return [torch.load(folder / f'{rank}.pt', weights_only=False) for rank in range(count)]


def weights(runner, **kwargs):
    return {name.removeprefix('module.'): value.clone() for name, value in runner.model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_evaluate_as_one_does(toy_runner, tmp_path):
    toy_runner('trained').train()

    def test(launcher='pytorch'):
        runner = toy_runner('test', launcher=launcher, load_from=str(tmp_path / 'trained' / 'epoch_3.pth'),
                            **{'test_dataloader.dataset.broken': [4, 9]})
        rows = Collect('after_test_iter', lambda runner, outputs, **kwargs: {
            sample.sample_idx: sample.score for sample in outputs if 'error' not in sample})
        runner.register_hook(rows)
        figures = runner.test()
        broken = [hook.unscored() for hook in runner.hooks if hasattr(hook, 'unscored')]
        return figures, {row: score for batch in rows.seen for row, score in batch.items()}, broken

    figures, rows, broken = test('none')
    (figures_0, rows_0, broken_0), (figures_1, rows_1, broken_1) = in_processes(tmp_path / 'results', test)
    assert figures_0 == figures_1 == figures
    assert rows_0 | rows_1 == rows and rows_0 != rows_1
    assert broken_0 == broken_1 == broken == [{4: 'row 4 is broken', 9: 'row 9 is broken'}]


@pytest.mark.parametrize('norm', ['BatchNorm1d', 'SyncBatchNorm'])
def test_weights_and_statistics_are_equal_after_each_step(toy_runner, tmp_path, norm):

    def train():
        runner = toy_runner('two', launcher='pytorch', custom_hooks=[dict(type='EMAHook', momentum=0.1)],
                            **({'sync_bn': 'torch'} if norm == 'SyncBatchNorm' else {}))
        steps = Collect('after_train_iter', weights)
        runner.register_hook(steps)
        runner.train()
        return steps.seen

    first, second = in_processes(tmp_path / 'results', train)
    assert len(first) == len(second) == 6
    assert all(same(*step) for step in zip(first, second, strict=True))
    assert not torch.equal(first[0]['backbone.1.running_mean'], first[1]['backbone.1.running_mean'])
    assert same(
        read_checkpoint(tmp_path / 'two' / 'epoch_3.pth')['ema_state_dict'],
        {f'module.{name}': value
         for name, value in first[-1].items()} |
        {'steps': torch.tensor(6)}), 'what is saved is what all have (EMAHook puts the trained weights there)'


def test_statistics_are_the_mean_over_the_processes(toy_runner, tmp_path):

    def train():
        runner = toy_runner('two', launcher='pytorch', **{'train_cfg.max_epochs': 1})
        inputs = []
        runner.model.module.backbone[1].register_forward_hook(
            lambda module, args, output: inputs.append(args[0].detach().clone()) if module.training else None)
        steps = Collect('after_train_iter', weights)
        runner.register_hook(steps)
        runner.train()
        return inputs[0], steps.seen[0]

    (one, after), (other, _) = in_processes(tmp_path / 'results', train)
    torch.testing.assert_close(after['backbone.1.running_mean'], 0.1 * (one.mean(0) + other.mean(0)) / 2)
    torch.testing.assert_close(after['backbone.1.running_var'], 0.9 + 0.1 * (one.var(0) + other.var(0)) / 2)


def test_two_processes_resume_as_if_unbroken(toy_runner, tmp_path):

    def train(name, stop, **changes):
        runner = toy_runner(name, launcher='pytorch', **changes)
        if stop:
            runner.register_hook(
                Collect('before_val_epoch', lambda runner: (_ for _ in ()).throw(KeyboardInterrupt())))
        try:
            runner.train()
        except KeyboardInterrupt:
            return None
        return weights(runner), runner.message_hub.get_scalar('val/spread').data[0].tolist()

    unbroken = in_processes(tmp_path / 'results', lambda: train('unbroken', False))
    in_processes(tmp_path / 'results', lambda: train('two', True))
    resumed = in_processes(tmp_path / 'results', lambda: train('two', False, resume='auto'))
    for (state, figures), (expected_state, expected_figures) in zip(resumed, unbroken, strict=True):
        assert same(state, expected_state)
        assert figures == expected_figures


def test_one_process_goes_on_where_two_were(toy_runner, tmp_path):

    def train():
        toy_runner('run', launcher='pytorch', **{'train_cfg.max_epochs': 1,
                                                 'train_dataloader.batch_size': 2}).train()

    in_processes(tmp_path / 'results', train)
    runner = toy_runner('run', resume='auto')
    seen = Collect('before_train_iter', lambda runner, **kwargs: (runner.epoch, runner.iter))
    runner.register_hook(seen)
    runner.train()
    assert seen.seen == [(epoch, 4 * epoch + step) for epoch in (1, 2) for step in range(4)]
    log = ''.join(file.read_text() for file in (tmp_path / 'run').glob('*/*.log'))
    assert 'is of 2 processes, now there are 1. ' in log
    assert 'set it so that 1 × batch_size is what 2 × batch_size was' in log


@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_other_launchers_tell_the_processes_their_places(toy_runner, tmp_path, launcher):
    def place():
        runner = toy_runner('run', launcher=launcher)
        return runner.rank, runner.world_size

    assert in_processes(tmp_path / 'results', place, launcher=launcher) == [(0, 2), (1, 2)]


def test_a_launcher_that_did_not_start_the_process_is_named(toy_runner, monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'SLURM_PROCID'):
        monkeypatch.delenv(name, raising=False)
    for launcher, starter in (('pytorch', 'torchrun'), ('slurm', 'srun'), ('mpi', 'mpirun')):
        with pytest.raises(ValueError, match=f'is not set: start it with {starter}'):
            toy_runner('run', launcher=launcher)
