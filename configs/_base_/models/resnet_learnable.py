"""A light network for training from scratch: ResNet-18 of half the width, learnable difference of 64
channels."""

_base_ = 'fan_learnable.py'

model = dict(
    input_size=(64, 64),
    backbone=dict(
        _delete_=True, type='mmpretrain.ResNet', depth=18, stem_channels=32, base_channels=32,
        out_indices=(0, 1, 2, 3),
        _scope_='mmpretrain'),
    neck=dict(embed_dim=64),
    head=dict(embed_dec=64, loss=dict(class_weight=[1.0, 1.0])))
