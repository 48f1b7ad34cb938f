"""Starting from pretrained weights without running code from their file."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseModule
from torch import nn

from mmchangenet.checkpoint import backbone_weights_in, load_fitting_weights, read_checkpoint, state_dict_of
from mmchangenet.registry import WEIGHT_INITIALIZERS


@WEIGHT_INITIALIZERS.register_module(name='Pretrained')
class PretrainedInit:
    """MMEngine's ``init_cfg=dict(type='Pretrained', checkpoint=FILE)`` with ``read_checkpoint`` and foreign
    layouts.

    For a backbone the file may be a backbone's or a whole network's: ours, the reference's, MMLab's
    (``backbone.``), ``.safetensors``, tensors under ``state_dict``, ``model`` or ``state_dict_ema``. What
    fits is loaded; what was not used and what is missing is logged.

    Args:
        checkpoint: local file; nothing is downloaded.
        prefix: take only the weights whose names begin so, without it.
        map_location: where tensors go while reading.

    Raises:
        FileNotFoundError: when there is no such file.
        CheckpointError: when it is not a whole checkpoint, or nothing in it fits.
    """

    def __init__(self, checkpoint: str, prefix: str | None = None, map_location: str = 'cpu') -> None:
        self.checkpoint, self.prefix, self.map_location = checkpoint, prefix, map_location

    def __call__(self, module: nn.Module) -> None:
        """Load into ``module``."""
        checkpoint = read_checkpoint(self.checkpoint, self.map_location)
        if self.prefix is not None:
            start = self.prefix.rstrip('.') + '.'
            weights: dict[str, Any] = {
                name.removeprefix(start): value
                for name, value in state_dict_of(checkpoint).items()
                if name.startswith(start)
            }
        else:
            whole = isinstance(module, BaseModule) and hasattr(module, 'backbone')
            weights = state_dict_of(checkpoint) if whole else backbone_weights_in(checkpoint)
        load_fitting_weights(module, weights, str(self.checkpoint))
