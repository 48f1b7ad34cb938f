"""Where a resumed training goes on: state from the checkpoint, settings from the config as it now is."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import all_reduce, broadcast_object_list, get_world_size, is_main_process
from mmengine.optim import OptimWrapper, OptimWrapperDict, ReduceOnPlateauParamScheduler
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from mmchangenet.checkpoint import (
    CheckpointError,
    adopt_class_names,
    check_finite,
    config_differences,
    meta_of,
    read_checkpoint,
)

from .distributed import tell_changed_processes
from .epoch_loop import EpochLoop
from .hooks.safe_checkpoint_hook import SafeCheckpointHook
from .message_hub import restore_hub
from .optimizers import wrappers_of

if TYPE_CHECKING:
    from .runner import ChangeRunner

PARTS = ('meta', 'message_hub', 'optimizer')
# what a training goes by; other entries say where things are and what is shown
SETTINGS = ('train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'train_dataloader', 'model',
            'custom_hooks', 'default_hooks')
SHOWN = 20
PLATEAU_STATE = ('best', 'num_bad_epochs', 'cooldown_counter', 'last_step', '_global_step', '_last_value')


def resume_training(runner: ChangeRunner, checkpoint: Mapping[str, Any], source: str, optimizer: bool = True,
                    schedules: bool = True) -> None:
    """Bring a runner whose weights are loaded to the place of a checkpoint.

    The optimizer's moments, the history of figures and gradients that were not yet applied are the
    checkpoint's. Learning rates and other settings of the optimizer are the config's, and schedules are run
    from their beginning to this place: with an unchanged config that gives what they were, with a changed one
    what an unbroken training would have by now.

    Raises:
        CheckpointError: when it holds weights only, or something of it is of the wrong kind.
    """
    lacking = [part for part in PARTS if not checkpoint.get(part)]
    if lacking:
        raise CheckpointError(f'{source} cannot be resumed: it has no {" and no ".join(lacking)}. It holds '
                              'weights to '
                              f'start from: use --cfg-options load_from={source} without --resume.')
    for part in PARTS:
        if not isinstance(checkpoint[part], dict):
            raise CheckpointError(f'{source} cannot be resumed: its {part} is a '
                                  f'{type(checkpoint[part]).__name__}, not a dict')
    meta, loop = checkpoint['meta'], runner.train_loop
    loop._epoch, loop._iter = (_whole_number(meta, key, source) for key in ('epoch', 'iter'))
    try:
        restore_hub(runner.message_hub, checkpoint['message_hub'])
    except (AttributeError, TypeError, ValueError, LookupError) as error:
        raise CheckpointError(f'{source}: its message_hub is not MMEngine\'s ({type(error).__name__}: '
                              f'{error})') from error
    if optimizer:
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        _load_optimizer(runner.optim_wrapper, checkpoint['optimizer'], source)
        _restore_gradients(runner, checkpoint.get('gradients') or {}, source)
    tell_changed_processes(meta, runner.world_size, runner.train_dataloader.batch_size, source)
    begins_anew = _find_place(runner, meta, source)
    if schedules and runner.param_schedulers is not None:
        runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
        _advance_schedules(runner, checkpoint.get('param_schedulers'), begins_anew)
    runner.validation_pending = meta.get(
        'validated') is False and runner.val_loop is not None and _validation_is_due(loop)
    inside = getattr(loop, 'done_batches', 0)
    runner.logger.info(f'resumed from {source}: epoch {loop.epoch}, iteration {loop.iter}' +
                       (f', {inside} batches into epoch {loop.epoch + 1}' if inside else ''))
    changes = config_differences(meta.get('cfg'), runner.cfg, SETTINGS)
    if changes:
        more = f'\n  and {len(changes) - SHOWN} more' if len(changes) > SHOWN else ''
        runner.logger.warning('changed since the checkpoint, and followed from here on:\n  ' +
                              '\n  '.join(changes[:SHOWN]) + more)


def take_seed(runner: ChangeRunner, meta: Mapping[str, Any], source: str) -> None:
    """Go on with the seed of a checkpoint."""
    seed = meta.get('seed')
    if type(seed) is int and seed != runner.seed:
        if runner._randomness_cfg.get('seed') is not None:
            runner.logger.warning(f'going on with the seed {seed} of {source}, not {runner.seed} of the '
                                  'config')
        runner._randomness_cfg.update(seed=seed)
        runner.set_randomness(**runner._randomness_cfg)


def read_ahead(runner: ChangeRunner, path: str | None) -> tuple[str | None, dict[str, Any] | None]:
    """Read what a training will be resumed from, for its seed and class list; nothing where there is nothing.

    Returns:
        path and content.
    """
    if path is None:
        runner.logger.info(f'no checkpoint to resume from in {runner.work_dir}: training starts at the '
                           'beginning')
        return None, None
    checkpoint = read_checkpoint(path)
    take_seed(runner, meta_of(checkpoint), path)
    adopt_class_names(runner.bare_model, meta_of(checkpoint), path)
    return path, checkpoint


def newest_of(runner: ChangeRunner) -> str | None:
    """The newest whole checkpoint of the work dir, the same on every process; or None."""
    newest: list[str | None] = [None]
    hook = next((hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)), None)
    if hook is not None and is_main_process():
        newest = [hook.newest(runner)]
    broadcast_object_list(newest)
    return newest[0]


def _whole_number(meta: Mapping[str, Any], key: str, source: str) -> int:
    value = meta.get(key)
    if type(value) is not int or value < 0:
        raise CheckpointError(f'{source} cannot be resumed: its meta.{key} is {value!r}, not a number of '
                              'finished ones')
    return value


# -- optimizer
# -------------------------------------------------------------------------------------------------------


def _load_optimizer(optim_wrapper: OptimWrapper | OptimWrapperDict, state: dict[str, Any],
                    source: str) -> None:
    settings = [[{key: value
                  for key, value in group.items()
                  if key != 'params'}
                 for group in wrapper.optimizer.param_groups]
                for wrapper in wrappers_of(optim_wrapper)]
    check_finite(state, f'{source}: its optimizer state')
    try:
        optim_wrapper.load_state_dict(state)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(f'{source}: its optimizer state does not fit the config\'s optim_wrapper: '
                              f'{error}') from error
    for wrapper, groups in zip(wrappers_of(optim_wrapper), settings, strict=True):
        for group, values in zip(wrapper.optimizer.param_groups, groups, strict=True):
            group.update(values)


def pending_gradients(runner: ChangeRunner) -> dict[str, torch.Tensor]:
    """Gradients of an update that is not complete (``accumulative_counts``). To be called on every process.

    Several processes each hold a part; from here on all of them hold the mean, which comes to the same
    update.
    """
    wrappers = wrappers_of(runner.optim_wrapper)
    if all(wrapper._accumulative_counts == 1 or wrapper.should_update() for wrapper in wrappers):
        return {}
    gradients = {
        name: value.grad
        for name, value in runner.bare_model.named_parameters()
        if value.grad is not None
    }
    if get_world_size() > 1:
        for gradient in gradients.values():
            all_reduce(gradient, op='mean')
    return gradients


def _restore_gradients(runner: ChangeRunner, gradients: Mapping[str, Any], source: str) -> None:
    parameters = dict(runner.bare_model.named_parameters())
    for name, gradient in gradients.items():
        parameter = parameters.get(name)
        if parameter is None or not isinstance(gradient, torch.Tensor) or gradient.shape != parameter.shape:
            raise CheckpointError(f'{source}: its gradient of {name} does not fit the network')
        parameter.grad = gradient.to(parameter.device, parameter.dtype, copy=True)


# -- place and schedules
# ---------------------------------------------------------------------------------------------


def _find_place(runner: ChangeRunner, meta: Mapping[str, Any], source: str) -> bool:
    """Where in its epoch the training goes on; whether an epoch that was begun begins anew."""
    loop = runner.train_loop
    if not isinstance(loop, EpochBasedTrainLoop):
        return False
    steps = len(loop.dataloader)
    done = loop.iter - loop.epoch * steps
    if isinstance(loop, EpochLoop) and 0 < done < steps and meta.get('epoch_steps') == steps:
        loop.done_batches = done
        return False
    if done:
        runner.logger.warning(
            f'{source} is of iteration {loop.iter}, but {loop.epoch} epochs of this config end at '
            f'{loop.epoch * steps}: epoch '
            f'{loop.epoch + 1} begins anew, and the figures will not be those of an unbroken run')
    if loop.epoch >= loop.max_epochs:
        runner.logger.warning(f'nothing is left to train: {loop.epoch} of {loop.max_epochs} epochs are '
                              'done. Raise '
                              'train_cfg.max_epochs to go on')
    return bool(done)


def _advance_schedules(runner: ChangeRunner, states: Any, begins_anew: bool) -> None:
    """Step the schedules as the hook did from the beginning to here. One that goes by figures takes its
    state.
    """
    loop, schedules = runner.train_loop, runner.param_schedulers
    groups = schedules if isinstance(schedules, dict) else {'': schedules}
    every = [scheduler for group in groups.values() for scheduler in group if not _goes_by_figures(scheduler)]
    epochs = loop.epoch if isinstance(loop, EpochBasedTrainLoop) else 0
    steps = loop.iter / max(epochs, 1) if begins_anew else len(loop.dataloader)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # that the optimizer has not stepped before
        done = 0
        for epoch in range(1, epochs + 2):
            end = min(round(epoch * steps), loop.iter) if epoch <= epochs else loop.iter
            for _ in range(done, end):
                _step(scheduler for scheduler in every if not scheduler.by_epoch)
            if epoch <= epochs:
                _step(scheduler for scheduler in every if scheduler.by_epoch)
            done = end
    kept = states if isinstance(states, dict) else {'': states}
    for name, group in groups.items():
        saved = kept.get(name)
        for scheduler, state in zip(group, saved if isinstance(saved, (list, tuple)) else (), strict=False):
            if _goes_by_figures(scheduler) and isinstance(state, dict):
                _resume_plateau(scheduler, state)


def _goes_by_figures(scheduler: Any) -> bool:
    return isinstance(scheduler, ReduceOnPlateauParamScheduler)


def _step(schedulers: Iterable[Any]) -> None:
    for scheduler in schedulers:
        scheduler.step()


def _resume_plateau(scheduler: ReduceOnPlateauParamScheduler, state: Mapping[str, Any]) -> None:
    """Counts and reduced values from the checkpoint, patience and factor from the config."""
    scheduler.__dict__.update({key: state[key] for key in PLATEAU_STATE if key in state})
    for group, value in zip(scheduler.optimizer.param_groups, state.get('_last_value') or (), strict=False):
        group[scheduler.param_name] = value


def _validation_is_due(loop: Any) -> bool:
    """Whether MMEngine's train loop validates where it stands, between two epochs or iterations."""
    for kind, name in ((EpochBasedTrainLoop, 'epoch'), (IterBasedTrainLoop, 'iter')):
        if isinstance(loop, kind):
            loop._decide_current_val_interval()
            done, last = getattr(loop, name), getattr(loop, f'max_{name}s')
            return bool(done >= loop.val_begin and (done % loop.val_interval == 0 or done == last))
    return False
