"""changenet_resnet_deeppcb.py with a narrow Swin transformer of mmpretrain, its windows padded on small
maps."""

_base_ = '../changenet_resnet_deeppcb.py'

model = dict(
    backbone=dict(
        _delete_=True, type='mmpretrain.SwinTransformer', img_size=64, window_size=4, pad_small_map=True,
        arch=dict(embed_dims=48, depths=[2, 2, 6, 2], num_heads=[2, 4, 8, 16]), out_indices=(0, 1, 2, 3)))
