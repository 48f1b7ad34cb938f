"""A light network on crops of DeepPCB."""

_base_ = [
    '_base_/models/resnet_learnable.py', '_base_/datasets/deeppcb.py', '_base_/schedules/from_scratch.py',
    '_base_/default_runtime.py'
]
