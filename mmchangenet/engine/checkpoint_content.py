"""What a checkpoint of a training holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import mmengine

from mmchangenet.version import __version__

from .message_hub import hub_state

if TYPE_CHECKING:
    from .runner import ChangeRunner


def checkpoint_content(runner: ChangeRunner, place: dict[str, Any], optimizer: bool,
                       schedules: bool) -> dict[str, Any]:
    """Weights, history and meta of a training, and what it needs to go on.

    Args:
        runner: of the training.
        place: ``epoch`` and ``iter`` that are finished, and what else belongs into ``meta``.
        optimizer: whether to take the optimizer's state.
        schedules: whether to take the schedules' state.
    """
    model, dataset = runner.bare_model, runner.train_dataloader.dataset
    meta = dict(
        place, cfg=runner.config_text, seed=runner.seed, world_size=runner.world_size,
                experiment_name=runner.experiment_name,
        time=time.strftime('%Y%m%d_%H%M%S', time.localtime()), mmengine_version=mmengine.__version__,
        mmchangenet_version=__version__, dataset_meta=dict(getattr(dataset, 'metainfo', None) or {}))
    if names := getattr(getattr(model, 'head', None), 'class_names', None):
        meta['dataset_meta']['classes'] = list(names)
    content = dict(meta=meta, state_dict=model.state_dict(), message_hub=hub_state(runner.message_hub))
    if optimizer:
        content['optimizer'] = runner.optim_wrapper.state_dict()
    if schedules and runner.param_schedulers is not None:
        content['param_schedulers'] = (
            {name: [one.state_dict()
                    for one in some]
             for name, some in runner.param_schedulers.items()} if isinstance(
                 runner.param_schedulers, dict) else [one.state_dict() for one in runner.param_schedulers])
    return content
