"""Head of the learnable architecture: a small classifier on the fused difference map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from mmchangenet.registry import MODELS
from mmchangenet.structures import ChangeDataSample
from mmchangenet.verdict import FAIL, PASS, class_numbers

from .base_change_head import BaseChangeHead


@MODELS.register_module()
class ChangeClsHead(BaseChangeHead):
    """Two hidden layers, logits and cross-entropy.

    Args:
        in_shape: shape of the neck's map without the batch; ``SiameseClassifier`` fills it in.
        embed_dec: width of the hidden layers.
        num_classes: classes, PASS included.
        class_names: PASS first. With more than two classes and None, the training CSV's
            names are taken and stored with the checkpoint.
        margin: the operating point: a pair whose 1 − P(PASS) is greater is called FAIL.
        loss: the loss's config.
        norm_eps: eps of the batch norms. A hidden unit that was silent in training has no variance, so what
            an unusual defect brings there is multiplied by 1/√eps, by 316 with the reference's 1e-5, and such
            a defect may score 0.
        init_cfg: MMEngine's.

    Raises:
        ValueError: when the number of names or of class weights is not ``num_classes``, PASS is not first,
            the loss does not take logits, or the neck gives distances.
    """

    def __init__(self, in_shape: Sequence[int], embed_dec: int = 30, num_classes: int = 2,
                 class_names: Sequence[str] | None = None, margin: float = 0.5,
                 loss: dict[str, Any] | None = None, norm_eps: float = 1e-5,
                 init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(margin, loss or dict(type='mmchangenet.WeightedCrossEntropy'), init_cfg)
        if num_classes < 2:
            raise ValueError(
                f'num_classes {num_classes} of ChangeClsHead: PASS and at least one more are needed')
        if not tuple(in_shape):
            raise ValueError(
                f'ChangeClsHead takes a map, but the neck gives a distance a pair, which cannot tell '
                f'{num_classes} classes. Use LearnableDifference, or ContrastiveHead for PASS and FAIL.')
        self._check_class_weight(num_classes)
        self.check_loss((num_classes, ))
        self.num_classes = num_classes
        self.class_names = None
        if class_names is not None or num_classes == 2:
            self.set_class_names(class_names or (PASS, FAIL))
        self.layers = nn.Sequential(
            nn.Linear(math.prod(in_shape), embed_dec), nn.ReLU(), nn.BatchNorm1d(embed_dec, norm_eps),
            nn.Linear(embed_dec, embed_dec), nn.ReLU(), nn.BatchNorm1d(embed_dec, norm_eps),
            nn.Linear(embed_dec, num_classes))

    def _check_class_weight(self, num_classes: int) -> None:
        weight = getattr(self.loss_module, 'class_weight', None)
        if weight is None:
            return
        if np.ndim(weight) != 1:
            raise ValueError(f'class_weight {weight!r} of the loss {type(self.loss_module).__name__}: give '
                             f'model.head.loss.class_weight a list of {num_classes}, one weight per class, '
                             f'PASS first')
        if len(weight) != num_classes:
            raise ValueError(
                f'the loss has {len(weight)} class weights {list(weight)}, but the head has {num_classes} '
                'classes. Give model.head.loss.class_weight one weight per class, PASS first.')

    def set_class_names(self, names: Sequence[str]) -> None:
        """Fix the class list, PASS first.

        Raises:
            ValueError: when it does not fit ``num_classes``, has repeats or does not begin with PASS.
        """
        names = tuple(names)
        if len(names) != self.num_classes or names[0] != PASS or len(set(names)) != len(names):
            raise ValueError(
                f'class names {list(names)} do not fit a head of {self.num_classes} classes: it needs '
                f'{self.num_classes} different names, PASS first. Set model.head.num_classes or '
                f'class_names.')
        self.class_names = names

    def forward(self, comparison: Tensor) -> Tensor:
        """The neck's map (N, C, H, W) → logits (N, num_classes)."""
        return self.layers(comparison.flatten(1))

    def scores(self, output: Tensor) -> Tensor:
        """Logits (N, num_classes) → 1 − P(PASS), (N,)."""
        return output.softmax(dim=1)[:, 1:].sum(dim=1)

    def targets(self, data_samples: Sequence[ChangeDataSample]) -> list[int]:
        """Class numbers; with two classes every name but PASS is 1."""
        if self.num_classes == 2:
            return [sample.get('gt_fail', -1) for sample in data_samples]
        numbers = {name: number for number, name in enumerate(self.class_names or ())}
        return [numbers.get(sample.get('label'), -1) for sample in data_samples]

    def name_classes(self, output: Tensor, data_samples: Sequence[ChangeDataSample]) -> None:
        """With more than two classes: ``probabilities`` (PASS first) and ``pred_label``, the name that goes
        with the verdict; the meta field ``unknown_label`` marks a row whose label is none of the classes.
        """
        if self.num_classes == 2:
            return
        names = self.class_names or tuple(f'class {number}' for number in range(self.num_classes))
        numbers = class_numbers(output.detach().cpu().numpy(),
                                [bool(sample.pred_fail) for sample in data_samples])
        for sample, number, shares in zip(data_samples, numbers, output.softmax(dim=1).tolist(), strict=True):
            sample.pred_label = names[number]
            sample.set_metainfo(dict(class_names=list(names)))
            if 'error' not in sample:
                sample.probabilities = shares
            if sample.get('label') and sample.label not in names:
                sample.set_metainfo(dict(unknown_label=True))
