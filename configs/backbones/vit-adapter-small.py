"""changenet_resnet_deeppcb.py with the ViT-Adapter over DINOv2's ViT-S, from random weights."""

_base_ = '../changenet_resnet_deeppcb.py'

model = dict(backbone=dict(_delete_=True, type='ViTAdapter', arch='small', img_size=64, drop_path_rate=0.1))
