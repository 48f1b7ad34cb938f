"""Public DINOv2 weights, in timm's and in their authors' layout, become ours, whatever their patch size and
resolution."""

import pytest
import torch
from safetensors.torch import save_file
from timm.layers import SwiGLUPacked
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional as F

from mmchangenet.checkpoint import CheckpointError, write_checkpoint
from mmchangenet.models import DINOv2, ViTAdapter
from mmchangenet.models.backbones.dinov2_weights import resize_position_table

PRETRAINED = 'Pretrained'


def random_model(**options):
    """timm's network of the same numbers at 56 px (a grid of 4×4), every weight random."""
    torch.manual_seed(0)
    model = VisionTransformer(img_size=56, patch_size=14, num_classes=0, embed_dim=32, depth=4, num_heads=2,
                              mlp_ratio=2, init_values=1e-5, mlp_layer=SwiGLUPacked, act_layer=nn.SiLU,
                              global_pool='token', **options).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture
def timm_model():
    return random_model()


def as_published(weights):
    """timm's names → those of DINOv2's authors, with the blocks in two chunks and what only their training
    needs."""
    renamed = {}
    for name, tensor in weights.items():
        name = name.replace('mlp.fc1', 'mlp.w12').replace('mlp.fc2', 'mlp.w3')
        if name.startswith('blocks.'):
            number = int(name.split('.')[1])
            name = name.replace(f'blocks.{number}.', f'blocks.{number // 2}.{number}.', 1)
        renamed[name] = tensor
    if 'reg_token' in renamed:  # timm adds the class token's position to the token itself
        renamed['register_tokens'] = renamed.pop('reg_token')
        position = torch.randn(1, 1, 32)
        renamed['cls_token'] = renamed['cls_token'] - position
        renamed['pos_embed'] = torch.cat([position, renamed['pos_embed']], dim=1)
    return dict(renamed, mask_token=torch.zeros(1, 32))


def loaded(kind, arch, weights, file, **options):
    write_checkpoint(weights, file)
    backbone = kind(arch, init_cfg=dict(type=PRETRAINED, checkpoint=str(file)), **options)
    backbone.init_weights()
    return backbone.eval()


@pytest.mark.parametrize('layout', [
    dict, as_published, lambda weights: {'teacher': as_published(weights)},
    lambda weights: dict(state_dict={f'model.backbone.{k}': v for k, v in weights.items()})
], ids=['timm', 'authors', 'nested', 'prefixed'])
@torch.no_grad()
def test_the_same_numbers_as_timm(layout, timm_model, arch, tmp_path):
    weights = layout(timm_model.state_dict())
    if 'teacher' in weights:
        weights = {f'teacher.backbone.{name}': tensor for name, tensor in weights['teacher'].items()}
    backbone = loaded(DINOv2, arch, weights, tmp_path / 'dinov2.pth', img_size=56)
    batch = torch.randn(2, 3, 56, 56)
    torch.testing.assert_close(backbone(batch)[0], timm_model(batch), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('layout', [dict, as_published], ids=['timm', 'authors'])
@torch.no_grad()
def test_register_tokens(layout, arch, tmp_path):
    model = random_model(reg_tokens=4, no_embed_class=True)
    weights, batch = layout(model.state_dict()), torch.randn(2, 3, 56, 56)
    backbone = loaded(DINOv2, arch, weights, tmp_path / 'reg4.pth', img_size=56, num_registers=4,
                      frozen_stages=0)
    torch.testing.assert_close(backbone(batch)[0], model(batch), atol=1e-5, rtol=1e-5)
    assert not backbone.register_tokens.requires_grad and backbone.get_layer_depth('register_tokens') == (0,
                                                                                                          6)
    maps = loaded(DINOv2, arch, weights, tmp_path / 'reg4.pth', img_size=56, num_registers=4,
                  out_type='featmap')(batch)
    torch.testing.assert_close(maps[0].flatten(2).transpose(1, 2),
                               model.forward_features(batch)[:, 5:], atol=1e-5, rtol=1e-5)
    levels = loaded(ViTAdapter, arch, weights, tmp_path / 'reg4.pth', img_size=64,
                    num_registers=4)(torch.randn(2, 3, 64, 64))
    assert [level.shape[-1] for level in levels] == [16, 8, 4, 2]


@torch.no_grad()
def test_patches_and_positions_are_resized_bicubically_for_the_adapter(timm_model, arch, tmp_path):
    weights = timm_model.state_dict()
    backbone = loaded(ViTAdapter, arch, weights, tmp_path / 'dinov2.pth', img_size=(96, 64))
    kernels = F.interpolate(weights['patch_embed.proj.weight'], (16, 16), mode='bicubic', align_corners=False)
    assert torch.equal(backbone.patch_embed.proj.weight, kernels)
    table = weights['pos_embed'][:, 1:].reshape(1, 4, 4, 32).permute(0, 3, 1, 2)
    table = F.interpolate(table, (6, 4), mode='bicubic', align_corners=False).flatten(2).transpose(1, 2)
    torch.testing.assert_close(backbone.pos_embed[:, 1:], table)
    assert torch.equal(backbone.pos_embed[:, :1], weights['pos_embed'][:, :1])
    assert torch.equal(backbone.blocks[3].mlp.fc1.weight, weights['blocks.3.mlp.fc1.weight'])
    assert all(level.isfinite().all() for level in backbone(torch.randn(1, 3, 96, 64)))


def test_a_square_table_is_resized_for_an_oblong_of_as_many_places():
    table = torch.randn(1, 17, 8)
    assert resize_position_table(table, (4, 4)) is table
    assert resize_position_table(torch.randn(1, 9, 8), (4, 2)).shape == (1, 9, 8)
    oblong = resize_position_table(table, (8, 2))
    expected = F.interpolate(table[:, 1:].reshape(1, 4, 4, 8).permute(0, 3, 1, 2), (8, 2), mode='bicubic')
    torch.testing.assert_close(oblong[:, 1:], expected.flatten(2).transpose(1, 2))


@pytest.mark.parametrize(('change', 'message'), [
    (lambda weights: {k: v
                      for k, v in weights.items() if 'blocks.2.' not in k}, 'lacks.*blocks.2.norm1.weight'),
    (lambda weights: dict(weights, cls_token=torch.zeros(1, 1, 64)),
     r'another shape.*cls_token \(1, 1, 64\).*\(1, 1, 32\)'),
    (lambda weights: dict(weights, register_tokens=torch.zeros(1, 4, 32)),
     'with 4 register tokens.*has 0.*num_registers=4'),
    (lambda weights: dict(weights, pos_embed=torch.zeros(1, 13, 32)), '13 entries'),
    (lambda weights: dict(conv=torch.zeros(1)), '0 position tables'),
])
def test_weights_that_do_not_fit_are_refused(change, message, timm_model, arch, tmp_path):
    with pytest.raises(CheckpointError, match=message):
        loaded(DINOv2, arch, change(timm_model.state_dict()), tmp_path / 'other.pth', img_size=56)


@torch.no_grad()
def test_safetensors_are_read(timm_model, arch, tmp_path):
    save_file(timm_model.state_dict(), tmp_path / 'model.safetensors')
    backbone = DINOv2(arch, img_size=56, init_cfg=dict(type=PRETRAINED,
                                                       checkpoint=str(tmp_path / 'model.safetensors')))
    backbone.init_weights()
    assert torch.equal(backbone.pos_embed, timm_model.pos_embed)
    (tmp_path / 'cut.safetensors').write_bytes((tmp_path / 'model.safetensors').read_bytes()[:1000])
    with pytest.raises(CheckpointError, match='cut.safetensors is no whole'):
        DINOv2(arch, init_cfg=dict(type=PRETRAINED,
                                   checkpoint=str(tmp_path / 'cut.safetensors'))).init_weights()
