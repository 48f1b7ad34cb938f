"""changenet_fan.py with FAN-base."""

_base_ = 'changenet_fan.py'

model = dict(backbone=dict(arch='base'))
