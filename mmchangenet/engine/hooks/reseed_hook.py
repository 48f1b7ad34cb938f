"""Random numbers that depend on where a training is and not on how it got there."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmchangenet.registry import HOOKS

EPOCH, ITERATION = 0, 1


@HOOKS.register_module()
class ReseedHook(Hook):
    """Seeds torch, numpy and Python anew from (seed, iteration, process) before each training step.

    Checkpoints hold no random state. With this, a resumed training draws the same dropout and stochastic
    depth as an unbroken one, and so does whatever follows a validation. Before an epoch it seeds from (seed,
    epoch, process), which the loader's workers get their seeds from. ``ChangeRunner`` adds it by itself.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed what the data loader draws."""
        self._seed(runner.seed, EPOCH, runner.epoch, runner.rank)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Seed what the network draws."""
        self._seed(runner.seed, ITERATION, runner.iter, runner.rank)

    @staticmethod
    def _seed(*place: int) -> None:
        high, low = np.random.SeedSequence(place).generate_state(2).tolist()
        random.seed(high)
        np.random.seed(low)
        torch.manual_seed(high << 32 | low)
