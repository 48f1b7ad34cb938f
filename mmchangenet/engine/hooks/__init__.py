"""What happens around iterations, epochs and validations."""

from .batch_norm_sync_hook import BatchNormSyncHook
from .broken_image_hook import BrokenImageHook
from .early_stopping_hook import EarlyStoppingHook
from .pending_validation_hook import PendingValidationHook
from .reseed_hook import ReseedHook
from .safe_checkpoint_hook import SafeCheckpointHook

__all__ = [
    'BatchNormSyncHook', 'BrokenImageHook', 'EarlyStoppingHook', 'PendingValidationHook', 'ReseedHook', 'SafeCheckpointHook'
]
