"""What every head does with scores, labels and samples."""

from __future__ import annotations

import inspect
import math
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmchangenet.registry import MODELS
from mmchangenet.structures import ChangeDataSample
from mmchangenet.verdict import FAIL, PASS, is_fail


class BaseChangeHead(BaseModule, metaclass=ABCMeta):
    """Turns the neck's comparison into a loss and a score, and holds the threshold that makes a verdict of
    the score.

    ``SiameseClassifier`` builds a head with ``in_shape``, the shape of what the neck's ``compare`` returns,
    without the batch. A subclass says what ``forward``, ``scores`` and ``targets`` are; the rest follows.

    The loss is any module called as ``loss(output, targets)`` that returns a scalar: those of mmpretrain and
    of torch fit. Validation shows the mean over its rows. A loss with ``per_row(output, targets)``, which
    returns the losses and the weights of rows, both (N,), or with mmpretrain's ``reduction_override``, is
    asked for each row; of any other the mean of the batch counts.

    Args:
        margin: the operating point on the scores: a pair whose score is greater is called FAIL. Not to be
            confused with the margin of a contrastive loss, the distance that training pushes defects to.
        loss: the loss's config.
        init_cfg: MMEngine's.

    Attributes:
        num_classes: classes, PASS included.
        class_names: PASS first; with two classes every other name is a FAIL. None while more than two classes
            wait for the training CSV's names.

    Example:
        >>> import torch
        >>> from mmchangenet.models import BaseChangeHead
        >>> from mmchangenet.registry import MODELS
        >>> from mmchangenet.structures import ChangeDataSample
        >>> @MODELS.register_module(force=True)
        ... class SimilarityHead(BaseChangeHead):
        ...     '''A distance per pair; the score says how far from alike, 0 to 1.'''
        ...     def __init__(self, in_shape, margin=0.5, loss=None, init_cfg=None):
        ...         super().__init__(margin, loss or dict(type='ContrastiveLoss'), init_cfg)
        ...         self.check_loss(())
        ...
        ...     def forward(self, comparison):
        ...         return comparison
        ...
        ...     def scores(self, output):
        ...         return 1 - (-output).exp()
        ...
        ...     def targets(self, data_samples):
        ...         return [sample.get('gt_fail', -1) for sample in data_samples]
        >>> head = MODELS.build(dict(type='SimilarityHead', in_shape=()))
        >>> near, far = head.predict(torch.tensor([0.1, 3.0]), [ChangeDataSample(), ChangeDataSample()])
        >>> near.pred_fail, far.pred_fail
        (0, 1)
    """

    num_classes: int = 2
    class_names: tuple[str, ...] | None = (PASS, FAIL)

    def __init__(self, margin: float, loss: dict[str, Any], init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.margin = margin
        self.loss_module = MODELS.build(loss)

    @abstractmethod
    def forward(self, comparison: Tensor) -> Tensor:
        """The neck's comparison (N, *in_shape) → raw network output: distances (N,) or logits (N,
        num_classes).
        """

    @abstractmethod
    def scores(self, output: Tensor) -> Tensor:
        """Raw output → scores (N,), higher = more likely a defect."""

    @abstractmethod
    def targets(self, data_samples: Sequence[ChangeDataSample]) -> list[int]:
        """Class numbers of N samples; −1 where there is no label or the head does not know its name."""

    def check_loss(self, output_shape: Sequence[int]) -> None:
        """Try the loss on raw outputs of two pairs, each of ``output_shape``; a head calls it when it is
        built.

        Raises:
            ValueError: when the loss does not take them, or returns anything but a scalar.
        """
        name = type(self.loss_module).__name__
        output, targets = torch.zeros(2, *output_shape), torch.tensor([0, 1])
        try:
            value = self.loss_module(output, targets)
        except Exception as error:  # a user's loss may raise anything
            raise ValueError(
                f'the loss {name} does not fit {type(self).__name__}: called with the output '
                f'{tuple(output.shape)} and the class '
                f'numbers (2,) it raises {type(error).__name__}: {error}. Choose another model.head.loss'
            ) from error
        if not isinstance(value, Tensor) or value.dim():
            what = f'shape {tuple(value.shape)}' if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(
                f'the loss {name} of {type(self).__name__} has to return a scalar tensor, but returns '
                f'{what}. Set its '
                "reduction to 'mean', or choose another model.head.loss")

    def closest(self, comparison: Tensor, num_golden: int) -> Tensor:
        """The raw output of each part for the golden that it is closest to, the one with the lowest score.

        Args:
            comparison: what the neck's ``compare`` returned for N · ``num_golden`` pairs, a part's pairs one
                after the other.
            num_golden: goldens per part.

        Returns:
            distances (N,) or logits (N, num_classes).
        """
        output: Tensor = self(comparison)
        if num_golden == 1:
            return output
        best = self.scores(output).unflatten(0, (-1, num_golden)).argmin(dim=1, keepdim=True)
        output = output.unflatten(0, (-1, num_golden))
        best = best.reshape(-1, 1, *[1] * (output.dim() - 2)).expand(-1, -1, *output.shape[2:])
        return output.gather(1, best).squeeze(1)

    def loss(self, comparison: Tensor, data_samples: Sequence[ChangeDataSample],
             num_golden: int = 1) -> dict[str, Tensor]:
        """The training loss.

        Args:
            comparison: what the neck's ``compare`` returned for N · ``num_golden`` pairs.
            data_samples: N samples.
            num_golden: goldens per part; the closest counts.

        Returns:
            ``loss``, a scalar.

        Raises:
            ValueError: when a sample has no label or one that is none of the classes.
        """
        targets = self.targets(data_samples)
        unknown = [sample for sample, target in zip(data_samples, targets, strict=True) if target < 0]
        if unknown:
            raise ValueError(
                f'training needs a label out of {", ".join(self.class_names or ())} in every row; found ' +
                ', '.join(sorted({repr(sample.get("label", "no label")) for sample in unknown})))
        output = self.closest(comparison, num_golden)
        return dict(loss=self.loss_module(output, torch.tensor(targets, device=output.device)))

    def predict(self, comparison: Tensor, data_samples: Sequence[ChangeDataSample],
                num_golden: int = 1) -> Sequence[ChangeDataSample]:
        """Sets score, pred_fail, margin and, where there is a label, loss and loss_weight on each sample.

        Args:
            comparison: what the neck's ``compare`` returned for N · ``num_golden`` pairs.
            data_samples: N samples.
            num_golden: goldens per part; the closest counts.

        Returns:
            the same samples.
        """
        return self.predict_from(self.closest(comparison, num_golden).float(), data_samples)

    def predict_from(self, output: Tensor,
                     data_samples: Sequence[ChangeDataSample]) -> Sequence[ChangeDataSample]:
        """``predict`` from the raw output, which may come from a converted network.

        Args:
            output: distances (N,) or logits (N, num_classes), float32.
            data_samples: N samples.

        Returns:
            the same samples.
        """
        self.set_scores(self.scores(output), data_samples)
        self._set_losses(output, data_samples)
        self.name_classes(output, data_samples)
        return data_samples

    def _set_losses(self, output: Tensor, data_samples: Sequence[ChangeDataSample]) -> None:
        targets = self.targets(data_samples)
        labelled = [
            number for number, target in enumerate(targets)
            if target >= 0 and 'error' not in data_samples[number]
        ]
        if not labelled:
            return
        losses, weights = self._row_losses(
            output[labelled], torch.tensor([targets[number] for number in labelled], device=output.device))
        for number, loss, weight in zip(labelled, losses.tolist(), weights.tolist(), strict=True):
            data_samples[number].loss, data_samples[number].loss_weight = loss, weight

    def _row_losses(self, output: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Losses and weights of rows, both (N,); the mean of all in each row where the loss gives nothing
        else.
        """
        per_row = getattr(self.loss_module, 'per_row', None)
        if per_row is not None:
            return per_row(output, targets)
        losses = None
        if 'reduction_override' in inspect.signature(self.loss_module.forward).parameters:
            losses = self.loss_module(output, targets, reduction_override='none')
        if losses is None or losses.shape != targets.shape:
            losses = self.loss_module(output, targets).expand(len(targets))
        return losses, torch.ones_like(losses)

    def set_scores(self, scores: Tensor,
                   data_samples: Sequence[ChangeDataSample]) -> Sequence[ChangeDataSample]:
        """Sets score, pred_fail and margin on each of N samples from scores (N,), and returns the samples."""
        margin = float(np.float32(self.margin))  # as the scores
        values = scores.detach().float().cpu().numpy()
        for sample, score, fail in zip(data_samples, values.tolist(),
                                       is_fail(values, margin).tolist(), strict=True):
            sample.score, sample.pred_fail = (math.nan, 1) if 'error' in sample else (score, int(fail))
            sample.margin = margin
        return data_samples

    def name_classes(self, output: Tensor, data_samples: Sequence[ChangeDataSample]) -> None:
        """Adds to the samples, which have their verdicts, what there is to say beyond; nothing for two
        classes.
        """
