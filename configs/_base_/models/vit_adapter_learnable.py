"""Architecture 2 on the ViT-Adapter over DINOv2's ViT-L, as the toolkit's vit_large_nvdinov2."""

_base_ = 'fan_learnable.py'

model = dict(
    input_size=(224, 224),  # multiples of 32
    backbone=dict(
        _delete_=True, type='ViTAdapter', arch='nv_large', img_size=(224, 224), drop_path_rate=0.4,
        with_cp=True))
