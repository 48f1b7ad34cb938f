"""For lines without a GPU: half a ResNet-18, one light of 128×128."""

_base_ = [
    '_base_/models/resnet_learnable.py', '_base_/datasets/demo.py', '_base_/schedules/from_scratch.py',
    '_base_/default_runtime.py'
]

lightings = dict(_delete_=True, WhiteLight=0)
resize = dict(type='PairedResize', size=(128, 128), filter='area')
load, pack = dict(type='LoadLightings'), dict(type='PackChangeInputs')
layout = dict(type='LayOutLightings', layout='linear')
train_pipeline = [
    load, resize,
    dict(type='PairedRandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PairedRandomRotate', prob=0.5, angles=[90, 180, 270]), layout, pack
]
test_pipeline = [load, resize, layout, pack]

model = dict(input_size=(128, 128), neck=dict(embed_dim=32), head=dict(norm_eps=0.1))
train_dataloader = dict(
    sampler=dict(fail_ratio=1.0), dataset=dict(input_map=lightings, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(input_map=lightings, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(input_map=lightings, pipeline=test_pipeline))
