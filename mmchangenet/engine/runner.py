"""MMEngine's runner with checkpoints that survive a kill, strict loading and several processes on the CPU."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_distributed, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, Runner
from mmengine.runner.log_processor import LogProcessor
from torch import nn
from torch.utils.data import DataLoader

from mmchangenet.build_all import build_all
from mmchangenet.checkpoint import (
    adopt_class_names,
    adopt_threshold,
    compare_class_names,
    load_fitting_weights,
    load_weights,
    meta_of,
    read_checkpoint,
    state_dict_of,
    write_checkpoint,
)
from mmchangenet.registry import RUNNERS

from .bf16_optim_wrapper import for_cpu
from .checkpoint_content import checkpoint_content
from .defaults import quiet_console, safe_default_hooks, unique_timestamp
from .distributed import init_cpu_processes, wrap_for_cpu
from .foreign_parts import check_parts
from .hooks import RELIED_ON, BatchNormSyncHook
from .interruption import Interruption
from .plain_config import plain
from .resuming import newest_of, pending_gradients, read_ahead, resume_training
from .work_dir_lock import work_dir_lock

OF_PROCESSES = ('persistent_workers', 'prefetch_factor')  # settings of loader processes
WORK_BEGINS = ('before_train_epoch', 'before_val_epoch', 'before_test_epoch')


@RUNNERS.register_module()
class ChangeRunner(Runner):
    """MMEngine's ``Runner``; configs choose it with ``runner_type = 'mmchangenet.ChangeRunner'``.

    What differs:
        - Checkpoints are written by ``write_checkpoint`` and read by ``read_checkpoint``.
        - A resume takes the newest whole file, the seed and the class list in it, makes up for a validation
          and then gives the figures of an unbroken run, see ``resume_training``. With ``resume='auto'`` a run
          that finds nothing to resume starts from ``load_from``.
        - Ctrl-C and SIGTERM end a training at the next iteration, saved (``InterruptHook``). One work dir
          takes one training at a time.
        - Tests, validations and resumes need every weight to fit. ``load_from`` in training takes what fits
          and lists the rest.
        - torchrun, slurm and mpi work without a GPU, and ``AmpOptimWrapper`` is bfloat16 there.
        - Environment, config and hooks, hundreds of lines, go into the log file alone.

    Attributes:
        ready: everything is built and loaded: what goes wrong from here on is hardly the config's mistake.
        training: ``train`` was called.
        validation_pending: the checkpoint resumed from has not been validated.
        margin: when set before ``test`` or ``val``, replaces the head's margin and the checkpoint's.
        interruption: the signal that asks a training to end, if it came.
    """

    _timestamp: str
    _resume: bool | str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.ready = self.training = self.validation_pending = False
        self.margin: float | None = None
        self.interruption = Interruption()
        self._ahead: tuple[str | None, dict[str, Any] | None] = None, None  # what will be resumed from
        if isinstance(cfg := kwargs.get('cfg'), Config):
            kwargs['cfg'] = plain(cfg)  # what is dumped and stored of it has to be data
        super().__init__(*args, **kwargs)

    @property
    def bare_model(self) -> nn.Module:
        """The network inside a wrapper for several processes."""
        return self.model.module if is_model_wrapper(self.model) else self.model

    # -- environment -----------------------------------------------------------------------------------------

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """As MMEngine's; without a GPU, processes talk through gloo whatever the config's backend is."""
        if self.distributed and not is_distributed() and get_device() == 'cpu':
            dist_cfg = env_cfg.get('dist_cfg', {})
            init_cpu_processes(self._launcher, dist_cfg.get('timeout'), dist_cfg.get('port'))
        super().setup_env(env_cfg)
        # MMEngine finds hub and logger by this time; runs that begin in one second must not share them
        self._timestamp = unique_timestamp(self._timestamp)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """As MMEngine's; what only its file needs stays off the console."""
        return quiet_console(super().build_logger(*args, **kwargs))

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """As MMEngine's; on the CPU see ``wrap_for_cpu``."""
        if not self.distributed or get_device() != 'cpu' or is_model_wrapper(model):
            return super().wrap_model(model_wrapper_cfg, model)
        return wrap_for_cpu(model, model_wrapper_cfg, self.cfg, self.logger)

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """As MMEngine's; notes when the work begins."""
        self.ready = self.ready or fn_name in WORK_BEGINS
        super().call_hook(fn_name, **kwargs)

    # -- building --------------------------------------------------------------------------------------------

    def register_default_hooks(self, hooks: dict[str, Any] | None = None) -> None:
        """As MMEngine's, see ``safe_default_hooks``."""
        super().register_default_hooks(safe_default_hooks(hooks, self.cfg))

    def register_hooks(self, default_hooks: dict[str, Any] | None = None,
                       custom_hooks: list[Hook | dict[str, Any]] | None = None) -> None:
        """As MMEngine's, and the hooks that this runner relies on."""
        check_parts(self.cfg)
        super().register_hooks(default_hooks, custom_hooks)
        for kind in [*RELIED_ON, *[BatchNormSyncHook] * self.distributed]:
            if not any(isinstance(hook, kind) for hook in self.hooks):
                self.register_hook(kind())

    def build_log_processor(self, log_processor: LogProcessor | dict[str, Any]) -> LogProcessor:
        """As MMEngine's, with ``FigureLogProcessor`` for ``LogProcessor``."""
        if isinstance(log_processor, dict) and log_processor.get('type', 'LogProcessor') == 'LogProcessor':
            log_processor = dict(log_processor, type='mmchangenet.FigureLogProcessor')
        return super().build_log_processor(log_processor)

    @staticmethod
    def build_dataloader(dataloader: DataLoader[Any] | dict[str, Any], seed: int | None = None,
                         diff_rank_seed: bool = False) -> DataLoader[Any]:
        """As MMEngine's; with ``num_workers=0`` settings of loader processes do no harm."""
        if isinstance(dataloader, dict) and not dataloader.get('num_workers'):
            dataloader = {key: value for key, value in dataloader.items() if key not in OF_PROCESSES}
        return Runner.build_dataloader(dataloader, seed, diff_rank_seed)

    def build_train_loop(self, loop: BaseLoop | dict[str, Any]) -> BaseLoop:
        """As MMEngine's; one by epochs can begin inside an epoch."""
        if isinstance(loop, dict) and loop.get('by_epoch') and 'type' not in loop:
            loop = {key: value for key, value in loop.items() if key != 'by_epoch'}
            loop['type'] = 'mmchangenet.EpochLoop'
        return super().build_train_loop(loop)

    def build_optim_wrapper(self, optim_wrapper: OptimWrapper | dict[str, Any]) -> OptimWrapper:
        """As MMEngine's; ``AmpOptimWrapper`` becomes ``Bf16OptimWrapper`` where there is no GPU.

        Raises:
            ValueError: when it asks for another type than bfloat16 there.
        """
        if isinstance(optim_wrapper, dict) and get_device() == 'cpu':
            optim_wrapper = for_cpu(optim_wrapper)
        return super().build_optim_wrapper(optim_wrapper)

    # -- loading ---------------------------------------------------------------------------------------------

    def train(self) -> nn.Module:
        """As MMEngine's. A checkpoint to resume from is read first, for its seed and class list.

        Raises:
            ValueError: with everything wrong with the data of training and validation, when it is wrong in
                both.
            WorkDirInUse: when another training is at work in the work dir.
            TrainingInterrupted: after Ctrl-C or SIGTERM; the training is saved.
        """
        self.training = True
        with work_dir_lock(self.work_dir), self.interruption:
            if self._resume and not self._has_loaded:
                named = None if self._resume == 'auto' else self._load_from
                self._ahead = read_ahead(self, named or newest_of(self))
                self._resume = self._ahead[0] is not None
            self._build_loops()
            return super().train()

    def _build_loops(self) -> None:
        names = [name for name in ('train', 'val') if getattr(self, f'_{name}_loop') is not None]
        loops = build_all(
            partial(getattr(self, f'build_{name}_loop'), getattr(self, f'_{name}_loop')) for name in names)
        for name, loop in zip(names, loops, strict=True):
            setattr(self, f'_{name}_loop', loop)

    def load_or_resume(self) -> None:
        """Resume, or load the checkpoint of ``load_from``, unless that is done."""
        if not self._has_loaded and self._resume and self.training:
            self.resume(str(self._ahead[0]))
        elif not self._has_loaded and self._load_from is not None:
            self.load_checkpoint(self._load_from, strict=not self.training)
        if self.margin is not None and not self.training:
            self.bare_model.head.margin = float(self.margin)
            self.logger.info(f'margin {self.margin}, as asked for')

    def load_checkpoint(self, filename: str | Path, map_location: str | torch.device = 'cpu',
                        strict: bool = True, revise_keys: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
        """Load weights, and for tests and validations the class list and threshold stored with them.

        Args:
            filename: local checkpoint.
            map_location: where its tensors go while reading.
            strict: whether every weight has to fit; otherwise what fits is loaded and the rest listed.
            revise_keys: regular expressions to replace in weights' names.

        Raises:
            FileNotFoundError: when there is no such file.
            CheckpointError: when it is not a whole checkpoint, or does not fit.
        """
        path, ahead = self._ahead
        self._ahead = None, None
        checkpoint = ahead if ahead and path == filename else read_checkpoint(filename, map_location)
        weights = state_dict_of(checkpoint)
        for pattern, replacement in revise_keys:
            weights = OrderedDict((re.sub(pattern, replacement, name), weights[name]) for name in weights)
        meta, source, model = meta_of(checkpoint), str(filename), self.bare_model
        checkpoint = dict(checkpoint if 'state_dict' in checkpoint else {}, meta=meta, state_dict=weights)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        if strict:
            load_weights(model, checkpoint['state_dict'], source, meta, self.cfg)
            adopt_class_names(model, meta, source)
            if not self.training:
                adopt_threshold(model, meta, source)
            self.logger.info(f'weights loaded from {source}')
        else:
            load_fitting_weights(model, checkpoint['state_dict'], source)
            compare_class_names(model, meta, source)
        self._has_loaded = True
        return checkpoint

    def resume(self, filename: str | Path, resume_optimizer: bool = True, resume_param_scheduler: bool = True,
               map_location: str | torch.device = 'cpu') -> None:
        """Go on with a training, see ``resume_training``.

        Raises:
            FileNotFoundError: when there is no such file.
            CheckpointError: when it is not a whole checkpoint, does not fit or holds weights only.
        """
        checkpoint = self.load_checkpoint(filename, map_location)
        resume_training(self, checkpoint, str(filename), resume_optimizer, resume_param_scheduler)

    # -- saving ----------------------------------------------------------------------------------------------

    @cached_property
    def config_text(self) -> str:
        """The config as checkpoints keep it; formatting it takes longer than writing a small checkpoint."""
        return str(self.cfg.pretty_text)

    def save_checkpoint(self, out_dir: str, filename: str, file_client_args: None = None,
                        save_optimizer: bool = True, save_param_scheduler: bool = True,
                        meta: dict[str, Any] | None = None, by_epoch: bool = True,
                        backend_args: None = None) -> None:
        """Save a checkpoint, whole or not at all, that loads with ``weights_only=True``.

        To be called on every process, with MMEngine's arguments.

        Raises:
            ValueError: for a file backend: checkpoints are local files.
        """
        if file_client_args or backend_args:
            raise ValueError('ChangeRunner writes checkpoints to local folders: file_client_args and '
                             'backend_args must be None')
        gradients = pending_gradients(self) if save_optimizer else {}
        if not is_main_process():
            return
        place = dict(epoch=self.epoch + by_epoch, iter=self.iter + (not by_epoch))
        checkpoint = checkpoint_content(self, {**place, **(meta or {})}, save_optimizer, save_param_scheduler)
        if gradients:
            checkpoint['gradients'] = gradients
        self.call_hook('before_save_checkpoint', checkpoint=checkpoint)
        write_checkpoint(checkpoint, Path(out_dir, filename))
