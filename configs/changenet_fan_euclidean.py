"""The Euclidean twin of changenet_fan.py."""

_base_ = [
    '_base_/models/fan_euclidean.py', '_base_/datasets/demo.py', '_base_/schedules/reference.py',
    '_base_/default_runtime.py'
]
