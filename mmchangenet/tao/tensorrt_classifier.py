"""A TensorRT engine in the place of the network."""

import importlib.util

import torch
from mmpretrain.models.classifiers import BaseClassifier

from mmchangenet.export.tensorrt import TensorRTEngine
from mmchangenet.registry import MODELS

INPUTS, OUTPUT = ('input_1', 'input_2'), 'output'


@MODELS.register_module()
class TensorRTClassifier(BaseClassifier):
    """Scores pairs with an engine built from an exported ONNX file; the head turns its output into scores.

    Args:
        engine (str): the engine file: inputs ``input_1`` (compare) and ``input_2`` (golden), ``output`` distances or logits.
        head (dict): of the network that was exported, for margin, scores and losses.
        input_size (Sequence[int]): (H, W) of the laid-out image.
        data_preprocessor (dict, optional): of the network that was exported.

    Raises:
        ImportError: naming what is missing of TensorRT and a GPU.
        FileNotFoundError: when there is no such engine.
    """

    def __init__(self, engine, head, input_size, data_preprocessor=None):
        super().__init__(data_preprocessor=data_preprocessor or dict(type='mmchangenet.PairDataPreprocessor'))
        missing = [name for name in ('tensorrt', ) if importlib.util.find_spec(name) is None]
        missing += [] if torch.cuda.is_available() else ['a CUDA GPU']
        if missing:
            raise ImportError(f'trt_engine {engine} cannot be run here, missing: {", ".join(missing)}. Install TensorRT (pip '
                              'install tensorrt) on a machine with an NVIDIA GPU, or evaluate the checkpoint.')
        with open(engine, 'rb'):
            pass
        self.input_size = tuple(input_size)
        self.engine = TensorRTEngine(engine, [OUTPUT])
        # the head's layers are in the engine
        self.head = MODELS.build(dict(head, in_shape=() if head['type'] == 'ContrastiveHead' else (1, )))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        """As ``SiameseClassifier``'s, for the modes ``tensor`` and ``predict``."""
        sides = (inputs[side] for side in ('compare', 'golden'))
        output = self.engine(dict(zip(INPUTS, sides, strict=True)))[OUTPUT].float()
        return output if mode == 'tensor' else self.head.predict_from(output, data_samples)

    def extract_feat(self, inputs):
        """An engine has no features to give.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError('a TensorRT engine gives scores only')
