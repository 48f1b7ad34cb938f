"""Architecture 1 on the class token of DINOv2's ViT-L/14, as the toolkit's vit_large_nvdinov2."""

_base_ = 'fan_euclidean.py'

model = dict(
    input_size=(224, 224),  # multiples of 14
    backbone=dict(_delete_=True, type='DINOv2', arch='nv_large', with_cp=True))
