"""Running: the runner, its hooks, bfloat16 on the CPU."""

from .bf16_optim_wrapper import Bf16OptimWrapper
from .hooks import (
    BatchNormSyncHook,
    BrokenImageHook,
    EarlyStoppingHook,
    PendingValidationHook,
    ReseedHook,
    SafeCheckpointHook,
)
from .pretrained_init import PretrainedInit
from .runner import ChangeRunner

__all__ = [
    'BatchNormSyncHook', 'Bf16OptimWrapper', 'BrokenImageHook', 'ChangeRunner', 'EarlyStoppingHook', 'PendingValidationHook',
    'PretrainedInit', 'ReseedHook', 'SafeCheckpointHook'
]
