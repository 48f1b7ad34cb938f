"""NaN and infinities: in losses, weights and checkpoints."""

import math

import pytest
import torch
from mmengine.hooks import Hook

from mmchangenet.checkpoint import CheckpointError, read_checkpoint
from mmchangenet.engine import FiniteLossHook, NonFiniteError


class SpoilHook(Hook):
    """Makes the loss of an iteration NaN, or a weight after it."""

    def __init__(self, iteration, weight=False):
        self.iteration, self.weight = iteration, weight

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if not self.weight and runner.iter == self.iteration:
            data_batch['inputs'][0].fill_(math.nan)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.weight and runner.iter == self.iteration:
            with torch.no_grad():
                runner.model.head.fc.weight[0, 0] = math.inf


def spoiled(runner, *args, **kwargs):
    """Train with a spoilt iteration."""
    runner.register_hook(SpoilHook(*args, **kwargs))
    runner.train()


def test_a_loss_that_is_no_number_ends_the_training_before_it_counts(toy_runner, tmp_path):
    runner = toy_runner()
    with pytest.raises(
            NonFiniteError, match=r'(?s)loss is nan at epoch 2, iteration 6, of rows \d+.*'
            r'last good state is .*epoch_1.pth.*lower optim_wrapper') as error:
        spoiled(runner, 5)
    assert 'image' not in str(error.value)
    assert all(torch.isfinite(value).all() for value in runner.model.head.state_dict().values())
    assert sorted(path.name for path in (tmp_path / 'run').glob('epoch_*.pth')) == ['epoch_1.pth']


def test_such_a_batch_can_be_left_out(toy_runner, tmp_path):
    spoiled(toy_runner(custom_hooks=[dict(type='FiniteLossHook', skip=True)]), 5)
    weights = read_checkpoint(tmp_path / 'run' / 'epoch_3.pth')['state_dict']
    assert all(torch.isfinite(weights[f'head.fc.{name}']).all() for name in ('weight', 'bias'))


def test_weights_that_are_no_numbers_are_not_saved(toy_runner, tmp_path):
    with pytest.raises(NonFiniteError, match=r'not saved after iteration 8: '
                                             r'.*state_dict.head.fc.weight.*epoch_1.pth'):
        spoiled(toy_runner(), 7, weight=True)
    assert not (tmp_path / 'run' / 'epoch_2.pth').exists()


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_they_are_refused_on_testing_starting_and_resuming(toy_runner, tmp_path, value):
    toy_runner().train()
    checkpoint = read_checkpoint(tmp_path / 'run' / 'epoch_3.pth')
    checkpoint['state_dict']['head.fc.bias'][1] = value
    path = str(tmp_path / 'bad.pth')
    torch.save(checkpoint, path)
    with pytest.raises(CheckpointError, match=r'bad.pth has values that are no finite numbers, in '
                                              r'head.fc.bias'):
        toy_runner('test', load_from=path).test()
    with pytest.raises(CheckpointError, match=r'head.fc.bias'):
        toy_runner('start', load_from=path).train()
    with pytest.raises(CheckpointError, match=r'head.fc.bias'):
        toy_runner('resume', load_from=path, resume=True).train()


def test_moments_of_the_optimizer_are_looked_at_on_resuming(toy_runner, tmp_path):
    toy_runner().train()
    checkpoint = read_checkpoint(tmp_path / 'run' / 'epoch_2.pth')
    checkpoint['optimizer']['state'][0]['exp_avg'].fill_(math.nan)
    torch.save(checkpoint, tmp_path / 'bad.pth')
    with pytest.raises(CheckpointError, match=r'optimizer state has values .*state.0.exp_avg'):
        toy_runner('second', load_from=str(tmp_path / 'bad.pth'), resume=True).train()


@pytest.mark.parametrize('value', [math.nan, math.inf, 1e300, 'high', True, [0.5]])
def test_a_stored_threshold_has_to_be_a_finite_number(toy_runner, tmp_path, value):
    toy_runner().train()
    checkpoint = read_checkpoint(tmp_path / 'run' / 'epoch_3.pth')
    checkpoint['meta']['threshold'] = dict(value=value)
    torch.save(checkpoint, tmp_path / 'bad.pth')
    with pytest.raises(CheckpointError,
                       match='bad.pth, meta.threshold: the threshold .* is no finite number'):
        toy_runner('test', load_from=str(tmp_path / 'bad.pth')).test()


def test_the_hook_is_there_once(toy_runner):
    runner = toy_runner(custom_hooks=[dict(type='FiniteLossHook', skip=True)])
    assert [hook.skip for hook in runner.hooks if isinstance(hook, FiniteLossHook)] == [True]
