"""What can be known of the data before the first step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmchangenet.build_all import build_all
from mmchangenet.checkpoint import wants_class_names
from mmchangenet.registry import HOOKS


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Checks that training, validation and test data fit the network, all before complaining.

    A head of more than two classes without names gets those of the training data. ``ChangeRunner`` adds this
    hook by itself.

    Raises:
        ValueError: when there are too few rows for a batch, the labels do not fit the head's classes, the
            pipeline makes other images than the network takes, or the validation that checkpoints are chosen
            by has no labels.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Check what this run uses."""
        model, checks = runner.bare_model, list[Callable[[], None]]()
        if runner.training:
            loader = runner.train_loop.dataloader
            checks += [
                partial(_check_batches, loader, runner.world_size, model),
                partial(_check_sample, loader.dataset, model),
                partial(_settle_class_names, runner, loader.dataset)
            ]
            loops = [(runner.val_loop, True)]
        else:
            loops = [(loop, False) for loop in (runner._val_loop, runner._test_loop)]
        checks += [partial(_check_sample, loop.dataloader.dataset, model, labelled)
                   for loop, labelled in loops if hasattr(loop, 'dataloader')]
        build_all(checks)


def _check_batches(dataloader: DataLoader[Any], world_size: int, model: nn.Module) -> None:
    """A loader that gives no batch, or one that BatchNorm cannot take, is an error before training."""
    rows, batch = len(dataloader.sampler), dataloader.batch_size
    if len(dataloader) == 0:
        share = f', {rows} for each of {world_size} processes,' if world_size > 1 else ''
        raise ValueError(
            f'the training data has {len(dataloader.dataset)} rows{share} and a batch takes '
            f'{batch}: with drop_last not one step. Lower train_dataloader.batch_size, or add '
            'rows.')
    rest = rows % batch if batch and not isinstance(dataloader.sampler, InfiniteSampler) else None
    if (batch == 1 or rest == 1 and not dataloader.drop_last) and any(
            isinstance(module, nn.BatchNorm1d) and module.training for module in model.modules()):
        raise ValueError(f'{rows} rows in batches of {batch} leave a batch of one, which BatchNorm cannot '
                         'train on. '
                         'Set train_dataloader.drop_last=True or another batch_size.')


def _check_sample(dataset: Dataset[Any], model: nn.Module, labelled: bool = False) -> None:
    """Whether the pipeline makes what the network is built for; an error in a transform shows here, too."""
    size: Any = getattr(model, 'input_size', None)
    if size is None:
        return
    try:
        sample = dataset[0]
        made, data_sample = tuple(sample['inputs']['compare'].shape[-2:]), sample['data_samples']
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f'the pipeline does not make a sample for the network ({type(error).__name__}: '
                         f'{error}). It takes at '
                         'least LoadLightings, PairedResize, LayOutLightings and PackChangeInputs, in this '
                         'order.') from error
    if labelled and 'gt_fail' not in data_sample:
        raise ValueError(f'{getattr(dataset, "ann_file", "the validation data")} has no column label, '
                         'without which no figure '
                         'tells the best checkpoint: add it, or set val_dataloader, val_cfg and '
                         'val_evaluator to None')
    if made != tuple(size):
        raise ValueError(f'the pipeline makes images of {made[0]}×{made[1]} (height×width, all lightings '
                         'laid out), but the '
                         f'network is built for {size[0]}×{size[1]}. Set model.input_size=({made[0]}, '
                         f'{made[1]}), or change '
                         'the size, the layout or the input_map of the data.')


def _settle_class_names(runner: Runner, dataset: Dataset[Any]) -> None:
    head = getattr(runner.bare_model, 'head', None)
    names = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    if head is None or not wants_class_names(head) or names is None:
        return
    if head.class_names is None:
        if len(names) != head.num_classes:
            raise ValueError(f'model.head.num_classes is {head.num_classes}, but the training data has '
                             f'{len(names)} classes: '
                             f'{", ".join(names)}. Set num_classes, or model.head.class_names.')
        head.set_class_names(names)
        runner.logger.info(f'classes, from the training data: {", ".join(names)}')
    elif unknown := [name for name in names if name not in head.class_names]:
        raise ValueError('the training data has labels that are none of the head\'s classes: '
                         f'{", ".join(unknown)}. '
                         f'The classes are {", ".join(head.class_names)}.')
