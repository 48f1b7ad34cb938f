"""Eight quite different backbones train a step of both architectures by their config line alone."""

import pytest
import torch
from mmengine.optim import OptimWrapper

from mmchangenet.models import SiameseClassifier
from mmchangenet.structures import ChangeDataSample

SIZE = (72, 64)  # levels of odd sizes
LEARNABLE = dict(neck=dict(type='LearnableDifference', embed_dim=16), head=dict(type='ChangeClsHead'))
EUCLIDEAN = dict(neck=dict(type='EuclideanDifference'), head=dict(type='ContrastiveHead'))
SWIN = dict(embed_dims=24, depths=[1, 1, 1, 1], num_heads=[1, 2, 4, 8])
VIT = dict(embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64)
# config line, size of the image, number of levels
BACKBONES = dict(
    resnet=(dict(type='mmpretrain.ResNet', depth=18, out_indices=(0, 1, 2, 3)), SIZE, 4),
    convnext=(dict(type='mmpretrain.ConvNeXt', arch='atto', out_indices=(0, 1, 2, 3),
                   gap_before_final_norm=False), SIZE, 4),
    swin=(dict(type='mmpretrain.SwinTransformer', arch=SWIN, out_indices=(0, 1, 2, 3),
               pad_small_map=True), SIZE, 4), vit=(dict(type='mmpretrain.VisionTransformer', arch=VIT,
                                                        img_size=SIZE, patch_size=8, out_indices=(1, 2, 3),
                                                        out_type='featmap'), SIZE, 3),
    mobilenetv3_timm=(dict(type='mmpretrain.TIMMBackbone', model_name='mobilenetv3_small_050',
                           features_only=True), SIZE, 5),
    swin_timm=(dict(type='mmpretrain.TIMMBackbone', model_name='swin_s3_tiny_224', features_only=True,
                    img_size=SIZE, embed_dim=24, depths=(1, 1, 1, 1), num_heads=(1, 2, 4, 8),
                    window_size=4), SIZE, 4), efficientformer=(dict(type='mmpretrain.EfficientFormer',
                                                                    arch='l1', out_indices=(0, 1, 2, 3),
                                                                    reshape_last_feat=True), (224, 224), 4),
    adapter=(dict(type='ViTAdapter', arch=dict(width=32, depth=4, num_heads=2, hidden_dim=64, swiglu=True),
                  img_size=64), (96, 64), 4))


@pytest.mark.parametrize('parts', [LEARNABLE, EUCLIDEAN], ids=['learnable', 'euclidean'])
@pytest.mark.parametrize('name', BACKBONES)
def test_a_step_is_trained(name, parts):
    backbone, size, num_levels = BACKBONES[name]
    torch.manual_seed(0)
    model = SiameseClassifier(backbone, **parts, input_size=size)
    model.init_weights()
    shapes = model._feature_shapes()
    assert len(shapes) == num_levels
    assert all(abs(height * size[1] / size[0] - width) <= 1 for _, height, width in shapes)  # channels first
    before = {key: parameter.detach().clone() for key, parameter in model.named_parameters()}
    images = torch.randint(0, 256, (2, 2, 3, *size), dtype=torch.uint8)
    data = dict(inputs=dict(compare=list(images[0]), golden=list(images[1])),
                data_samples=[ChangeDataSample(gt_fail=label) for label in (0, 1)])
    log = model.train_step(data, OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1)))
    assert log['loss'].isfinite()
    moved = [key for key, parameter in model.named_parameters() if not torch.equal(before[key], parameter)]
    assert any(key.startswith('backbone.') for key in moved) and any(key.startswith('neck.') for key in moved)


@pytest.mark.parametrize(('backbone', 'message'), [
    (dict(type='mmpretrain.ResNet', depth=18), r'\[\(512, 3, 2\)\].*out_indices'),
    (dict(type='mmpretrain.ConvNeXt', arch='atto',
          out_indices=(0, 1, 2, 3)), r'\(40,\).*gap_before_final_norm=False'),
    (dict(type='mmpretrain.TIMMBackbone', model_name='resnet10t'), 'features_only=True'),
    (dict(type='mmpretrain.VisionTransformer', arch=VIT, img_size=SIZE, patch_size=8), "out_type='featmap'"),
], ids=['resnet', 'convnext', 'timm', 'vit'])
def test_what_the_learnable_neck_cannot_compare_is_said(backbone, message):
    with pytest.raises(ValueError, match=f'(?s)feature maps of several levels.*{message}'):
        SiameseClassifier(backbone, **LEARNABLE, input_size=SIZE)


def test_several_vectors_of_a_level_are_embedded_as_one():
    deit = dict(type='mmpretrain.DistilledVisionTransformer', arch=VIT, img_size=SIZE, patch_size=8)
    model = SiameseClassifier(deit, **EUCLIDEAN, input_size=SIZE)
    assert model._feature_shapes() == [(64, )]  # the class and the distillation token, 32 values each
    assert model.encode(torch.randn(2, 3, *SIZE)).shape == (2, 5)


def test_a_size_that_a_foreign_backbone_cannot_take_is_said():
    backbone = dict(type='mmpretrain.SwinTransformer', arch=SWIN, out_indices=(0, 1, 2, 3))
    with pytest.raises(ValueError,
                       match='(?s)SwinTransformer cannot take an image of 72×64.*pad_small_map.*input_size'):
        SiameseClassifier(backbone, **LEARNABLE, input_size=SIZE)


def test_layer_wise_decay_needs_a_backbone_that_numbers_its_layers():
    model = SiameseClassifier(BACKBONES['convnext'][0], **LEARNABLE, input_size=SIZE)
    assert model.get_layer_depth('backbone.downsample_layers.0.0.weight')[0] == 0
    model = SiameseClassifier(BACKBONES['mobilenetv3_timm'][0], **LEARNABLE, input_size=SIZE)
    with pytest.raises(NotImplementedError, match='TIMMBackbone.*custom_keys'):
        model.get_layer_depth('backbone.timm_model.conv_stem.weight')
