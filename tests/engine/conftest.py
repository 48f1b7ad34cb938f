"""A toy training for tests of the runner and its hooks."""

import sys
import uuid
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

sys.path.insert(0, str(Path(__file__).parent))
import toy_change_parts  # noqa: E402,F401  registers itself

from mmchangenet.engine import ChangeRunner  # noqa: E402


def toy_config(work_dir, **changes):
    """A config of three epochs of four steps. ``changes``: whole entries, or single values under a dotted name."""
    loader = dict(num_workers=0, batch_size=4)
    cfg = dict(
        default_scope='mmchangenet', runner_type='mmchangenet.ChangeRunner', work_dir=str(work_dir),
        experiment_name=f'toy_{uuid.uuid4().hex[:8]}', model=dict(type='ToyChangeNet'),
        train_dataloader=dict(
            **loader, drop_last=True, dataset=dict(type='ToyPairs'), sampler=dict(type='DefaultSampler', shuffle=True)),
        val_dataloader=dict(
            **loader, dataset=dict(type='ToyPairs', rows=10, test_mode=True), sampler=dict(type='DefaultSampler', shuffle=False)),
        test_dataloader=dict(
            **loader, dataset=dict(type='ToyPairs', rows=10, test_mode=True), sampler=dict(type='DefaultSampler', shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=3, val_interval=1), val_cfg=dict(), test_cfg=dict(),
        val_evaluator=dict(type='ToyFigures'), test_evaluator=dict(type='ToyFigures'),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.02)),
        param_scheduler=dict(type='LinearLR', start_factor=1.0, end_factor=0.2, begin=0, end=3, by_epoch=True),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='SafeCheckpointHook', interval=1, max_keep_ckpts=2, save_best='spread', rule='greater')),
        randomness=dict(seed=3), log_level='WARNING', env_cfg=dict(dist_cfg=dict(backend='nccl')))
    cfg.update((name, value) for name, value in changes.items() if '.' not in name)
    cfg = Config(cfg)
    cfg.merge_from_dict({name: value for name, value in changes.items() if '.' in name})
    return cfg


@pytest.fixture(autouse=True, scope='session')
def one_thread():
    """Small tensors: more threads cost more than they bring."""
    torch.set_num_threads(1)


@pytest.fixture
def toy_runner(tmp_path):
    """Builds a runner of the toy training: ``toy_runner('folder', **changes of the config)``."""

    def build(name='run', **changes):
        return ChangeRunner.from_cfg(toy_config(tmp_path / name, **changes))

    return build
