"""changenet_resnet_deeppcb.py with mmpretrain's ConvNeXt-atto."""

_base_ = '../changenet_resnet_deeppcb.py'

model = dict(
    backbone=dict(
        _delete_=True, type='mmpretrain.ConvNeXt', arch='atto', out_indices=(0, 1, 2, 3),
        gap_before_final_norm=False))
