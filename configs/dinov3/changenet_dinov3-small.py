"""DINOv3's ViT-S/16 with the Euclidean distance, four lights in a grid of 224×224; README.md on pretrained
weights."""

_base_ = [
    '../_base_/models/dinov3_euclidean.py', '../_base_/datasets/demo_224.py',
    '../_base_/schedules/layer_decay.py', '../_base_/default_runtime.py'
]
