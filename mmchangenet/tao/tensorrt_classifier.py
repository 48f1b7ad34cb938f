"""A TensorRT engine in the place of the network."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmpretrain.models.classifiers import BaseClassifier

from mmchangenet.export.tensorrt import TensorRTEngine
from mmchangenet.registry import MODELS

INPUTS, OUTPUT = ('input_1', 'input_2'), 'output'


@MODELS.register_module()
class TensorRTClassifier(BaseClassifier):
    """Scores pairs with an engine built from an exported ONNX file; the head turns its output into scores.

    Args:
        engine: the engine file: inputs ``input_1`` (compare) and ``input_2`` (golden), ``output`` distances
            or logits.
        head: of the network that was exported, for margin, scores and losses.
        input_size: (H, W) of the laid-out image.
        data_preprocessor: of the network that was exported.

    Raises:
        ImportError: naming what is missing of TensorRT and a GPU.
        FileNotFoundError: when there is no such engine.
    """

    def __init__(self, engine: str, head: dict[str, Any], input_size: Sequence[int],
                 data_preprocessor: dict[str, Any] | None = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor or dict(type='mmchangenet.PairDataPreprocessor'))
        missing = [name for name in ('tensorrt', ) if importlib.util.find_spec(name) is None]
        missing += [] if torch.cuda.is_available() else ['a CUDA GPU']
        if missing:
            raise ImportError(f'trt_engine {engine} cannot be run here, missing: {", ".join(missing)}. '
                              'Install TensorRT (pip '
                              'install tensorrt) on a machine with an NVIDIA GPU, or evaluate the '
                              'checkpoint.')
        with open(engine, 'rb'):
            pass
        self.input_size = tuple(input_size)
        self.engine = TensorRTEngine(engine, [OUTPUT])
        # the head's layers are in the engine
        self.head = MODELS.build(dict(head, in_shape=() if head['type'] == 'ContrastiveHead' else (1, )))

    def forward(self, inputs: Mapping[str, torch.Tensor], data_samples: list[Any] | None = None,
                mode: str = 'tensor') -> Any:
        """As ``SiameseClassifier``'s, for the modes ``tensor`` and ``predict``."""
        sides = (inputs[side] for side in ('compare', 'golden'))
        output = self.engine(dict(zip(INPUTS, sides, strict=True)))[OUTPUT].float()
        return output if mode == 'tensor' else self.head.predict_from(output, data_samples)

    def extract_feat(self, inputs: Any) -> None:
        """An engine has no features to give.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError('a TensorRT engine gives scores only')
