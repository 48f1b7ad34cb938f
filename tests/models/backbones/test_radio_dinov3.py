"""C-RADIO and DINOv3 on timm's transformers: sizes, positions, freezing, published weights, layer-wise decay,
export."""

import io

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from timm import create_model
from torch import nn
from torch.nn import functional as F

from mmchangenet.checkpoint import CheckpointError, write_checkpoint
from mmchangenet.models import CRADIO, CRADIOAdapter, DINOv3, DINOv3Adapter

SMALL = dict(embed_dim=32, depth=4, num_heads=2)
RADIO = dict(SMALL, model_name='vit_base_patch16_radio_v3', init_values=0.0)
DINO = dict(SMALL, model_name='vit_small_patch16_dinov3')
KINDS = [(CRADIO, RADIO), (CRADIOAdapter, RADIO), (DINOv3, DINO), (DINOv3Adapter, DINO)]
kinds = pytest.mark.parametrize(('kind', 'arch'), KINDS, ids=[kind.__name__ for kind, _ in KINDS])


def images(height=64, width=32, count=2):
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def prepared(backbone):
    """With every weight large enough to be felt."""
    torch.manual_seed(0)
    backbone.init_weights()
    for parameter in backbone.parameters():
        nn.init.normal_(parameter, std=0.1)
    return backbone.eval()


@torch.no_grad()
def test_alone_they_give_class_tokens_or_maps():
    assert CRADIO(RADIO)(images(48, 32))[0].shape == (2, 3 * 32)
    assert DINOv3(DINO)(images(48, 32))[0].shape == (2, 32)
    for kind, arch in (KINDS[0], KINDS[2]):
        levels = kind(arch, out_type='featmap', out_indices=(1, -1))(images(48, 32))
        assert [tuple(level.shape) for level in levels] == [(2, 32, 3, 2)] * 2


@pytest.mark.parametrize(('kind', 'arch'), [KINDS[1], KINDS[3]])
@pytest.mark.parametrize('size', [(64, 64), (128, 32), (32, 96)])
@torch.no_grad()
def test_the_adapter_gives_four_levels_of_any_allowed_size(kind, arch, size):
    levels = prepared(kind(arch))(images(*size))
    assert [tuple(level.shape[1:]) for level in levels] == [(32, *(side // s for side in size))
                                                            for s in kind.strides]


@kinds
def test_without_a_summary_its_layers_are_not_there(kind, arch):
    if kind.__name__.endswith('Adapter'):
        names = kind(arch, use_summary=False).state_dict()
        assert not [name for name in names if 'summary' in name]
        assert kind(arch, use_summary=False)(images())[3].shape == (2, 32, 2, 1)


@torch.no_grad()
def test_alone_they_are_timms():
    backbone, batch = prepared(DINOv3(DINO)), images(48, 32)
    plain = create_model(**DINO, num_classes=0, global_pool='token').eval()
    plain.load_state_dict(backbone.vit.state_dict())
    torch.testing.assert_close(backbone(batch)[0], plain(batch), atol=1e-5, rtol=1e-5)

    backbone = prepared(CRADIO(RADIO))
    flexible = create_model('naflexvit_base_patch16_radio_v3', num_classes=0, init_values=0.0, **SMALL).eval()
    weights = {
        f'radio_model.model.{name}': tensor
        for name, tensor in as_published(backbone.vit.state_dict()).items()
    }
    from timm.models.naflexvit import checkpoint_filter_fn
    flexible.load_state_dict(checkpoint_filter_fn(weights, flexible))
    tokens = flexible.forward_features(batch)
    tokens = tokens['patches'] if isinstance(tokens, dict) else tokens
    torch.testing.assert_close(backbone(batch)[0], tokens[:, :3].flatten(1), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_positions_are_the_tables_top_left_part_at_the_longer_side():
    backbone = prepared(CRADIO(RADIO))
    table = backbone.vit.pos_embed.reshape(1, 128, 128, 32).permute(0, 3, 1, 2)
    assert torch.equal(backbone.position((128, 5)), table[..., :128, :5])
    expected = F.interpolate(table, (7, 7), mode='bilinear', align_corners=True)[..., :3, :7]
    torch.testing.assert_close(backbone.position((3, 7)), expected)


@torch.no_grad()
def test_in_training_positions_are_windows_of_the_table_for_each_image():
    backbone = prepared(CRADIO(RADIO)).train()
    rows = torch.arange(128.) / 127
    backbone.vit.pos_embed.copy_(
        torch.stack([rows[:, None].expand(-1, 128),
                     rows.expand(128, -1)]).repeat(16, 1,
                                                   1).flatten(1).T[None])  # even channels hold y, odd ones x
    windows = backbone.window_positions(400, (5, 4))
    none = windows.flatten(1).abs().amax(1) == 0
    assert 0.05 < none.float().mean() < 0.15
    y, x = windows[~none, 0], windows[~none, 1]
    height, width = y[:, -1, 0] - y[:, 0, 0], x[:, 0, -1] - x[:, 0, 0]
    assert y.min() >= 0 and x.max() <= 1 and (height > 0.2).all() and (width > 0.2).all()
    assert (height * width).min() >= 0.099 and (width / height).max() < 1.79  # aspect squared
    torch.testing.assert_close(y[:, 1] - y[:, 0], y[:, 4] - y[:, 3], atol=1e-4, rtol=0)
    first, second = (backbone(images())[0] for _ in range(2))
    assert not torch.equal(first, second)
    frozen = CRADIO(RADIO, frozen_stages=0).train()
    assert torch.equal(frozen(images())[0], frozen(images())[0])


def as_published(weights):
    """Our names → those of the hub, without what stands before them."""
    renamed = dict(weights)
    renamed['patch_generator.cls_token.token'] = renamed.pop('class_tokens')
    renamed['patch_generator.pos_embed'] = renamed.pop('pos_embed')
    renamed['patch_generator.embedder.weight'] = renamed.pop('patch_embed.proj.weight').flatten(1)
    return renamed


@pytest.mark.parametrize('prefix',
                         ['radio_model.model.', 'base_model.', 'model.radio.radio.radio.model.', ''])
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_published_weights_of_c_radio(prefix, suffix, tmp_path):
    weights = as_published(prepared(CRADIO(RADIO)).vit.state_dict())
    published = {prefix + name: tensor.clone() for name, tensor in weights.items()}
    published['input_conditioner.norm_mean'] = torch.zeros(3, 1, 1)
    file = str(tmp_path / f'radio{suffix}')
    save_file(published, file) if suffix == '.safetensors' else write_checkpoint(
        dict(state_dict=published), file)
    backbone = CRADIO(RADIO, init_cfg=dict(type='Pretrained', checkpoint=file))
    backbone.init_weights()
    for name, tensor in as_published(backbone.vit.state_dict()).items():
        assert torch.equal(tensor, weights[name]), name


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_published_weights_of_dinov3(prefix, tmp_path):
    weights, file = prepared(DINOv3(DINO)).vit.state_dict(), str(tmp_path / 'dinov3.safetensors')
    save_file({prefix + name: tensor.clone() for name, tensor in weights.items()}, file)
    backbone = DINOv3Adapter(DINO, init_cfg=dict(type='Pretrained', checkpoint=file))
    backbone.init_weights()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in backbone.vit.state_dict().items())


@torch.no_grad()
def test_tables_and_patches_of_another_size_are_resized_bicubically(tmp_path):
    weights = as_published(prepared(CRADIO(RADIO)).vit.state_dict())
    weights['patch_generator.pos_embed'] = table = torch.randn(1, 64 * 64, 32)
    weights['patch_generator.embedder.weight'] = torch.randn(32, 3 * 14 * 14)
    write_checkpoint(weights, tmp_path / 'other.pth')
    backbone = CRADIO(RADIO, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'other.pth')))
    backbone.init_weights()
    expected = F.interpolate(
        table.reshape(1, 64, 64, 32).permute(0, 3, 1, 2), (128, 128), mode='bicubic', align_corners=True)
    torch.testing.assert_close(backbone.vit.pos_embed, expected.flatten(2).transpose(1, 2))
    assert backbone.vit.patch_embed.proj.weight.shape == (32, 3, 16, 16)


@pytest.mark.parametrize(('kind', 'arch', 'change', 'message'), [
    (CRADIO, RADIO, lambda weights: {k: v for k, v in weights.items()
                                     if 'blocks.2.' not in k}, 'lacks.*blocks.2.norm1.weight'),
    (CRADIO, RADIO, lambda weights: {**weights, 'blocks.0.ls1.gamma': torch.ones(32)},
     'blocks that this transformer lacks.*ls1'),
    (CRADIO, RADIO, lambda weights: dict(conv=torch.zeros(1)), '0 transformers of C-RADIO'),
    (DINOv3, DINO, lambda weights: dict(storage_tokens=torch.zeros(1)), 'authors.*timm publishes'),
    (DINOv3, DINO, lambda weights: {**weights, 'cls_token': torch.zeros(1, 1, 64)},
     r'another shape.*\(1, 1, 64\)'),
])
def test_weights_that_do_not_fit_are_refused(kind, arch, change, message, tmp_path):
    backbone = prepared(kind(arch))
    weights = backbone.vit.state_dict()
    write_checkpoint(change(as_published(weights) if kind is CRADIO else dict(weights)),
                     tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match=message):
        kind(arch, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'other.pth'))).init_weights()


@kinds
def test_frozen_parts_keep_their_weights_and_mode(kind, arch):
    backbone = kind(arch, frozen_stages=2).train()
    sum(level.square().sum() for level in backbone(images())).backward()
    frozen = tuple(f'vit.{name}' for name in (*kind.embedding, 'blocks.0.', 'blocks.1.'))
    for name, parameter in backbone.named_parameters():
        if name.startswith(frozen):
            assert parameter.grad is None, name
        elif name.startswith('vit.blocks.'):
            assert parameter.grad is not None, name
    assert not backbone.blocks[1].training and backbone.blocks[2].training


@kinds
def test_every_layer_has_its_number(kind, arch):
    backbone = kind(arch)
    depths = {
        name: backbone.get_layer_depth(f'backbone.{name}', 'backbone.') for name in backbone.state_dict()
    }
    assert depths['vit.patch_embed.proj.weight'] == (0, 6)
    assert depths['vit.blocks.0.norm1.weight'] == (1, 6) and depths['vit.blocks.3.norm1.weight'] == (4, 6)
    assert {depth for name, (depth, _) in depths.items() if not name.startswith('vit.')} <= {5}


@pytest.mark.parametrize(('build', 'message'), [
    (lambda: CRADIO('small'), "no arch 'small'.*base, large, huge"),
    (lambda: DINOv3(dict(depth=4)), 'give model_name'),
    (lambda: DINOv3(DINO, frozen_stages=5), 'frozen_stages 5.*-1.*4'),
    (lambda: CRADIO(RADIO, out_indices=(4, )), r'out_indices \(4,\).*0 to 3'),
    (lambda: CRADIO(RADIO, out_indices=(0, )), "class tokens.*out_type='featmap'"),
    (lambda: DINOv3Adapter(dict(DINO, depth=6)), '4 equal groups.*6 blocks'),
    (lambda: CRADIO(RADIO)(images(40, 32)), 'multiples of 16.*40×32'),
    (lambda: CRADIOAdapter(RADIO)(images(48, 32)), 'multiples of 32.*48×32'),
])
def test_what_cannot_be_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@kinds
def test_recomputation_gives_the_same_gradients(kind, arch):
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        backbone = prepared(kind(arch, frozen_stages=0, with_cp=with_cp)).train()
        torch.manual_seed(1)
        sum(level.sin().mean() for level in backbone(images(64, 64))).backward()
        gradients.append({
            name: parameter.grad for name, parameter in backbone.named_parameters()
            if parameter.grad is not None
        })
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-5, rtol=1e-4)


@pytest.mark.filterwarnings('ignore')
@kinds
def test_exports_to_standard_onnx(kind, arch):
    onnx, runtime = pytest.importorskip('onnx'), pytest.importorskip('onnxruntime')
    backbone, file = prepared(kind(arch)), io.BytesIO()
    torch.onnx.export(backbone, (images(), ), file, opset_version=17, dynamo=False, input_names=['images'],
                      dynamic_axes=dict(images={0: 'batch'}))
    onnx.checker.check_model(onnx.load_from_string(file.getvalue()))
    session = runtime.InferenceSession(file.getvalue(), providers=['CPUExecutionProvider'])
    batch = images(count=3)
    with torch.no_grad():
        expected = backbone(batch)
    for result, level in zip(session.run(None, dict(images=batch.numpy())), expected, strict=True):
        np.testing.assert_allclose(result, level.numpy(), atol=5e-5, rtol=1e-4)
