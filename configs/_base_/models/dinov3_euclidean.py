"""Architecture 1 on the class token of DINOv3, as the toolkit's vit_small_dinov3."""

_base_ = 'fan_euclidean.py'

model = dict(
    input_size=(224, 224),  # multiples of 16
    backbone=dict(_delete_=True, type='DINOv3', arch='small', with_cp=True))
