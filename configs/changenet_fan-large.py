"""changenet_fan.py with FAN-large."""

_base_ = 'changenet_fan.py'

model = dict(backbone=dict(arch='large'))
