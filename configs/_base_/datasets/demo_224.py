"""The demo boards with the four lights in a grid of 2×2, 224×224 in all."""

_base_ = 'demo.py'

resize = dict(type='PairedResize', size=(112, 112), filter='pillow-bicubic')
layout = dict(type='LayOutLightings', layout='grid', grid=(2, 2))  # rows, columns
load, pack = dict(type='LoadLightings'), dict(type='PackChangeInputs')
train_pipeline = [
    load, resize,
    dict(type='PairedRandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PairedRandomRotate', prob=0.5, angles=[90, 180, 270]),
    dict(type='PairedRandomResizedCrop', scale=(0.8, 1.2)),
    dict(type='PairedColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.3, prob=0.5),
    layout, pack
]
test_pipeline = [load, dict(type='PairedResize', size=(112, 112), filter='pillow-bilinear'), layout, pack]

train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=4, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(batch_size=4, dataset=dict(pipeline=test_pipeline))
