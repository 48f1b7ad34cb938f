"""Architecture 1: Euclidean distance of two embeddings, contrastive loss."""

model = dict(
    type='SiameseClassifier',
    input_size=(512, 128),  # height, width of the laid-out lightings
    data_preprocessor=dict(
        type='PairDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type='FAN', arch='small', out_indices=(3, ), drop_path_rate=0.3),
    neck=dict(type='EuclideanDifference', embedding_vectors=5),
    head=dict(type='ContrastiveHead', margin=1.0, loss=dict(type='ContrastiveLoss', margin=2.0)))
