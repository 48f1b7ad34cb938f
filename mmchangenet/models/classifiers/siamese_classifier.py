"""Golden against compare: one backbone for both sides, a difference neck, a head."""

import torch
from mmpretrain.models.classifiers import BaseClassifier

from mmchangenet.registry import MODELS
from mmchangenet.structures import ChangeDataSample


@MODELS.register_module()
class SiameseClassifier(BaseClassifier):
    """The Visual ChangeNet classification network, with any backbone.

    The neck's and the head's sizes follow from the backbone and ``input_size``: one blank image is passed through when
    the network is built.

    Args:
        backbone (dict): turns (N, 3, H, W) into a tuple of feature maps, finest first.
        neck (dict): a difference neck with ``encode(features)`` for one side and ``compare(code, code)``.
        head (dict): turns what ``compare`` returns into a loss and a score.
        input_size (Sequence[int]): (H, W) of the laid-out image, all lightings of a side.
        data_preprocessor (dict, optional): defaults to ``PairDataPreprocessor`` with ImageNet's mean and std.
        init_cfg (dict, optional): MMEngine's.

    Raises:
        ValueError: when the backbone cannot take ``input_size``, or its levels do not fit the neck.
    """

    def __init__(self, backbone, neck, head, input_size, data_preprocessor=None, init_cfg=None):
        super().__init__(
            init_cfg=init_cfg, data_preprocessor=data_preprocessor or dict(type='mmchangenet.PairDataPreprocessor'))
        self.input_size = tuple(input_size)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(dict(neck, in_shapes=self._feature_shapes()))
        self.head = MODELS.build(dict(head, in_shape=self.neck.out_shape))

    @torch.no_grad()
    def _feature_shapes(self):
        """The shape of each backbone level without the batch, for an image of ``input_size``."""
        training = self.backbone.training
        self.backbone.eval()
        features = self.backbone(torch.zeros(1, 3, *self.input_size))
        self.backbone.train(training)
        return [tuple(level.shape[1:]) for level in features]

    def encode(self, images):
        """One side's images, normalised, (N, 3, H, W) → its code, as the neck's ``encode`` makes it.

        Raises:
            ValueError: when the images are not of ``input_size``.
        """
        if tuple(images.shape[-2:]) != self.input_size:
            raise ValueError(f'the network is built for images of {self.input_size} (height, width, all lightings laid out), '
                             f'but got {tuple(images.shape[-2:])}. Set model.input_size, or the pipeline\'s size and layout.')
        return self.neck.encode(self.backbone(images))

    def compare(self, compare, golden):
        """Two codes of N images → the head's raw output: distances (N,) or logits (N, num_classes)."""
        return self.head(self.neck.compare(compare, golden))

    def extract_feat(self, inputs):
        """``dict(compare=(N, 3, H, W), golden=(N, 3, H, W))`` → what the neck's ``compare`` returns.

        Both sides pass the backbone as one batch.
        """
        code = self.encode(torch.cat([inputs['compare'], inputs['golden']]))
        return self.neck.compare(*split_sides(code))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        """
        Args:
            inputs (dict): ``compare`` and ``golden``, each (N, 3, H, W), normalised.
            data_samples (list[ChangeDataSample], optional): N samples; needed for ``loss``.
            mode (str): ``tensor``, ``loss`` or ``predict``.

        Returns:
            distances (N,) or logits (N, num_classes); a dict of losses; or the samples with their scores.
        """
        comparison = self.extract_feat(inputs)
        if mode == 'tensor':
            return self.head(comparison)
        if mode == 'loss':
            return self.head.loss(comparison, data_samples)
        if mode == 'predict':
            return self.head.predict(comparison, data_samples or [ChangeDataSample() for _ in inputs['compare']])
        raise ValueError(f"mode {mode!r} of SiameseClassifier: use 'tensor', 'loss' or 'predict'")


def split_sides(code):
    """The halves of a code, or of each member of a tuple of codes, along the batch."""
    if isinstance(code, torch.Tensor):
        return code.chunk(2)
    return tuple(zip(*(split_sides(part) for part in code), strict=True))
