"""Training and testing as the commands do it, callable from Python.

``prepare_train`` and ``prepare_test`` build the runner that a command line asks for; ``run_tool`` carries it
out with mistakes in config, data or checkpoint shown as messages instead of stack traces.
"""

from __future__ import annotations

import copy
import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_distributed, is_main_process
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmchangenet.engine import BrokenImageHook, ChangeRunner, TrainingInterrupted
from mmchangenet.exit_codes import ALONE, DONE, MISTAKE, UNSCORED
from mmchangenet.imaging import ImageError

DEBUG = 'MMCHANGENET_DEBUG'
MISTAKES = (ValueError, TypeError, LookupError, OSError, ImportError, AssertionError, ImageError)
# of gloo, which has no class of error
LOST_PEER = ('gloo/transport', 'Connection closed by peer', 'Connection reset by peer')


def prepare_train(config: str | Path | Config,
                  work_dir: str | Path | None = None,
                  resume: str | Path | None = None,
                  amp: bool = False,
                  auto_scale_lr: bool = False,
                  cfg_options: dict[str, Any] | None = None,
                  launcher: str = 'none') -> Runner:
    """The runner of a training; call its ``train()``.

    Args:
        config: config file, or its content.
        work_dir: for checkpoints and logs; the config's, or ``work_dirs/<config name>``.
        resume: a checkpoint to go on from, or 'auto' for the newest of ``work_dir``.
        amp: mixed precision; bfloat16 on the CPU.
        auto_scale_lr: scale the learning rate with the batch size, from the config's ``base_batch_size``.
        cfg_options: replaces values of the config, by dotted names.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.

    Returns:
        the config's, or ``ChangeRunner``.

    Raises:
        ValueError: when an option does not go with the config. Building raises more, see ``MISTAKES``.
    """
    cfg, demo = read_config(config, work_dir, cfg_options, launcher)
    if amp:
        _use_amp(cfg)
    if resume is not None:
        cfg.resume = 'auto' if str(resume) == 'auto' else True
        cfg.load_from = cfg.get('load_from') if cfg.resume == 'auto' else str(resume)
    if auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise ValueError(f'--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in {config}: '
                             'the batch size that its learning rate is for')
        cfg.auto_scale_lr.enable = True
    return _build(cfg, demo, ('train_dataloader', 'val_dataloader'))


def prepare_test(config: str | Path | Config,
                 checkpoint: str | Path | None,
                 work_dir: str | Path | None = None,
                 out: str | Path | None = None,
                 show_dir: str | Path | None = None,
                 margin: float | None = None,
                 amp: bool = False,
                 cfg_options: dict[str, Any] | None = None,
                 launcher: str = 'none') -> Runner:
    """The runner of a test; call its ``test()``, then ``unscored_rows``.

    Args:
        config: config file, or its content.
        checkpoint: weights; all of them have to fit. None: a network that brings its own, such as an
            engine.
        work_dir: for logs; the config's, or ``work_dirs/<config name>``.
        out: CSV to write: the data's own rows in order with ``siamese_score``.
        show_dir: folder for pictures of escapes and false alarms, histogram and curve.
        margin: call FAIL above this score, whatever checkpoint and config say.
        amp: mixed precision; bfloat16 on the CPU.
        cfg_options: replaces values of the config, by dotted names.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.

    Returns:
        the config's, or ``ChangeRunner``.

    Raises:
        ValueError: when an option does not go with the config. Building raises more, see ``MISTAKES``.
    """
    cfg, demo = read_config(config, work_dir, cfg_options, launcher)
    for key in ('test_dataloader', 'test_evaluator'):
        if not cfg.get(key):
            raise ValueError(f'{config} has no {key}, so there is nothing to test on')
    cfg.test_cfg = cfg.get('test_cfg') or {}
    cfg.load_from, cfg.resume = None if checkpoint is None else str(checkpoint), False
    hooks = list(cfg.get('custom_hooks') or [])
    if out is not None:
        hooks.append(dict(type='mmchangenet.ScoreFileHook', out_file=str(out)))
    if show_dir is not None:
        hooks.append(dict(type='mmchangenet.GalleryHook', out_dir=str(show_dir)))
    cfg.custom_hooks = hooks
    if amp:
        cfg.test_cfg.fp16 = True  # MMEngine's name for autocast
    runner = _build(cfg, demo, ('test_dataloader', ))
    if margin is not None:
        if not isinstance(runner, ChangeRunner):
            raise ValueError(f'--margin needs ChangeRunner, but runner_type of {config} is '
                             f'{type(runner).__name__}')
        runner.margin = margin
    return runner


def unscored_rows(runner: Runner) -> dict[int, str]:
    """Rows of a finished test that got no score.

    Returns:
        row of the data, counted from 0 → why.
    """
    hooks = [hook for hook in runner.hooks if isinstance(hook, BrokenImageHook)]
    return hooks[0].unscored('test') if hooks else {}


def run_test(runner: Runner) -> int:
    """Run a test to its end.

    Returns:
        exit code; 1 when rows got no score, which is said on stderr.
    """
    runner.test()
    unscored = unscored_rows(runner)
    if unscored:
        print(f'error: {len(unscored)} rows have no score, see above', file=sys.stderr)
    return UNSCORED if unscored else DONE


def run_tool(prepare: Callable[[], Runner], work: Callable[[Runner], int | None]) -> int:
    """Carry out a command.

    Args:
        prepare: gives the runner.
        work: does it and gives the exit code.

    Returns:
        exit code; 2 when config, data or checkpoint are to be mended, 3 when another process of the run has
        ended, with the message on stderr. 130 or 143 after a training that Ctrl-C or SIGTERM ended. Set
        MMCHANGENET_DEBUG=1 to see the stack.
    """
    runner = None
    try:
        runner = prepare()
        code = work(runner) or 0
        barrier()  # the first process may still be writing: none leaves before it is done
        return code
    except TrainingInterrupted as error:
        print(error, file=sys.stderr, flush=True)
        return error.exit_code
    except Exception as error:
        if is_distributed() and _lost_a_peer(error):
            return _tell_that_alone(error)
        if not _is_mistake(error, running=getattr(runner, 'ready', runner is not None)):
            raise
        return fail_or_raise(error)
    finally:
        del runner
        _leave_processes()


def fail_or_raise(error: Exception) -> int:
    """Tell a user's mistake in one message on stderr, or raise it again when MMCHANGENET_DEBUG is set. In an
    except block.

    Returns:
        the exit code.
    """
    if os.environ.get(DEBUG):
        raise error
    print(f'error: {_message(error)}', file=sys.stderr, flush=True)
    return MISTAKE


def read_config(config: str | Path | Config, work_dir: str | Path | None, cfg_options: dict[str, Any] | None,
                launcher: str = 'none') -> tuple[Config, Any]:
    """The config with what both commands change, and the place of the demo data that it ships with, if
    any.
    """
    if not isinstance(config, Config) and not Path(config).is_file():
        raise FileNotFoundError(f'there is no config {config}')
    try:
        cfg = copy.deepcopy(config) if isinstance(config, Config) else Config.fromfile(config)
        demo = cfg.get('demo_data')
        cfg.merge_from_dict(cfg_options or {})
    except Exception as error:  # it is a program, and may fail in any way
        raise ValueError(f'{config} cannot be used: {type(error).__name__}: {error}') from error
    cfg.setdefault('default_scope', 'mmchangenet')
    cfg.setdefault('runner_type', 'mmchangenet.ChangeRunner')
    cfg.launcher = launcher
    cfg.work_dir = str(work_dir or cfg.get('work_dir') or Path('work_dirs',
                                                               Path(cfg.filename or 'config').stem))
    return cfg, demo


def _use_amp(cfg: Config) -> None:
    if not cfg.get('optim_wrapper'):
        raise ValueError('--amp needs an optim_wrapper in the config')
    kind = str(cfg.optim_wrapper.get('type', 'OptimWrapper')).rpartition('.')[2]
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'Bf16OptimWrapper'):
        raise ValueError(f'--amp replaces OptimWrapper, but the config\'s optim_wrapper is {kind}')
    if kind == 'OptimWrapper':
        cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')


def _build(cfg: Config, demo: Any, loaders: Sequence[str]) -> Runner:
    """The runner; the demo data is made when one of these loaders reads it where the config ships it."""
    runner = RUNNERS.build(cfg)
    on_demo = [loader for loader in loaders if demo is not None and demo in _data_roots(cfg.get(loader))]
    if on_demo:
        if others := [loader for loader in loaders if cfg.get(loader) and loader not in on_demo]:
            runner.logger.warning(f'{", ".join(on_demo)} is on the demo data {demo}, but '
                                  f'{", ".join(others)} is not: '
                                  'set data_root of both')
        if is_main_process():
            from mmchangenet.boards.demo import ensure_demo
            ensure_demo(demo)
        barrier()
    return runner


def _data_roots(value: Any) -> set[str]:
    """Every ``data_root`` in nested configs."""
    children: Any = value.values() if isinstance(value, dict) else value if isinstance(value,
                                                                                       (list, tuple)) else ()
    found: set[str] = {value['data_root']
                       } if isinstance(value, dict) and isinstance(value.get('data_root'), str) else set()
    return found.union(*map(_data_roots, children))


def _is_mistake(error: Exception, running: bool) -> bool:
    """Whether the user can mend it: what fails while things are built, and our own errors later."""
    ours = type(error).__module__.startswith('mmchangenet.') and isinstance(error, MISTAKES)
    return ours or not running and isinstance(
        error, (*MISTAKES, RuntimeError))  # timm's and torch's, of names and shapes


def _lost_a_peer(error: Exception) -> bool:
    """Whether what another process of the run did not answer any more ended this one."""
    lost = isinstance(error, torch.distributed.DistError) or any(text in str(error) for text in LOST_PEER)
    return isinstance(error, RuntimeError) and lost


def _tell_that_alone(error: Exception) -> int:
    """Tell once per node that another process has ended, and leave without waiting for it."""
    if os.environ.get(DEBUG):
        raise error
    if os.environ.get('LOCAL_RANK', '0') == '0':
        print('error: another process of this run has ended or cannot be reached; what it said last tells '
              'why. A training goes on from its newest checkpoint with --resume.',
              file=sys.stderr, flush=True)
    os._exit(ALONE)  # the process group's threads would wait for the one that is gone


def _message(error: Exception) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if text.startswith('Caught '):  # in a process of the data loader: its stack comes first
        text = text.rpartition(f'{type(error).__name__}: ')[2]
    return text.strip() or type(error).__name__


def _leave_processes() -> None:
    if is_distributed():
        gc.collect()  # models that still hold the process group: its threads must not outlive the interpreter
        torch.distributed.destroy_process_group()
