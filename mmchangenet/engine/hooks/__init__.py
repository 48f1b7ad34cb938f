"""What happens around iterations, epochs and validations."""

from .batch_norm_sync_hook import BatchNormSyncHook
from .broken_image_hook import BrokenImageHook
from .data_check_hook import DataCheckHook
from .early_stopping_hook import EarlyStoppingHook
from .finite_loss_hook import FiniteLossHook, NonFiniteError
from .interrupt_hook import InterruptHook
from .pending_validation_hook import PendingValidationHook
from .reseed_hook import ReseedHook
from .safe_checkpoint_hook import SafeCheckpointHook

# ChangeRunner adds these where a config has none
RELIED_ON = (ReseedHook, DataCheckHook, FiniteLossHook, BrokenImageHook, InterruptHook, PendingValidationHook)

__all__ = [
    'RELIED_ON',
    'BatchNormSyncHook',
    'BrokenImageHook',
    'DataCheckHook',
    'EarlyStoppingHook',
    'FiniteLossHook',
    'InterruptHook',
    'NonFiniteError',
    'PendingValidationHook',
    'ReseedHook',
    'SafeCheckpointHook',
]
