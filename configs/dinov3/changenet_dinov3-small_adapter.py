"""The learnable twin of changenet_dinov3-small.py: ViT-Adapter over DINOv3's ViT-S."""

_base_ = [
    '../_base_/models/dinov3_adapter_learnable.py', '../_base_/datasets/demo_224.py',
    '../_base_/schedules/layer_decay.py', '../_base_/default_runtime.py'
]
