"""What every run shares: runner, hooks, logging, environment."""

default_scope = 'mmchangenet'
runner_type = 'mmchangenet.ChangeRunner'

default_hooks = dict(
    logger=dict(type='LoggerHook', interval=10), checkpoint=dict(
        type='SafeCheckpointHook', interval=1, max_keep_ckpts=2, save_best='auroc', rule='greater'))
custom_hooks = [dict(type='BrokenImageHook')]

# TensorBoard: add dict(type='TensorboardVisBackend'); pictures: dict(type='ValidationPicturesHook') in
# custom_hooks
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
log_processor = dict(by_epoch=True)
log_level = 'INFO'

env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
               dist_cfg=dict(backend='nccl'))
randomness = dict(seed=1234)
load_from = None
resume = False
