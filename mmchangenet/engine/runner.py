"""MMEngine's runner with checkpoints that survive a kill, strict loading and several processes on the CPU."""

import logging
import re
import time
from functools import cached_property, partial
from itertools import chain, count

import mmengine
import torch
from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.device import get_device
from mmengine.dist import broadcast_object_list, is_distributed, is_main_process, master_only
from mmengine.model import is_model_wrapper, revert_sync_batchnorm
from mmengine.registry import MODEL_WRAPPERS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner

from mmchangenet.build_all import build_all
from mmchangenet.checkpoint import (
    CheckpointError,
    adopt_class_names,
    adopt_threshold,
    class_names_of,
    load_fitting_weights,
    load_weights,
    meta_of,
    read_checkpoint,
    state_dict_of,
    wants_class_names,
    write_checkpoint,
)
from mmchangenet.registry import RUNNERS
from mmchangenet.version import __version__

from .distributed import init_cpu_processes, tell_changed_processes
from .hooks import BatchNormSyncHook, BrokenImageHook, PendingValidationHook, ReseedHook, SafeCheckpointHook
from .message_hub import hub_state, restore_hub
from .plain_config import plain

RESUMED_PARTS = ('meta', 'message_hub', 'optimizer')
_TIMESTAMPS = set()  # of this process's runs
DUMPS = ('\n' + '-' * 60 + '\nSystem environment:', 'Config:\n', 'Hooks will be executed in the following order:')
WORK_BEGINS = ('before_train_epoch', 'before_val_epoch', 'before_test_epoch')


@RUNNERS.register_module()
class ChangeRunner(Runner):
    """MMEngine's ``Runner``; configs choose it with ``runner_type = 'mmchangenet.ChangeRunner'``.

    What differs:
        - Checkpoints are written by ``write_checkpoint`` and read by ``read_checkpoint``.
        - A resume takes the newest whole file, the seed and the class list in it, validates it if that was still to be
          done, and then gives the figures of an unbroken run (``ReseedHook``, ``SafeCheckpointHook``). With
          ``resume='auto'`` a run that finds nothing to resume starts from ``load_from``.
        - Tests, validations and resumes need every weight to fit. ``load_from`` in training takes what fits and lists
          the rest.
        - A head of more than two classes without names gets those of the training data, and they are saved.
        - torchrun, slurm and mpi work without a GPU; BatchNorm statistics are equal on all processes.
        - ``AmpOptimWrapper`` is bfloat16 on the CPU.
        - Environment, config and hooks, hundreds of lines, go into the log file alone.

    Attributes:
        ready (bool): everything is built, read and loaded: what goes wrong from here on is hardly a mistake in the config.
        validation_pending (bool): the checkpoint resumed from has not been validated.
        margin (float | None): when set before ``test`` or ``val``, replaces the head's margin, the checkpoint's
            threshold included.
    """

    def __init__(self, *args, **kwargs):
        self.ready = False
        self.validation_pending = False
        self.margin = None
        self._training = False
        self._ahead = None, None  # path and content of the checkpoint that will be resumed from
        if isinstance(cfg := kwargs.get('cfg'), Config):
            kwargs['cfg'] = plain(cfg)  # what is dumped and stored of it has to be data
        super().__init__(*args, **kwargs)

    # -- environment -------------------------------------------------------------------------------------------------

    def setup_env(self, env_cfg):
        """As MMEngine's; without a GPU, processes talk through gloo whatever the config's backend is."""
        if self.distributed and not is_distributed() and get_device() == 'cpu':
            dist_cfg = env_cfg.get('dist_cfg', {})
            init_cpu_processes(self._launcher, dist_cfg.get('timeout'), dist_cfg.get('port'))
        super().setup_env(env_cfg)
        # MMEngine finds message hub and logger by this time; runs that begin in one second must not share them
        self._timestamp = next(name for name in chain([self._timestamp], map(f'{self._timestamp}_{{}}'.format, count(2)))
                               if name not in _TIMESTAMPS)
        _TIMESTAMPS.add(self._timestamp)

    def build_logger(self, *args, **kwargs):
        """As MMEngine's; what only its file needs stays off the console."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(lambda record: not record.getMessage().startswith(DUMPS))
        return logger

    def wrap_model(self, model_wrapper_cfg, model):
        """As MMEngine's; on the CPU without device ids and without SyncBatchNorm, which torch has for GPUs only."""
        if not self.distributed or get_device() != 'cpu' or is_model_wrapper(model):
            return super().wrap_model(model_wrapper_cfg, model)
        if self.cfg.get('sync_bn') or any(isinstance(module, torch.nn.SyncBatchNorm) for module in model.modules()):
            self.logger.warning('SyncBatchNorm needs GPUs: each process normalises by its own batch, and the running '
                                'statistics are averaged')
        wrapper = dict(type='MMDistributedDataParallel', broadcast_buffers=False,
                       find_unused_parameters=self.cfg.get('find_unused_parameters', False))
        wrapper.update(model_wrapper_cfg or {})
        return MODEL_WRAPPERS.build(wrapper, default_args=dict(module=revert_sync_batchnorm(model)))

    def call_hook(self, fn_name, **kwargs):
        """As MMEngine's; notes when the work begins."""
        self.ready = self.ready or fn_name in WORK_BEGINS
        super().call_hook(fn_name, **kwargs)

    # -- building ----------------------------------------------------------------------------------------------------

    def register_default_hooks(self, hooks=None):
        """As MMEngine's, with ``SafeCheckpointHook`` where the config says ``CheckpointHook`` or nothing."""
        hooks = dict(hooks or {})
        checkpoint = hooks.get('checkpoint', dict(type='CheckpointHook', interval=1))
        if isinstance(checkpoint, dict) and checkpoint.get('type') == 'CheckpointHook':
            hooks['checkpoint'] = dict(checkpoint, type='mmchangenet.SafeCheckpointHook')
        super().register_default_hooks(hooks)

    def register_hooks(self, default_hooks=None, custom_hooks=None):
        """As MMEngine's, and the hooks that this runner relies on."""
        super().register_hooks(default_hooks, custom_hooks)
        own = [ReseedHook, BrokenImageHook, PendingValidationHook] + [BatchNormSyncHook] * self.distributed
        for kind in own:
            if not any(isinstance(hook, kind) for hook in self.hooks):
                self.register_hook(kind())

    def build_train_loop(self, loop):
        """As MMEngine's, with checks of what can be known before the first step.

        Raises:
            ValueError: when there are too few rows for a batch, or the labels do not fit the head's classes.
        """
        built = super().build_train_loop(loop)
        if built is not loop:
            _check_batches(built.dataloader, self.world_size, self._bare_model)
            _check_sample(built.dataloader.dataset, self._bare_model)
            self._settle_class_names(built.dataloader.dataset)
        return built

    def build_val_loop(self, loop):
        """As MMEngine's; the first sample has to fit the network, and have a label when checkpoints are chosen by it."""
        built = super().build_val_loop(loop)
        if built is not loop:
            _check_sample(built.dataloader.dataset, self._bare_model, labelled=self._training)
        return built

    def build_test_loop(self, loop):
        """As MMEngine's; the first sample has to fit the network."""
        built = super().build_test_loop(loop)
        if built is not loop:
            _check_sample(built.dataloader.dataset, self._bare_model)
        return built

    def build_optim_wrapper(self, optim_wrapper):
        """As MMEngine's; ``AmpOptimWrapper`` becomes ``Bf16OptimWrapper`` where there is no GPU.

        Raises:
            ValueError: when it asks for another type than bfloat16 there.
        """
        kind = str(optim_wrapper.get('type')) if isinstance(optim_wrapper, dict) else ''
        if kind.rpartition('.')[2] == 'AmpOptimWrapper' and get_device() == 'cpu':
            dtype = str(optim_wrapper.get('dtype') or 'bfloat16')
            if not dtype.endswith('bfloat16'):
                raise ValueError(f'mixed precision on the CPU is bfloat16; optim_wrapper.dtype {dtype} needs a GPU')
            self.logger.info('no GPU: mixed precision is bfloat16 on the CPU')
            rest = {key: value for key, value in optim_wrapper.items() if key not in ('loss_scale', 'dtype', 'use_fsdp')}
            optim_wrapper = dict(rest, type='mmchangenet.Bf16OptimWrapper')
        return super().build_optim_wrapper(optim_wrapper)

    @property
    def _bare_model(self):
        return self.model.module if is_model_wrapper(self.model) else self.model

    def _settle_class_names(self, dataset):
        head = getattr(self._bare_model, 'head', None)
        names = (getattr(dataset, 'metainfo', None) or {}).get('classes')
        if not wants_class_names(head) or names is None:
            return
        if head.class_names is None:
            if len(names) != head.num_classes:
                raise ValueError(f'model.head.num_classes is {head.num_classes}, but the training data has {len(names)} classes: '
                                 f'{", ".join(names)}. Set num_classes, or model.head.class_names.')
            head.set_class_names(names)
            self.logger.info(f'classes, from the training data: {", ".join(names)}')
        elif unknown := [name for name in names if name not in head.class_names]:
            raise ValueError(f'the training data has labels that are none of the head\'s classes: {", ".join(unknown)}. '
                             f'The classes are {", ".join(head.class_names)}.')

    # -- loading -----------------------------------------------------------------------------------------------------

    def train(self):
        """As MMEngine's. A checkpoint to resume from is read first, for its seed and class list.

        Raises:
            ValueError: with everything wrong with the data of training and validation, when it is wrong in both.
        """
        self._training = True
        if self._resume and not self._has_loaded:
            self._read_ahead()
        self._build_loops()
        return super().train()

    def _build_loops(self):
        names = [name for name in ('train', 'val') if getattr(self, f'_{name}_loop') is not None]
        loops = build_all(partial(getattr(self, f'build_{name}_loop'), getattr(self, f'_{name}_loop')) for name in names)
        for name, loop in zip(names, loops, strict=True):
            setattr(self, f'_{name}_loop', loop)

    def _read_ahead(self):
        path = self._newest_checkpoint() if self._resume == 'auto' or self._load_from is None else self._load_from
        if path is None:
            self.logger.info(f'no checkpoint to resume from in {self.work_dir}: training starts at the beginning')
            self._resume = False
            return
        checkpoint = read_checkpoint(path)
        self._ahead = path, checkpoint
        meta = meta_of(checkpoint)
        seed = meta.get('seed')
        if isinstance(seed, int) and seed != self.seed:
            if self._randomness_cfg.get('seed') is not None:
                self.logger.warning(f'going on with the seed {seed} of {path}, not {self.seed} of the config')
            self._randomness_cfg.update(seed=seed)
            self.set_randomness(**self._randomness_cfg)
        adopt_class_names(self._bare_model, meta, path)

    def _newest_checkpoint(self):
        """The newest whole checkpoint of the work dir, the same on every process; or None."""
        newest = [None]
        hook = next((hook for hook in self.hooks if isinstance(hook, SafeCheckpointHook)), None)
        if hook is not None and is_main_process():
            newest = [hook.newest(self)]
        broadcast_object_list(newest)
        return newest[0]

    def load_or_resume(self):
        """Resume, or load the checkpoint of ``load_from``, unless that is done."""
        if not self._has_loaded and self._resume and self._training:
            self.resume(self._ahead[0])
        elif not self._has_loaded and self._load_from is not None:
            self.load_checkpoint(self._load_from, strict=not self._training)
        if self.margin is not None and not self._training:
            self._bare_model.head.margin = float(self.margin)
            self.logger.info(f'margin {self.margin}, as asked for')

    def load_checkpoint(self, filename, map_location='cpu', strict=True, revise_keys=()):
        """Load weights, and for tests and validations the class list and threshold stored with them.

        Args:
            filename (str): local checkpoint.
            map_location (str | torch.device): where its tensors go while reading.
            strict (bool): whether every weight has to fit; otherwise what fits is loaded and the rest listed.
            revise_keys (Sequence[tuple[str, str]]): regular expressions to replace in weights' names.

        Returns:
            dict: the checkpoint.

        Raises:
            FileNotFoundError: when there is no such file.
            CheckpointError: when it is not a whole checkpoint, or does not fit.
        """
        path, checkpoint = self._ahead
        self._ahead = None, None
        if checkpoint is None or path != filename:
            checkpoint = read_checkpoint(filename, map_location)
        weights = state_dict_of(checkpoint)
        for pattern, replacement in revise_keys:
            metadata = getattr(weights, '_metadata', {})
            weights = type(weights)((re.sub(pattern, replacement, name), value) for name, value in weights.items())
            weights._metadata = metadata
        meta = meta_of(checkpoint)
        checkpoint = dict(checkpoint if 'state_dict' in checkpoint else {}, meta=meta, state_dict=weights)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        model = self._bare_model
        if strict:
            load_weights(model, checkpoint['state_dict'], str(filename), meta, self.cfg)
            adopt_class_names(model, meta, str(filename))
            if not self._training:
                adopt_threshold(model, meta, str(filename))
            self.logger.info(f'weights loaded from {filename}')
        else:
            load_fitting_weights(model, checkpoint['state_dict'], str(filename))
            self._compare_class_names(meta, filename)
        self._has_loaded = True
        return checkpoint

    def _compare_class_names(self, meta, filename):
        head, names = getattr(self._bare_model, 'head', None), class_names_of(meta)
        if wants_class_names(head) and names and head.class_names and names != tuple(head.class_names):
            self.logger.warning(f'{filename} was trained with the classes {", ".join(names)}; here they are '
                                f'{", ".join(head.class_names)}: its last layer starts from other classes\' weights')

    def resume(self, filename, resume_optimizer=True, resume_param_scheduler=True, map_location='cpu'):
        """Go on with a training: weights, epoch, history, optimizer and schedules.

        Args:
            filename (str): local checkpoint, ours or MMEngine's.
            resume_optimizer (bool): whether to take the optimizer's state.
            resume_param_scheduler (bool): whether to take the schedules' state.
            map_location (str | torch.device): where its tensors go while reading.

        Raises:
            FileNotFoundError: when there is no such file.
            CheckpointError: when it is not a whole checkpoint, does not fit or holds weights only.
        """
        checkpoint = self.load_checkpoint(filename, map_location)
        lacking = [part for part in RESUMED_PARTS if not checkpoint.get(part)]
        if lacking:
            raise CheckpointError(f'{filename} cannot be resumed: it has no {" and no ".join(lacking)}. It holds weights to '
                                  f'start from: use --cfg-options load_from={filename} without --resume.')
        meta = checkpoint['meta']
        loop = self.train_loop
        loop._epoch, loop._iter = meta['epoch'], meta['iter']
        restore_hub(self.message_hub, checkpoint['message_hub'])
        if resume_optimizer:
            self._resume_optimizer(checkpoint['optimizer'], filename)
        if resume_param_scheduler:
            self._resume_param_schedulers(checkpoint.get('param_schedulers'), filename)
        tell_changed_processes(meta, self.world_size, self.train_dataloader.batch_size, filename)
        if isinstance(loop, EpochBasedTrainLoop) and loop.iter != loop.epoch * len(loop.dataloader):
            self.logger.warning(f'{filename} is of iteration {loop.iter}, but {loop.epoch} epochs of this config end at '
                                f'{loop.epoch * len(loop.dataloader)}: epoch {loop.epoch + 1} begins anew, and the figures '
                                'will not be those of an unbroken run')
        self.validation_pending = meta.get('validated') is False and self.val_loop is not None and _validation_is_due(loop)
        self.logger.info(f'resumed from {filename}: epoch {self.epoch}, iteration {self.iter}')

    def _resume_optimizer(self, state, filename):
        self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        try:
            self.optim_wrapper.load_state_dict(state)
        except (ValueError, KeyError) as error:
            raise CheckpointError(f'{filename}: its optimizer state does not fit the config\'s optim_wrapper: {error}') from error

    def _resume_param_schedulers(self, states, filename):
        if self.param_schedulers is None or states is None:
            if self.param_schedulers is not None or states is not None:
                where = 'the config' if self.param_schedulers is None else filename
                self.logger.warning(f'no schedules are resumed: {where} has none')
            return
        self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
        groups = [(self.param_schedulers, states)]
        if isinstance(self.param_schedulers, dict):
            groups = [(schedulers, states.get(name, ())) for name, schedulers in self.param_schedulers.items()]
        for schedulers, saved in groups:
            if len(schedulers) != len(saved):
                raise CheckpointError(f'{filename} has {len(saved)} param_schedulers, the config {len(schedulers)}')
            for scheduler, state in zip(schedulers, saved, strict=True):
                scheduler.load_state_dict(state)

    # -- saving ------------------------------------------------------------------------------------------------------

    @cached_property
    def _config_text(self):
        return self.cfg.pretty_text  # formatting it takes longer than writing a small checkpoint

    @master_only
    def save_checkpoint(self, out_dir, filename, file_client_args=None, save_optimizer=True, save_param_scheduler=True, meta=None,
                        by_epoch=True, backend_args=None):
        """Save a checkpoint, whole or not at all, that loads with ``weights_only=True``.

        Args:
            out_dir (str): local folder.
            filename (str): name in it.
            file_client_args (dict, optional): has to be None.
            save_optimizer (bool): whether to save the optimizer's state.
            save_param_scheduler (bool): whether to save the schedules' state.
            meta (dict, optional): more to store in ``meta``.
            by_epoch (bool): whether this is at the end of an epoch and not of an iteration, when ``meta`` does not tell.
            backend_args (dict, optional): has to be None.

        Raises:
            ValueError: for a file backend: checkpoints are local files.
        """
        if file_client_args or backend_args:
            raise ValueError('ChangeRunner writes checkpoints to local folders: file_client_args and backend_args must be None')
        model, dataset = self._bare_model, self.train_dataloader.dataset
        meta = dict(dict(epoch=self.epoch + by_epoch, iter=self.iter + (not by_epoch)), **(meta or {}))
        meta.update(
            cfg=self._config_text, seed=self.seed, world_size=self.world_size, experiment_name=self.experiment_name,
            time=time.strftime('%Y%m%d_%H%M%S', time.localtime()), mmengine_version=mmengine.__version__,
            mmchangenet_version=__version__, dataset_meta=dict(getattr(dataset, 'metainfo', None) or {}))
        if names := getattr(getattr(model, 'head', None), 'class_names', None):
            meta['dataset_meta']['classes'] = list(names)
        checkpoint = dict(meta=meta, state_dict=model.state_dict(), message_hub=hub_state(self.message_hub))
        if save_optimizer:
            checkpoint['optimizer'] = self.optim_wrapper.state_dict()
        if save_param_scheduler and self.param_schedulers is not None:
            checkpoint['param_schedulers'] = (
                {name: [one.state_dict() for one in some] for name, some in self.param_schedulers.items()}
                if isinstance(self.param_schedulers, dict) else [one.state_dict() for one in self.param_schedulers])
        self.call_hook('before_save_checkpoint', checkpoint=checkpoint)
        write_checkpoint(checkpoint, f'{out_dir}/{filename}')


def _check_batches(dataloader, world_size, model):
    """A loader that gives no batch, or one that BatchNorm cannot take, is an error before training."""
    rows, batch = len(dataloader.sampler), dataloader.batch_size
    if len(dataloader) == 0:
        share = f', {rows} for each of {world_size} processes,' if world_size > 1 else ''
        raise ValueError(f'the training data has {len(dataloader.dataset)} rows{share} and a batch takes {batch}: with '
                         'drop_last not one step. Lower train_dataloader.batch_size, or add rows.')
    rest = rows % batch if batch and not isinstance(dataloader.sampler, InfiniteSampler) else None
    if (batch == 1 or rest == 1 and not dataloader.drop_last) and any(
            isinstance(module, torch.nn.BatchNorm1d) and module.training for module in model.modules()):
        raise ValueError(f'{rows} rows in batches of {batch} leave a batch of one, which BatchNorm cannot train on. '
                         'Set train_dataloader.drop_last=True or another batch_size.')


def _check_sample(dataset, model, labelled=False):
    """Whether the pipeline makes what the network is built for; an error in a transform shows here, too."""
    size = getattr(model, 'input_size', None)
    if size is None:
        return
    try:
        sample = dataset[0]
        made, data_sample = tuple(sample['inputs']['compare'].shape[-2:]), sample['data_samples']
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f'the pipeline does not make a sample for the network ({type(error).__name__}: {error}). It takes at '
                         'least LoadLightings, PairedResize, LayOutLightings and PackChangeInputs, in this order.') from error
    if labelled and 'gt_fail' not in data_sample:
        raise ValueError(f'{getattr(dataset, "ann_file", "the validation data")} has no column label, without which no figure '
                         'tells the best checkpoint: add it, or set val_dataloader, val_cfg and val_evaluator to None')
    if made != tuple(size):
        raise ValueError(f'the pipeline makes images of {made[0]}×{made[1]} (height×width, all lightings laid out), but the '
                         f'network is built for {size[0]}×{size[1]}. Set model.input_size=({made[0]}, {made[1]}), or change '
                         'the size, the layout or the input_map of the data.')


def _validation_is_due(loop):
    """Whether MMEngine's train loop validates where it stands, between two epochs or iterations."""
    for kind, name in ((EpochBasedTrainLoop, 'epoch'), (IterBasedTrainLoop, 'iter')):
        if isinstance(loop, kind):
            loop._decide_current_val_interval()
            done, last = getattr(loop, name), getattr(loop, f'max_{name}s')
            return done >= loop.val_begin and (done % loop.val_interval == 0 or done == last)
    return False
