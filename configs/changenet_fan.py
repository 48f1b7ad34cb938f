"""FAN-small with the learnable difference, four lights of 128×128 one below the other."""

_base_ = [
    '_base_/models/fan_learnable.py', '_base_/datasets/demo.py', '_base_/schedules/reference.py',
    '_base_/default_runtime.py'
]
