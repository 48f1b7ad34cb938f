"""FAN gives four levels, freezes, checkpoints activations and serves alone."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS
from mmpretrain.structures import DataSample

from mmchangenet.models import FAN, SiameseClassifier


@pytest.fixture(scope='module')
def images():
    return torch.randn(2, 3, 64, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(('arch', 'width', 'million_parameters'), [('tiny', 192, 7.27), ('small', 384, 25.73),
                                                                   ('base', 448, 50.03),
                                                                   ('large', 480, 76.37)])
def test_each_variant_gives_four_levels(arch, width, million_parameters, images):
    fan = FAN(arch).eval()
    with torch.no_grad():
        levels = fan(images)
    assert [tuple(level.shape[1:]) for level in levels] == [(128, 16, 8), (256, 8, 4), (width, 4, 2),
                                                            (width, 4, 2)]
    assert sum(p.numel() for p in fan.parameters()) / 1e6 == pytest.approx(million_parameters, abs=0.01)


def test_out_indices_choose_levels_and_leave_the_others_the_same(images):
    torch.manual_seed(0)
    whole = FAN('tiny').eval()
    for indices in ((0, ), (1, 2), (3, )):
        part = FAN('tiny', out_indices=indices).eval()
        part.load_state_dict(whole.state_dict())
        with torch.no_grad():
            levels = whole(images)
            for level, index in zip(part(images), indices, strict=True):
                assert torch.equal(level, levels[index])


def test_patch_tokens_do_not_depend_on_the_class_token(images):
    """Why the levels can be computed without it."""
    torch.manual_seed(0)
    block = FAN('tiny').cls_blocks[0].eval()
    tokens, token = torch.randn(2, 8, 192), torch.randn(2, 1, 192)
    with torch.no_grad():
        torch.testing.assert_close(block(torch.cat([token, tokens], 1))[:, 1:], block.forward_patches(tokens))


def test_inference_gives_what_gradients_are_taken_of(images):
    """It takes a few images at a time and overwrites what gradients would need."""
    torch.manual_seed(0)
    model = FAN('tiny').eval()
    model.pixels_at_once = images[0, 0].numel()
    with torch.inference_mode():
        inferred = model(images)
    for level, same in zip(model(images), inferred, strict=True):
        torch.testing.assert_close(same, level, rtol=0, atol=1e-5)


@pytest.mark.parametrize(('height', 'width'), [(40, 64), (64, 100), (8, 8)])
def test_a_size_that_does_not_fit_is_named(height, width):
    with pytest.raises(ValueError, match=f'multiples of 16.*{height}×{width}'):
        FAN('tiny')(torch.zeros(1, 3, height, width))


@pytest.mark.parametrize(('arguments', 'message'), [
    (dict(arch='huge'), 'huge.*tiny, small, base, large'),
    (dict(out_indices=(4, )), r'out_indices \(4,\)'),
    (dict(out_type='token'), "'token'.*'featmap' or 'cls_token'"),
    (dict(frozen_stages=5), 'frozen_stages 5'),
])
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        FAN(**dict(dict(arch='tiny'), **arguments))


def step(fan, images):
    """One backward pass; returns the gradients by name."""
    fan.train()
    sum(level.square().mean() for level in fan(images)).backward()
    return {name: parameter.grad for name, parameter in fan.named_parameters()}


@pytest.mark.parametrize('frozen_stages', [0, 2, 3, 4])
def test_frozen_stages_keep_weights_and_statistics(frozen_stages, images):
    prefixes = [('stem.patchify', ), ('stem.stage1', ), ('stem.downsample', 'stem.stage2'),
                ('patch_embed', 'position', 'blocks'), ('cls_', )]
    frozen = tuple(prefix for group in prefixes[:frozen_stages + 1] for prefix in group)
    fan = FAN('tiny', frozen_stages=frozen_stages)
    before = {name: tensor.clone() for name, tensor in fan.state_dict().items()}
    if frozen_stages < 4:
        gradients = step(fan, images)
        assert not any(gradient is not None
                       for name, gradient in gradients.items() if name.startswith(frozen))
        assert any(gradient is not None for gradient in gradients.values())
    else:
        fan.train()(images)
        assert not any(parameter.requires_grad for parameter in fan.parameters())
    for name, tensor in fan.state_dict().items():
        if name.startswith(frozen):
            assert torch.equal(tensor, before[name]), name
    moved = [
        name for name in before
        if 'running_mean' in name and not torch.equal(fan.state_dict()[name], before[name])
    ]
    assert bool(moved) == (frozen_stages < 3)


def test_activation_checkpointing_changes_neither_gradients_nor_statistics(images):
    torch.manual_seed(0)
    plain, saving = FAN('tiny', drop_path_rate=0.0), FAN('tiny', drop_path_rate=0.0, with_cp=True)
    saving.load_state_dict(plain.state_dict())
    expected, gradients = step(plain, images), step(saving, images)
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(saving.state_dict()[name], tensor)


def test_every_block_has_the_same_stochastic_depth():
    fan = FAN('tiny', drop_path_rate=0.3)
    assert [block.drop_path.drop_prob for block in fan.blocks] == [0.3] * 8


def test_pretrained_weights_are_loaded(tmp_path, images):
    torch.manual_seed(0)
    source = FAN('tiny').eval()
    torch.save(dict(state_dict=source.state_dict()), tmp_path / 'fan.pth')
    fan = FAN('tiny', init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'fan.pth'))).eval()
    fan.init_weights()
    with torch.no_grad():
        assert torch.equal(fan(images)[3], source(images)[3])


@DATASETS.register_module()
class Pictures(torch.utils.data.Dataset):
    """Four noise images of two classes."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        image = torch.full((3, 32, 32), index * 10, dtype=torch.uint8)
        return dict(inputs=image, data_samples=DataSample().set_gt_label(index % 2))


def test_it_trains_as_the_backbone_of_an_image_classifier_in_the_scope_of_mmpretrain(tmp_path):
    config = Config(
        dict(
            default_scope='mmpretrain', custom_imports=dict(imports=['mmchangenet.models']), model=dict(
                type='ImageClassifier', data_preprocessor=dict(type='ClsDataPreprocessor', mean=[128.] * 3,
                                                               std=[64.] * 3),
                backbone=dict(type='mmchangenet.FAN', arch='tiny', out_type='cls_token'),
                head=dict(type='LinearClsHead', num_classes=2, in_channels=192,
                          loss=dict(type='CrossEntropyLoss'))),
            train_dataloader=dict(dataset=dict(type='Pictures'), batch_size=4,
                                  sampler=dict(type='DefaultSampler',
                                               shuffle=False), collate_fn=dict(type='default_collate')),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            train_cfg=dict(by_epoch=True, max_epochs=1), work_dir=str(tmp_path), log_level='ERROR',
            experiment_name='fan_alone'))
    runner = Runner.from_cfg(config)
    before = runner.model.backbone.cls_token.detach().clone()
    runner.train()
    assert isinstance(runner.model.backbone, FAN)
    assert not torch.equal(runner.model.backbone.cls_token, before)
    assert all(torch.isfinite(p).all() for p in runner.model.parameters())


SHALLOW = dict(width=64, depth=3, num_heads=2, stem_depths=(1, 2), tap=1)


def test_an_architecture_of_ones_own():
    backbone = FAN(SHALLOW)
    levels = backbone(torch.randn(1, 3, 64, 32))
    assert [tuple(level.shape[1:]) for level in levels
            ] == [(channels, 64 // stride, 32 // stride)
                  for channels, stride in zip((128, 256, 64, 64), FAN.strides, strict=True)]
    assert (len(backbone.blocks), len(backbone.stem.stage2)) == (3, 2)


@pytest.mark.parametrize(('change', 'message'), [
    (dict(heads=2), 'has the keys depth, heads.*give depth, num_heads, stem_depths, tap, width'),
    (dict(num_heads=3), 'multiple of num_heads'),
    (dict(tap=3), 'tap one of the blocks, 0 to 2'),
])
def test_an_architecture_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        FAN(dict(SHALLOW, **change))


def test_earlier_layers_learn_slower():
    model = SiameseClassifier(dict(type='FAN', arch=SHALLOW), dict(type='LearnableDifference', embed_dim=8),
                              dict(type='ChangeClsHead'), input_size=(32, 32))
    wrapper = build_optim_wrapper(
        model,
        dict(optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1),
             constructor='mmpretrain.LearningRateDecayOptimWrapperConstructor',
             paramwise_cfg=dict(layer_decay_rate=0.5)))
    rates = {group['param_name']: group['lr'] for group in wrapper.optimizer.param_groups}
    for name, depth in (('backbone.stem.stage2.0.mlp.fc1.weight', 7), ('backbone.patch_embed.weight', 6),
                        ('backbone.blocks.0.gamma1', 5), ('backbone.blocks.2.gamma1', 3),
                        ('backbone.cls_blocks.1.norm1.weight', 1), ('neck.fuse.weight', 0)):
        assert rates[name] == 0.5**depth, name
