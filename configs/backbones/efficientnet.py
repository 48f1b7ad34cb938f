"""changenet_resnet_deeppcb.py with timm's EfficientNet-lite0."""

_base_ = '../changenet_resnet_deeppcb.py'

model = dict(
    backbone=dict(
        _delete_=True, type='mmpretrain.TIMMBackbone', model_name='efficientnet_lite0', features_only=True,
        out_indices=(1, 2, 3, 4)))
