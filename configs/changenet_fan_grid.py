"""changenet_fan.py with the four lights in a grid of 2×2."""

_base_ = 'changenet_fan.py'

layout = dict(type='LayOutLightings', layout='grid', grid=(2, 2))  # rows, columns
train_pipeline = [*_base_.train_pipeline[:-2], layout, _base_.train_pipeline[-1]]
test_pipeline = [*_base_.test_pipeline[:-2], layout, _base_.test_pipeline[-1]]

model = dict(input_size=(256, 256))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
