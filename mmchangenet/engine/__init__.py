"""Running: the runner, its hooks, loops and log, bfloat16 on the CPU."""

from .bf16_optim_wrapper import Bf16OptimWrapper
from .epoch_loop import EpochLoop
from .figure_log_processor import FigureLogProcessor
from .hooks import (
    BatchNormSyncHook,
    BrokenImageHook,
    DataCheckHook,
    EarlyStoppingHook,
    FiniteLossHook,
    InterruptHook,
    NonFiniteError,
    PendingValidationHook,
    ReseedHook,
    SafeCheckpointHook,
)
from .interruption import TrainingInterrupted
from .pretrained_init import PretrainedInit
from .runner import ChangeRunner
from .work_dir_lock import WorkDirInUse

__all__ = [
    'BatchNormSyncHook',
    'Bf16OptimWrapper',
    'BrokenImageHook',
    'ChangeRunner',
    'DataCheckHook',
    'EarlyStoppingHook',
    'EpochLoop',
    'FigureLogProcessor',
    'FiniteLossHook',
    'InterruptHook',
    'NonFiniteError',
    'PendingValidationHook',
    'PretrainedInit',
    'ReseedHook',
    'SafeCheckpointHook',
    'TrainingInterrupted',
    'WorkDirInUse',
]
