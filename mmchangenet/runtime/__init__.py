"""Scoring an exported network with numpy, OpenCV and ONNX Runtime or OpenVINO alone: nothing of the training
stack.
"""

from mmchangenet.labels.label_rows import LabelRows
from mmchangenet.labels.problems import LabelCsvError

from .change_runtime import ChangeRuntime, PairScore
from .golden_cache import GoldenCache
from .settings import RuntimeFolderError, RuntimeSettings

__all__ = [
    'ChangeRuntime', 'GoldenCache', 'LabelCsvError', 'LabelRows', 'PairScore', 'RuntimeFolderError',
    'RuntimeSettings'
]
