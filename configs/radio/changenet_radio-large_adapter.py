"""changenet_radio-base_adapter.py with C-RADIO v2's ViT-L."""

_base_ = 'changenet_radio-base_adapter.py'

model = dict(backbone=dict(arch='large'))
