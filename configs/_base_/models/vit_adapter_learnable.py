"""Architecture 2 on the ViT-Adapter over DINOv2's ViT-L, as the toolkit's vit_large_nvdinov2."""

model = dict(
    type='SiameseClassifier',
    input_size=(224, 224),  # height, width of the laid-out lightings, multiples of 32
    data_preprocessor=dict(type='PairDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type='ViTAdapter', arch='nv_large', img_size=(224, 224), drop_path_rate=0.4, with_cp=True),
    neck=dict(type='LearnableDifference', embed_dim=256, num_modules=4),
    head=dict(
        type='ChangeClsHead',
        num_classes=2,
        embed_dec=30,
        margin=0.5,
        loss=dict(type='WeightedCrossEntropy', class_weight=[1.0, 10.0])))
