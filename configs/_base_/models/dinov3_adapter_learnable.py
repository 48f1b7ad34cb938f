"""Architecture 2 on the ViT-Adapter over DINOv3, as the toolkit's vit_small_dinov3."""

_base_ = 'fan_learnable.py'

model = dict(
    input_size=(224, 224),  # multiples of 32
    backbone=dict(_delete_=True, type='DINOv3Adapter', arch='small', with_cp=True))
