"""A spec's training: optimizer, schedule, checkpoints, logging."""

from pathlib import Path

from mmchangenet.checkpoint import read_checkpoint

from .data import LOADERS, dataloader

OPTIMIZERS = dict(adamw='AdamW', adam='Adam', sgd='SGD')
LOSS_OF = dict(learnable='ce', euclidean='contrastive')
GREATER = ('auroc', 'average_precision', 'total_accuracy', 'defect_accuracy')
STEP_FACTOR = 0.1
MIXED = {'fp16': 'float16', 16: 'float16', 'bf16': 'bfloat16'}


def training_config(spec, config, parts, layout, size):
    """Add to a config what training needs.

    Args:
        spec (Spec): the spec; gets what is wrong.
        config (dict): with model, hooks and visualizer; changed in place.
        parts (dict[str, Any]): the network's structure.
        layout (Layout): of the lightings.
        size (tuple[int, int]): (H, W) of the laid-out image.
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
    config['default_hooks']['checkpoint'] = dict(
        type='NumberedCheckpointHook', interval=spec['train.checkpoint_interval'], max_keep_ckpts=-1)
    if 'val_dataloader' in config:
        name = spec['train.optim.monitor_name']
        config['default_hooks']['checkpoint'].update(save_best=name, rule='greater' if name in GREATER else 'less')
    else:
        spec.note('there is no dataset.classify.validation_dataset: nothing is validated, and no best checkpoint is chosen')
    if spec['train.sync_batchnorm']:
        config['sync_bn'] = 'torch'
    _tensorboard(spec, config)
    _start(spec, config)


def _check(spec, parts):
    for key in ('train.checkpoint_interval', 'train.validation_interval'):
        if spec[key] > spec['train.num_epochs']:
            spec.problem(key, f'{spec[key]}, but train.num_epochs is {spec["train.num_epochs"]}: it would never come')
    if spec['dataset.classify.batch_size'] < 2:
        spec.problem('dataset.classify.batch_size', 'training normalises over the batch and needs at least 2')
    loss, difference = spec['train.classify.loss'], parts['difference']
    if 'train.classify.loss' in spec and loss != LOSS_OF[difference]:
        spec.problem('train.classify.loss', f'{loss}, but model.classify.difference_module is {difference}, which is trained '
                     f'with {LOSS_OF[difference]}')


def _is_given(spec, name):
    """Whether the spec names the data; half of it is a problem."""
    return any(f'dataset.classify.{name}_dataset.{part}' in spec for part in ('csv_path', 'images_dir'))


def _optim_wrapper(spec):
    name = spec['train.optim.optim']
    optimizer = dict(type=OPTIMIZERS[name], lr=spec['train.optim.lr'], weight_decay=spec['train.optim.weight_decay'])
    if name == 'sgd':
        optimizer['momentum'] = spec['train.optim.momentum']
    dtype = MIXED.get(spec['train.precision'])
    if dtype is None:
        return dict(type='OptimWrapper', optimizer=optimizer)
    return dict(type='AmpOptimWrapper', loss_scale='dynamic', dtype=dtype, optimizer=optimizer)


def _schedule(spec, epochs):
    if spec['train.optim.policy'] == 'step':
        return dict(type='StepLR', step_size=max(1, epochs // 3), gamma=STEP_FACTOR, by_epoch=True)
    # lr · (1 − epoch / (epochs + 1)) for epoch 0 … epochs − 1
    return dict(type='LinearLR', start_factor=1.0, end_factor=2 / (epochs + 1), begin=0, end=epochs, by_epoch=True)


def _tensorboard(spec, config):
    if not spec['train.tensorboard.enabled']:
        return
    config['visualizer']['vis_backends'].append(dict(type='TensorboardVisBackend'))
    interval = spec['train.tensorboard.infrequent_logging_frequency']
    if interval:
        config['custom_hooks'].append(dict(type='TensorBoardHook', interval=interval))


def _start(spec, config):
    """From a named checkpoint, or the latest in the results folder, or pretrained weights, or nothing."""
    key = 'train.resume_training_checkpoint_path'
    if key not in spec:
        config.update(resume='auto', load_from=spec['train.pretrained_model_path'])
        return
    config.update(resume=True, load_from=spec[key])
    if Path(spec[key]).is_file() and 'message_hub' not in read_checkpoint(spec[key]):
        spec.problem(key, f'{spec[key]} holds weights, but not the state of a training of this project: name it as '
                     'train.pretrained_model_path to start from it')
    if 'train.pretrained_model_path' in spec:
        spec.note(f'train.pretrained_model_path has no effect: {key} is given')
