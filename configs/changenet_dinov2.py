"""DINOv2's ViT-L/14 with the Euclidean distance, four lights in a grid of 224×224; docs/backbones.md on
pretrained weights."""

_base_ = [
    '_base_/models/dinov2_euclidean.py', '_base_/datasets/demo_224.py', '_base_/schedules/layer_decay.py',
    '_base_/default_runtime.py'
]
