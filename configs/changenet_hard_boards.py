"""The demo's recipe on the hard boards."""

_base_ = [
    '_base_/models/resnet_learnable.py', '_base_/datasets/hard_boards.py',
    '_base_/schedules/from_scratch.py', '_base_/default_runtime.py'
]

image_size = (64, 64)  # height, width of one lighting
resize = dict(type='PairedResize', size=image_size, filter='area')
load, layout = dict(type='LoadLightings'), dict(type='LayOutLightings', layout='linear')
pack = dict(type='PackChangeInputs')
train_pipeline = [
    load, resize,
    dict(type='PairedRandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PairedRandomRotate', prob=0.5, angles=[90]), layout, pack
]
test_pipeline = [load, resize, layout, pack]

model = dict(
    input_size=(256, 64), backbone=dict(stem_channels=16, base_channels=16), neck=dict(embed_dim=32),
    head=dict(norm_eps=0.1))
train_dataloader = dict(sampler=dict(fail_ratio=1.0), dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=32, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(batch_size=32, dataset=dict(pipeline=test_pipeline))

max_epochs = 9
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=max_epochs)]
