"""A spec's training: optimizer, schedule, checkpoints, logging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmchangenet.checkpoint import CheckpointError, read_checkpoint

from .data import LOADERS, Layout, dataloader
from .figures import GREATER, VALIDATED
from .network import Size
from .parameters import MIXED, OTHER_PRECISION
from .releases import SEVEN, defaults_of
from .spec import Spec

OPTIMIZERS = dict(adamw='AdamW', adam='Adam', sgd='SGD')
LOSS_OF = dict(learnable='ce', euclidean='contrastive')
STEP_FACTOR = 0.1


def training_config(spec: Spec, config: dict[str, Any], parts: Mapping[str, Any], layout: Layout,
                    size: Size) -> None:
    """Add to a config what training needs.

    Args:
        spec: the spec; gets what is wrong.
        config: with model, hooks and visualizer; changed in place.
        parts: the network's structure.
        layout: of the lightings.
        size: (H, W) of the laid-out image.
    """
    _check(spec, parts)
    epochs = spec['train.num_epochs']
    for name, loader in LOADERS.items():
        if name == 'train' or _is_given(spec, name):
            config[loader] = dataloader(spec, name, layout, size)
            if name != 'train':
                stage = loader.partition('_')[0]
                config.update({f'{stage}_cfg': {}, f'{stage}_evaluator': dict(type='InspectionMetric')})
    config.update(
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=spec['train.validation_interval']),
        optim_wrapper=_optim_wrapper(spec), param_scheduler=_schedule(spec, epochs))
    _checkpoints(spec, config)
    config['custom_hooks'].append(dict(type='StatusHook'))
    if spec['train.sync_batchnorm']:
        config['sync_bn'] = 'torch'
    _tensorboard(spec, config)
    _start(spec, config)


def _checkpoints(spec: Spec, config: dict[str, Any]) -> None:
    """Checkpoints at a pace, and the best of them."""
    top = _value_of(spec, 'train.checkpointer')
    replaced = top('enable_topk') and top('replace_periodic')
    hook = dict(type='NumberedCheckpointHook', interval=-1 if replaced else spec['train.checkpoint_interval'],
                max_keep_ckpts=-1, save_last=not replaced, with_step=defaults_of(spec.release) == SEVEN)
    config['default_hooks']['checkpoint'] = hook
    if 'val_dataloader' not in config:
        spec.note('there is no dataset.classify.validation_dataset: nothing is validated, and no best '
                  'checkpoint is chosen')
        if top('enable_topk'):
            spec.problem('train.checkpointer.enable_topk',
                'the best are chosen by the validation, and there is no dataset.classify.validation_dataset')
    elif top('enable_topk'):
        _check_mode(spec, top('monitor'), top('mode'))
        config['custom_hooks'].append(
            dict(type='BestCheckpointsHook',
                 monitor=VALIDATED.get(top('monitor'), top('monitor')),
                 mode=top('mode'),
                 count=top('save_top_k'),
                 filename=top('filename'),
                 out_dir=top('dirpath') or config['work_dir'],
                 name=top('monitor'),
                 insert_names=top('auto_insert_metric_name'),
                 newest=replaced))
    else:
        name = spec['train.optim.monitor_name']
        name = VALIDATED.get(name, name)
        hook.update(save_best=name, rule='greater' if name in GREATER else 'less')


def _check_mode(spec: Spec, monitor: str, mode: str) -> None:
    better = 'max' if VALIDATED.get(monitor, monitor) in GREATER else 'min'
    if mode != better:
        spec.warn(f'train.checkpointer.mode is {mode}: the worst epochs by {monitor} are kept; {better} '
                  'keeps the best')


def _value_of(spec: Spec, section: str) -> Callable[[str], Any]:
    return lambda name: spec[f'{section}.{name}']


def _check(spec: Spec, parts: Mapping[str, Any]) -> None:
    if spec['dataset.classify.batch_size'] < 2:
        spec.problem('dataset.classify.batch_size', 'training normalises over the batch and needs at least 2')
    difference = parts['difference']
    if 'train.classify.loss' in spec and spec['train.classify.loss'] != LOSS_OF[difference]:
        spec.problem('train.classify.loss',
            f'{spec["train.classify.loss"]}, but '
            f'model.classify.difference_module is {difference}, which is '
            'trained '
            f'with {LOSS_OF[difference]}')


def _is_given(spec: Spec, name: str) -> bool:
    """Whether the spec names the data; half of it is a problem."""
    return any(f'dataset.classify.{name}_dataset.{part}' in spec for part in ('csv_path', 'images_dir'))


def _optim_wrapper(spec: Spec) -> dict[str, Any]:
    name = spec['train.optim.optim']
    optimizer: dict[str, Any] = dict(type=OPTIMIZERS[name],
                                     lr=spec['train.optim.lr'],
                                     weight_decay=spec['train.optim.weight_decay'])
    if name == 'sgd':
        optimizer['momentum'] = spec['train.optim.momentum']
    precision = str(spec['train.precision'])
    dtype = MIXED[precision]
    if precision in OTHER_PRECISION:
        spec.warn(f'train.precision {precision}: weights are float32 here, '
                  f'{f"with {dtype} in between" if dtype else "as all"}')
    clipped = spec['train.clip_grad_norm']
    wrapper: dict[str, Any] = dict(type='OptimWrapper', optimizer=optimizer)
    if dtype:
        wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic', dtype=dtype)
    if clipped:
        wrapper['clip_grad'] = dict(max_norm=clipped)
    return wrapper


def _schedule(spec: Spec, epochs: int) -> dict[str, Any]:
    if spec['train.optim.policy'] == 'step':
        return dict(type='StepLR', step_size=max(1, epochs // 3), gamma=STEP_FACTOR, by_epoch=True)
    # lr · (1 − epoch / (epochs + 1)) for epoch 0 … epochs − 1
    return dict(type='LinearLR',
                start_factor=1.0,
                end_factor=2 / (epochs + 1),
                begin=0,
                end=epochs,
                by_epoch=True)


def _tensorboard(spec: Spec, config: dict[str, Any]) -> None:
    if not spec['train.tensorboard.enabled']:
        return
    config['visualizer']['vis_backends'].append(dict(type='TensorboardVisBackend'))
    interval = spec['train.tensorboard.infrequent_logging_frequency']
    if interval:
        config['custom_hooks'].append(dict(type='TensorBoardHook', interval=interval))


def _start(spec: Spec, config: dict[str, Any]) -> None:
    """From a named checkpoint, or the latest in the results folder, or pretrained weights, or nothing."""
    key = 'train.resume_training_checkpoint_path'
    if key not in spec:
        config.update(resume='auto', load_from=spec['train.pretrained_model_path'])
        return
    config.update(resume=True, load_from=spec[key])
    if Path(spec[key]).is_file() and 'message_hub' not in _content(spec, key):
        spec.problem(key, f'{spec[key]} holds weights, but not the state of a training of this project: '
                          'name it as '
                     'train.pretrained_model_path to start from it')
    if 'train.pretrained_model_path' in spec:
        spec.pass_over('train.pretrained_model_path', f'{key} is given')


def _content(spec: Spec, key: str) -> Mapping[str, Any]:
    """Of a checkpoint; that it is damaged is a problem already."""
    try:
        return read_checkpoint(spec[key])
    except CheckpointError:
        return dict(message_hub=None)
