"""What runs of specs do around epochs and batches beyond the other configs."""

from .batch_picture_hook import BatchPictureHook
from .best_checkpoints_hook import BestCheckpointsHook
from .cudnn_hook import CudnnHook
from .eval_margin_hook import EvalMarginHook
from .figure_file_hook import FigureFileHook
from .numbered_checkpoint_hook import NumberedCheckpointHook
from .status_hook import StatusHook
from .tensorboard_hook import TensorBoardHook

__all__ = [
    'BatchPictureHook', 'BestCheckpointsHook', 'CudnnHook', 'EvalMarginHook', 'FigureFileHook',
    'NumberedCheckpointHook', 'StatusHook', 'TensorBoardHook'
]
