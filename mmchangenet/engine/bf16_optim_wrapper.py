"""Mixed precision on the CPU."""

from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper

from mmchangenet.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class Bf16OptimWrapper(OptimWrapper):
    """What ``AmpOptimWrapper`` is on a GPU: the forward pass in bfloat16 where that is safe. Losses need no scaling.

    ``ChangeRunner`` uses it for ``AmpOptimWrapper`` when there is no GPU. Arguments are those of ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model):
        """Autocast around the forward pass."""
        with super().optim_context(model), torch.autocast('cpu', dtype=torch.bfloat16):
            yield
