"""Fine-tuning of a pretrained transformer: as reference.py, with a warm-up, and earlier blocks learn
slower."""

_base_ = 'reference.py'

optim_wrapper = dict(
    optimizer=dict(weight_decay=0.05),
    constructor='mmpretrain.LearningRateDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.8, norm_decay_mult=0.0, flat_decay_mult=0.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    _base_.param_scheduler,
]
