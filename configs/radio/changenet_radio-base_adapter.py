"""The learnable twin of changenet_radio-base.py: ViT-Adapter over C-RADIO v2's ViT-B."""

_base_ = [
    '../_base_/models/radio_adapter_learnable.py', '../_base_/datasets/demo_224.py',
    '../_base_/schedules/layer_decay.py', '../_base_/default_runtime.py'
]
