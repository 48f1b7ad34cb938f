"""A light network for training from scratch: ResNet-18 of half the width, learnable difference of 64 channels."""

model = dict(
    type='SiameseClassifier',
    input_size=(64, 64),  # height, width of the laid-out lightings
    data_preprocessor=dict(type='PairDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(
        type='mmpretrain.ResNet', depth=18, stem_channels=32, base_channels=32, out_indices=(0, 1, 2, 3),
        _scope_='mmpretrain'),
    neck=dict(type='LearnableDifference', embed_dim=64, num_modules=4),
    head=dict(
        type='ChangeClsHead',
        num_classes=2,
        embed_dec=64,
        margin=0.5,
        loss=dict(type='WeightedCrossEntropy', class_weight=[1.0, 1.0])))
