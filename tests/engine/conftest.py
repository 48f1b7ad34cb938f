"""A toy training for tests of the runner and its hooks."""

import sys
from pathlib import Path

import pytest
import torch

from mmchangenet.engine import ChangeRunner

sys.path.insert(0, str(Path(__file__).parent))
from toy_change_parts import toy_config


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
