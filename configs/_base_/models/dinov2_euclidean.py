"""Architecture 1 on the class token of DINOv2's ViT-L/14, as the toolkit's vit_large_nvdinov2."""

model = dict(
    type='SiameseClassifier',
    input_size=(224, 224),  # height, width of the laid-out lightings, multiples of 14
    data_preprocessor=dict(type='PairDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type='DINOv2', arch='nv_large', with_cp=True),
    neck=dict(type='EuclideanDifference', embedding_vectors=5),
    head=dict(type='ContrastiveHead', margin=1.0, loss=dict(type='ContrastiveLoss', margin=2.0)))
