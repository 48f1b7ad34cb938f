"""Architecture 2: learnable difference of four levels, cross-entropy."""

model = dict(
    type='SiameseClassifier',
    input_size=(512, 128),  # height, width of the laid-out lightings
    data_preprocessor=dict(
        type='PairDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type='FAN', arch='small', drop_path_rate=0.3),
    neck=dict(type='LearnableDifference', embed_dim=256, num_modules=4),
    head=dict(
        type='ChangeClsHead',
        num_classes=2,
        embed_dec=30,
        margin=0.5,
        loss=dict(type='WeightedCrossEntropy', class_weight=[1.0, 10.0])))
