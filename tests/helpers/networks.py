"""Small networks whose weights all count: trained ones differ from fresh ones in scales, shifts and
statistics."""

import torch
from torch import nn

from mmchangenet.models import SiameseClassifier

NECKS = dict(
    learnable=(dict(type='LearnableDifference', embed_dim=160), dict(type='ChangeClsHead', embed_dec=12)),
    euclidean=(dict(type='EuclideanDifference', hidden_dim=32), dict(type='ContrastiveHead')))
BACKBONES = dict(fan=dict(type='FAN', arch='tiny'),
                 resnet=dict(type='mmpretrain.ResNet',
                             depth=18,
                             stem_channels=32,
                             base_channels=32,
                             out_indices=(0, 1, 2, 3),
                             _scope_='mmpretrain'))


def build_network(backbone, difference, input_size=(64, 48), neck=None, head=None, **settings):
    """A network in evaluation mode.

    Args:
        backbone (str): ``fan`` or ``resnet``.
        difference (str): ``learnable`` or ``euclidean``.
        input_size (tuple[int, int]): (H, W).
        neck (dict, optional), head (dict, optional): change their configs.
        settings: go to the backbone.
    """
    torch.manual_seed(0)
    neck_config, head_config = NECKS[difference]
    model = SiameseClassifier(BACKBONES[backbone] | settings,
                              neck_config | (neck or {}),
                              head_config | (head or {}),
                              input_size=input_size)
    return train_like(model)


def train_like(model):
    """Give a fresh network weights and statistics as training leaves them; in evaluation mode."""
    for name, parameter in model.named_parameters():
        if 'gamma' in name or name.endswith('temperature'):
            nn.init.uniform_(parameter, 0.2, 1)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.uniform_(module.bias, -0.2, 0.2)
        if isinstance(module, nn.Conv2d) and module.in_channels > 3:
            module.weight.data *= 2
    return model.eval()


def random_sides(model, count=3):
    """uint8 images of both sides of quite different brightness, (count, 3, H, W) each."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(2, count, 3, *model.input_size, generator=generator)
    return (images * torch.rand(2, count, 3, 1, 1, generator=generator) * 255).byte().unbind()


@torch.no_grad()
def whole_scores(model, compare, golden):
    """Scores as the whole network gives them for uint8 images, (N, )."""
    inputs = model.data_preprocessor(dict(inputs=dict(compare=compare, golden=golden)))['inputs']
    return model.head.scores(model(inputs))
