"""Training and testing as the commands do it, callable from Python.

``prepare_train`` and ``prepare_test`` build the runner that a command line asks for; ``run_tool`` carries it out with
mistakes in config, data or checkpoint shown as messages instead of stack traces.
"""

import copy
import gc
import importlib
import os
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_distributed, is_main_process
from mmengine.registry import RUNNERS

from mmchangenet.engine import BrokenImageHook, ChangeRunner
from mmchangenet.imaging import ImageError

DEBUG = 'MMCHANGENET_DEBUG'
MISTAKES = (ValueError, TypeError, LookupError, OSError, ImportError, AssertionError, ImageError)
UNSCORED_EXIT, MISTAKE_EXIT, ALONE_EXIT = 1, 2, 3
# of gloo, which has no class of error
LOST_PEER = ('gloo/transport', 'Connection closed by peer', 'Connection reset by peer')


def prepare_train(config, work_dir=None, resume=None, amp=False, auto_scale_lr=False, cfg_options=None, launcher='none'):
    """The runner of a training; call its ``train()``.

    Args:
        config (str | Path | Config): config file, or its content.
        work_dir (str | Path, optional): for checkpoints and logs; the config's, or ``work_dirs/<config name>``.
        resume (str | Path, optional): a checkpoint to go on from, or 'auto' for the newest of ``work_dir``.
        amp (bool): mixed precision; bfloat16 on the CPU.
        auto_scale_lr (bool): scale the learning rate with the batch size, from the config's ``base_batch_size``.
        cfg_options (dict, optional): replaces values of the config, by dotted names.
        launcher (str): 'none', 'pytorch', 'slurm' or 'mpi'.

    Returns:
        Runner: the config's, or ``ChangeRunner``.

    Raises:
        ValueError: when an option does not go with the config. Building raises more, see ``MISTAKES``.
    """
    cfg, demo = _read_config(config, work_dir, cfg_options, launcher)
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


def prepare_test(config, checkpoint, work_dir=None, out=None, show_dir=None, margin=None, amp=False, cfg_options=None,
                 launcher='none'):
    """The runner of a test; call its ``test()``, then ``unscored_rows``.

    Args:
        config (str | Path | Config): config file, or its content.
        checkpoint (str | Path | None): weights; all of them have to fit. None: a network that brings its own, such as an
            engine.
        work_dir (str | Path, optional): for logs; the config's, or ``work_dirs/<config name>``.
        out (str | Path, optional): CSV to write: the data's own rows in order with ``siamese_score``.
        show_dir (str | Path, optional): folder for pictures of escapes and false alarms, histogram and curve.
        margin (float, optional): call FAIL above this score, whatever checkpoint and config say.
        amp (bool): mixed precision; bfloat16 on the CPU.
        cfg_options (dict, optional): replaces values of the config, by dotted names.
        launcher (str): 'none', 'pytorch', 'slurm' or 'mpi'.

    Returns:
        Runner: the config's, or ``ChangeRunner``.

    Raises:
        ValueError: when an option does not go with the config. Building raises more, see ``MISTAKES``.
    """
    cfg, demo = _read_config(config, work_dir, cfg_options, launcher)
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
            raise ValueError(f'--margin needs ChangeRunner, but runner_type of {config} is {type(runner).__name__}')
        runner.margin = margin
    return runner


def unscored_rows(runner):
    """Rows of a finished test that got no score.

    Returns:
        dict[int, str]: row of the data, counted from 0 → why.
    """
    hooks = [hook for hook in runner.hooks if isinstance(hook, BrokenImageHook)]
    return hooks[0].unscored('test') if hooks else {}


def run_test(runner):
    """Run a test to its end.

    Returns:
        int: exit code; 1 when rows got no score, which is said on stderr.
    """
    runner.test()
    unscored = unscored_rows(runner)
    if unscored:
        print(f'error: {len(unscored)} rows have no score, see above', file=sys.stderr)
    return UNSCORED_EXIT if unscored else 0


def run_tool(prepare, work):
    """Carry out a command.

    Args:
        prepare (Callable[[], Runner]): gives the runner.
        work (Callable[[Runner], int | None]): does it and gives the exit code.

    Returns:
        int: exit code; 2 when config, data or checkpoint are to be mended, 3 when another process of the run has
        ended, with the message on stderr. Set MMCHANGENET_DEBUG=1 to see the stack.
    """
    runner = None
    try:
        runner = prepare()
        code = work(runner) or 0
        barrier()  # the first process may still be writing: none leaves before it is done
        return code
    except Exception as error:
        if is_distributed() and _lost_a_peer(error):
            return _tell_that_alone(error)
        if not _is_mistake(error, running=getattr(runner, 'ready', runner is not None)):
            raise
        return fail_or_raise(error)
    finally:
        del runner
        _leave_processes()


def fail_or_raise(error):
    """Tell a user's mistake in one message on stderr, or raise it again when MMCHANGENET_DEBUG is set. In an except block.

    Returns:
        int: the exit code.
    """
    if os.environ.get(DEBUG):
        raise error
    print(f'error: {_message(error)}', file=sys.stderr, flush=True)
    return MISTAKE_EXIT


def _read_config(config, work_dir, cfg_options, launcher):
    """The config with what both commands change, and the place of the demo data that it ships with, if any."""
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
    cfg.work_dir = str(work_dir or cfg.get('work_dir') or Path('work_dirs', Path(cfg.filename or 'config').stem))
    return cfg, demo


def _use_amp(cfg):
    if not cfg.get('optim_wrapper'):
        raise ValueError('--amp needs an optim_wrapper in the config')
    kind = str(cfg.optim_wrapper.get('type', 'OptimWrapper')).rpartition('.')[2]
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'Bf16OptimWrapper'):
        raise ValueError(f'--amp replaces OptimWrapper, but the config\'s optim_wrapper is {kind}')
    if kind == 'OptimWrapper':
        cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')


def _build(cfg, demo, loaders):
    """The runner; the demo data is made when one of these loaders reads it where the config ships it."""
    for part in ('datasets', 'evaluation', 'models', 'visualization'):  # their components register themselves
        importlib.import_module(f'mmchangenet.{part}')
    runner = RUNNERS.build(cfg)
    on_demo = [loader for loader in loaders if demo is not None and demo in _data_roots(cfg.get(loader))]
    if on_demo:
        if others := [loader for loader in loaders if cfg.get(loader) and loader not in on_demo]:
            runner.logger.warning(f'{", ".join(on_demo)} is on the demo data {demo}, but {", ".join(others)} is not: '
                                  'set data_root of both')
        if is_main_process():
            from mmchangenet.boards.demo import ensure_demo
            ensure_demo(demo)
        barrier()
    return runner


def _data_roots(value):
    """Every ``data_root`` in nested configs."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    found = {value['data_root']} if isinstance(value, dict) and isinstance(value.get('data_root'), str) else set()
    return found.union(*map(_data_roots, children))


def _is_mistake(error, running):
    """Whether the user can mend it: what fails while things are built, and our own errors later."""
    ours = type(error).__module__.startswith('mmchangenet.') and isinstance(error, MISTAKES)
    return ours or not running and isinstance(error, (*MISTAKES, RuntimeError))  # timm's and torch's, of names and shapes


def _lost_a_peer(error):
    """Whether what another process of the run did not answer any more ended this one."""
    lost = isinstance(error, torch.distributed.DistError) or any(text in str(error) for text in LOST_PEER)
    return isinstance(error, RuntimeError) and lost


def _tell_that_alone(error):
    """Tell once per node that another process has ended, and leave without waiting for it."""
    if os.environ.get(DEBUG):
        raise error
    if os.environ.get('LOCAL_RANK', '0') == '0':
        print('error: another process of this run has ended or cannot be reached; what it said last tells why. '
              'A training goes on from its newest checkpoint with --resume.', file=sys.stderr, flush=True)
    os._exit(ALONE_EXIT)  # the process group's threads would wait for the one that is gone


def _message(error):
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if text.startswith('Caught '):  # in a process of the data loader: its stack comes first
        text = text.rpartition(f'{type(error).__name__}: ')[2]
    return text.strip() or type(error).__name__


def _leave_processes():
    if is_distributed():
        gc.collect()  # models that still hold the process group: its threads must not outlive the interpreter
        torch.distributed.destroy_process_group()
