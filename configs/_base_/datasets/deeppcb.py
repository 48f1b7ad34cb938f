"""Crops of DeepPCB, one grey image a side; docs/deeppcb.md makes them."""

data_root = 'data/deeppcb/train'
test_root = 'data/deeppcb/test'
image_size = (64, 64)  # height, width

train_pipeline = [
    dict(type='LoadLightings'),
    dict(type='PairedResize', size=image_size),
    dict(type='PairedRandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PairedRandomRotate', prob=0.75, angles=[90, 180, 270]),
    dict(type='LayOutLightings', layout='linear'),
    dict(type='PackChangeInputs'),
]
test_pipeline = [
    dict(type='LoadLightings'),
    dict(type='PairedResize', size=image_size),
    dict(type='LayOutLightings', layout='linear'),
    dict(type='PackChangeInputs'),
]
dataset = dict(type='LightingPairDataset', data_prefix=dict(img_path=''), image_ext='.png')

train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefectWeightedSampler', fail_ratio=1.0),  # as many defects as good ones
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(data_root=data_root, ann_file='train.csv', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='PairSampler', shuffle=False),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(data_root=data_root, ann_file='val.csv', test_mode=True, pipeline=test_pipeline, **dataset))
test_dataloader = dict(
    batch_size=64,
    num_workers=2,
    sampler=dict(type='PairSampler', shuffle=False),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        data_root=test_root, ann_file='labels.csv', test_mode=True, pipeline=test_pipeline, **dataset))
val_evaluator = dict(type='InspectionMetric')
test_evaluator = dict(type='InspectionMetric')
