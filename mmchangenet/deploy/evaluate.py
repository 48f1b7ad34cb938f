"""Testing a converted network with the config's own test data and figures."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from mmdeploy.apis.utils import build_task_processor
from mmdeploy.utils import load_config
from mmdeploy.utils.timer import TimeCounter


def prepare_backend_test(deploy_cfg: str, model_cfg: str, files: Sequence[str], device: str = 'cpu',
                         work_dir: str = './work_dir', out: str | None = None, show_dir: str | None = None,
                         batch_size: int = 1, cfg_options: dict[str, Any] | None = None,
                         log_file: str | None = None) -> Any:
    """The runner that tests a converted network; call its ``test()``.

    Args:
        deploy_cfg, model_cfg: config files.
        files: the backend's.
        device: where the backend works.
        work_dir: folder for logs.
        out: CSV to write: the data's own rows in order with ``siamese_score``.
        show_dir: folder for pictures.
        batch_size: pairs at a time.
        cfg_options: replaces values of the network's config.
        log_file: for the log.

    Returns:
        mmdeploy's.
    """
    deploy, model = load_config(str(deploy_cfg), str(model_cfg))
    model.merge_from_dict(cfg_options or {})
    task = build_task_processor(model, deploy, device)
    loader = copy.deepcopy(model.test_dataloader)
    loader.batch_size = batch_size
    loader.dataset = task.build_dataset(loader.dataset)
    runner = task.build_test_runner(task.build_backend_model(files),
                                    work_dir,
                                    log_file=log_file,
                                    show_dir=show_dir,
                                    dataloader=task.build_dataloader(loader))
    runner.register_custom_hooks([dict(type='mmchangenet.BrokenImageHook')])
    if out is not None:
        runner.register_custom_hooks([dict(type='mmchangenet.ScoreFileHook', out_file=str(out))])
    return runner


def timing(wanted: Any, warmup: Any, log_interval: Any, file: Any, batch_size: Any, device: Any) -> Any:
    """mmdeploy's clock around the backend, as a context; nothing when not wanted."""
    if not wanted:
        return nullcontext()
    return TimeCounter.activate(warmup=warmup,
                                log_interval=log_interval,
                                with_sync=device != 'cpu',
                                file=file,
                                batch_size=batch_size)
