"""changenet_resnet_deeppcb.py with timm's MobileNetV3-small; out_indices leaves the level of stride 2 out."""

_base_ = '../changenet_resnet_deeppcb.py'

model = dict(
    backbone=dict(
        _delete_=True, type='mmpretrain.TIMMBackbone', model_name='mobilenetv3_small_100', features_only=True,
        out_indices=(1, 2, 3, 4)))
