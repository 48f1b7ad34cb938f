"""changenet_fan.py with FAN-tiny."""

_base_ = 'changenet_fan.py'

model = dict(backbone=dict(arch='tiny'))
