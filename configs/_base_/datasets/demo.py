"""Generated boards under four lights, one below the other (linear layout), 128×128 each."""

demo_data = 'data/demo'  # made on first use, as long as data_root stays this path
data_root = demo_data
lightings = dict(LowAngleLight=0, SolderLight=1, UniformLight=2, WhiteLight=3)
image_size = (128, 128)  # height, width of one lighting

train_pipeline = [
    dict(type='LoadLightings'),
    dict(type='PairedResize', size=image_size, filter='pillow-bicubic'),
    dict(type='PairedRandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PairedRandomRotate', prob=0.5, angles=[90, 180, 270]),
    dict(type='PairedRandomResizedCrop', scale=(0.8, 1.2)),
    dict(type='PairedGaussianBlur', max_radius=1.0),
    dict(type='PairedColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.3, prob=0.5),
    dict(type='LayOutLightings', layout='linear'),
    dict(type='PackChangeInputs'),
]
test_pipeline = [
    dict(type='LoadLightings'),
    dict(type='PairedResize', size=image_size, filter='pillow-bilinear'),
    dict(type='LayOutLightings', layout='linear'),
    dict(type='PackChangeInputs'),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefectWeightedSampler', fail_ratio=0.2),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='LightingPairDataset',
        data_root=data_root,
        ann_file='train.csv',
        data_prefix=dict(img_path='images'),
        input_map=lightings,
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='PairSampler', shuffle=False),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='LightingPairDataset',
        data_root=data_root,
        ann_file='val.csv',
        data_prefix=dict(img_path='images'),
        input_map=lightings,
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=16,
    num_workers=2,
    sampler=dict(type='PairSampler', shuffle=False),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='LightingPairDataset',
        data_root=data_root,
        ann_file='test.csv',
        data_prefix=dict(img_path='images'),
        input_map=lightings,
        test_mode=True,
        pipeline=test_pipeline))
val_evaluator = dict(type='InspectionMetric')
test_evaluator = dict(type='InspectionMetric')
