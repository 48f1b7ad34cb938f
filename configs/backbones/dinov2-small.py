"""changenet_resnet_deeppcb.py with DINOv2's ViT-S from random weights, patches of 8 pixels, maps of four of
its blocks."""

_base_ = '../changenet_resnet_deeppcb.py'

model = dict(
    backbone=dict(
        _delete_=True, type='DINOv2', arch='small', patch_size=8, img_size=64, out_type='featmap',
        out_indices=(2, 5, 8, 11)))
