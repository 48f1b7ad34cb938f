"""changenet_dinov3-small_adapter.py with DINOv3's ViT-B."""

_base_ = 'changenet_dinov3-small_adapter.py'

model = dict(backbone=dict(arch='base'))
