"""changenet_radio-base.py with C-RADIO v2's ViT-L."""

_base_ = 'changenet_radio-base.py'

model = dict(backbone=dict(arch='large'))
