"""The class-token ViT and the ViT-Adapter: sizes, freezing, layer-wise decay, recomputation, export."""

import io

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch.nn import functional as F

from mmchangenet.models import DINOv2, SiameseClassifier, ViTAdapter
from mmchangenet.structures import ChangeDataSample


def images(height=64, width=32, count=2):
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def prepared(backbone):
    """With LayerScale's factors large enough that every block is felt."""
    torch.manual_seed(0)
    backbone.init_weights()
    for name, parameter in backbone.named_parameters():
        if name.endswith('gamma'):
            torch.nn.init.constant_(parameter, 0.5)
    return backbone


def test_the_class_token_is_the_output(arch):
    level, = DINOv2(arch, img_size=56)(images(56, 28))
    assert level.shape == (2, 32)


def test_maps_of_several_blocks(arch):
    levels = DINOv2(arch, out_type='featmap', out_indices=(1, -1), img_size=56)(images(56, 28))
    assert [tuple(level.shape) for level in levels] == [(2, 32, 4, 2)] * 2


@pytest.mark.parametrize('size', [(64, 64), (128, 32), (32, 96)])
def test_the_adapter_gives_four_levels_of_any_allowed_size(arch, size):
    levels = prepared(ViTAdapter(arch, img_size=64)).eval()(images(*size))
    height, width = size
    assert [tuple(level.shape[1:]) for level in levels] == [(32, height // s, width // s)
                                                            for s in (4, 8, 16, 32)]


def test_the_position_table_is_used_as_it_is_at_its_own_size_and_resized_otherwise(arch):
    backbone = prepared(DINOv2(arch, img_size=56))
    assert backbone.position((4, 4)) is backbone.pos_embed
    table = backbone.pos_embed[:, 1:].reshape(1, 4, 4, 32).permute(0, 3, 1, 2)
    expected = F.interpolate(table, scale_factor=(7.1 / 4, 3.1 / 4),
                             mode='bicubic').flatten(2).transpose(1, 2)
    torch.testing.assert_close(backbone.position((7, 3))[:, 1:], expected)
    assert torch.equal(backbone.position((7, 3))[:, 0], backbone.pos_embed[:, 0])


@pytest.mark.parametrize(('build', 'message'), [
    (lambda arch: DINOv2('tiny'), "no arch 'tiny'.*nv_large"),
    (lambda arch: DINOv2(arch, frozen_stages=5), 'frozen_stages 5.*-1.*4'),
    (lambda arch: DINOv2(arch, out_indices=(4, )), r'out_indices \(4,\).*0 to 3'),
    (lambda arch: DINOv2(arch, out_indices=(0, )), "class token.*out_type='featmap'"),
    (lambda arch: DINOv2(arch, out_type='raw'), "out_type 'raw'"),
    (lambda arch: ViTAdapter(dict(arch, depth=6)), '4 equal groups.*6 blocks'),
    (lambda arch: DINOv2(arch)(images(64, 32)), 'multiples of 14.*64×32'),
    (lambda arch: ViTAdapter(arch)(images(48, 32)), 'multiples of 32.*48×32'),
])
def test_what_cannot_be_is_refused(arch, build, message):
    with pytest.raises(ValueError, match=message):
        build(arch)


@pytest.mark.parametrize('kind', [DINOv2, ViTAdapter])
def test_frozen_parts_keep_their_weights_and_mode(arch, kind):
    backbone = prepared(kind(arch, img_size=112, drop_path_rate=0.3, frozen_stages=2)).train()
    sum(level.square().sum() for level in backbone(images(224, 224))).backward()
    frozen = ('cls_token', 'pos_embed', 'patch_embed', 'blocks.0.', 'blocks.1.')
    for name, parameter in backbone.named_parameters():
        if name.startswith(frozen):
            assert parameter.grad is None, name
        elif name.startswith('blocks.'):
            assert parameter.grad is not None, name
    assert not backbone.blocks[1].training and backbone.blocks[2].training
    whole = kind(arch, img_size=56, frozen_stages=4)
    trainable = {
        name.split('.')[0] for name, parameter in whole.named_parameters() if parameter.requires_grad
    }
    assert trainable.isdisjoint({'cls_token', 'pos_embed', 'patch_embed', 'blocks', 'norm'})
    assert bool(trainable) == (kind is ViTAdapter)  # the adapter always learns


@pytest.mark.parametrize('kind', [DINOv2, ViTAdapter])
def test_recomputation_gives_the_same_gradients(arch, kind):
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        backbone = prepared(kind(arch, img_size=112, drop_path_rate=0.3, with_cp=with_cp)).train()
        torch.manual_seed(1)
        sum(level.sin().mean() for level in backbone(images(224, 224))).backward()
        gradients.append({
            name: parameter.grad for name, parameter in backbone.named_parameters()
            if parameter.grad is not None
        })
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-5, rtol=1e-4)


def test_earlier_layers_learn_slower(arch):
    model = SiameseClassifier(dict(type='ViTAdapter', arch=arch, img_size=64, drop_path_rate=0.0),
                              dict(type='LearnableDifference', embed_dim=8), dict(type='ChangeClsHead'),
                              input_size=(64, 64))
    wrapper = build_optim_wrapper(
        model,
        dict(optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1),
             constructor='mmpretrain.LearningRateDecayOptimWrapperConstructor',
             paramwise_cfg=dict(layer_decay_rate=0.5)))
    rates = {group['param_name']: group['lr'] for group in wrapper.optimizer.param_groups}
    assert rates['backbone.pos_embed'] == 0.5**5 and rates['backbone.blocks.0.attn.qkv.weight'] == 0.5**4
    assert rates['backbone.blocks.3.attn.qkv.weight'] == 0.5
    assert rates['backbone.level_embed'] == rates['neck.fuse.weight'] == rates['head.layers.0.weight'] == 1.0


def test_a_step_of_the_learnable_network_moves_all_that_is_trained(arch):
    model = SiameseClassifier(dict(type='ViTAdapter', arch=arch, img_size=64, drop_path_rate=0.0),
                              dict(type='LearnableDifference', embed_dim=8), dict(type='ChangeClsHead'),
                              input_size=(64, 64))
    model.init_weights()
    pair = dict(compare=images(64, 64), golden=images(64, 64) + 1)
    model(pair, [ChangeDataSample(gt_fail=label) for label in (0, 1)], mode='loss')['loss'].backward()
    assert not [
        name
        for name, parameter in model.named_parameters() if parameter.requires_grad and parameter.grad is None
    ]


@pytest.mark.parametrize('kind', [DINOv2, ViTAdapter])
def test_bfloat16_on_the_cpu(arch, kind):
    backbone = prepared(kind(arch, img_size=112, drop_path_rate=0.0)).eval()
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        rounded = backbone(images(224, 224))
    with torch.no_grad():
        for level, expected in zip(rounded, backbone(images(224, 224)), strict=True):
            assert (level.float() - expected).abs().mean() < 0.05 * expected.abs().mean()


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize(('kind', 'size', 'num_registers'), [(DINOv2, (56, 28), 4),
                                                             (ViTAdapter, (64, 32), 0)])
def test_exports_to_standard_onnx(arch, kind, size, num_registers):
    onnx, runtime = pytest.importorskip('onnx'), pytest.importorskip('onnxruntime')
    backbone, file = prepared(kind(arch, img_size=112, num_registers=num_registers)).eval(), io.BytesIO()
    torch.onnx.export(backbone, (images(*size), ), file, opset_version=17, dynamo=False,
                      input_names=['images'], dynamic_axes=dict(images={0: 'batch'}))
    onnx.checker.check_model(onnx.load_from_string(file.getvalue()))
    session = runtime.InferenceSession(file.getvalue(), providers=['CPUExecutionProvider'])
    batch = images(*size, count=3)
    with torch.no_grad():
        expected = backbone(batch)
    for result, level in zip(session.run(None, dict(images=batch.numpy())), expected, strict=True):
        np.testing.assert_allclose(result, level.numpy(), atol=2e-5, rtol=1e-4)
