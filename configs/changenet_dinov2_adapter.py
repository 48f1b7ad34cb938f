"""The learnable twin of changenet_dinov2.py: ViT-Adapter over DINOv2's ViT-L."""

_base_ = [
    '_base_/models/vit_adapter_learnable.py', '_base_/datasets/demo_224.py',
    '_base_/schedules/layer_decay.py', '_base_/default_runtime.py'
]
