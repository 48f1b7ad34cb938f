"""What every head does with scores, labels and samples."""

import math
from abc import ABCMeta, abstractmethod

import numpy as np
import torch
from mmengine.model import BaseModule

from mmchangenet.registry import MODELS
from mmchangenet.verdict import FAIL, PASS, is_fail


class BaseChangeHead(BaseModule, metaclass=ABCMeta):
    """Turns the neck's comparison into a loss and a score, and holds the margin that makes FAIL of a score.

    Args:
        margin (float): a pair is called FAIL when its score is greater.
        loss (dict): the loss's config.
        init_cfg (dict, optional): MMEngine's.

    Attributes:
        class_names (tuple[str] | None): PASS first; with two classes every other name is a FAIL. None while more than
            two classes wait for the training CSV's names.
    """

    num_classes = 2
    class_names = (PASS, FAIL)

    def __init__(self, margin, loss, init_cfg=None):
        super().__init__(init_cfg=init_cfg)
        self.margin = margin
        self.loss_module = MODELS.build(loss)

    @abstractmethod
    def forward(self, comparison):
        """The neck's comparison → raw network output: distances (N,) or logits (N, num_classes)."""

    @abstractmethod
    def scores(self, output):
        """Raw output → scores (N,), higher = more likely a defect."""

    @abstractmethod
    def targets(self, data_samples):
        """Class numbers (N,) int64 of the samples; −1 where there is no label or the head does not know its name."""

    def closest(self, comparison, num_golden):
        """The raw output of each part for the golden that it is closest to, the one with the lowest score.

        Args:
            comparison (torch.Tensor): what the neck's ``compare`` returned for N · ``num_golden`` pairs, a part's pairs
                one after the other.
            num_golden (int): goldens a part.

        Returns:
            torch.Tensor: distances (N,) or logits (N, num_classes).
        """
        output = self(comparison)
        if num_golden == 1:
            return output
        best = self.scores(output).unflatten(0, (-1, num_golden)).argmin(dim=1, keepdim=True)
        output = output.unflatten(0, (-1, num_golden))
        best = best.reshape(-1, 1, *[1] * (output.dim() - 2)).expand(-1, -1, *output.shape[2:])
        return output.gather(1, best).squeeze(1)

    def loss(self, comparison, data_samples, num_golden=1):
        """
        Returns:
            dict[str, torch.Tensor]: ``loss``, a scalar.

        Raises:
            ValueError: when a sample has no label or one that is none of the classes.
        """
        targets = self.targets(data_samples)
        unknown = [sample for sample, target in zip(data_samples, targets, strict=True) if target < 0]
        if unknown:
            raise ValueError(f'training needs a label out of {", ".join(self.class_names or ())} in every row; found ' +
                             ', '.join(sorted({repr(sample.get("label", "no label")) for sample in unknown})))
        output = self.closest(comparison, num_golden)
        return dict(loss=self.loss_module(output, torch.tensor(targets, device=output.device)))

    def predict(self, comparison, data_samples, num_golden=1):
        """Sets score, pred_fail, margin and, where there is a label, loss and loss_weight on each sample.

        Args:
            comparison (torch.Tensor): what the neck's ``compare`` returned for N · ``num_golden`` pairs.
            data_samples (list[ChangeDataSample]): N samples.
            num_golden (int): goldens a part; the closest counts.

        Returns:
            list[ChangeDataSample]: the same samples.
        """
        return self.predict_from(self.closest(comparison, num_golden).float(), data_samples)

    def predict_from(self, output, data_samples):
        """``predict`` from the raw output, which may come from a converted network.

        Args:
            output (torch.Tensor): distances (N,) or logits (N, num_classes), float32.
            data_samples (list[ChangeDataSample]): N samples.

        Returns:
            list[ChangeDataSample]: the same samples.
        """
        targets = self.targets(data_samples)
        losses, weights = self.loss_module.per_row(output, torch.tensor(targets, device=output.device).clamp(min=0))
        self.set_scores(self.scores(output), data_samples)
        for sample, target, loss, weight in zip(data_samples, targets, losses.tolist(), weights.tolist(), strict=True):
            if target >= 0 and 'error' not in sample:
                sample.loss, sample.loss_weight = loss, weight
        self.name_classes(output, data_samples)
        return data_samples

    def set_scores(self, scores, data_samples):
        """Sets score, pred_fail and margin on each of N samples from scores (N,), and returns the samples."""
        margin, values = float(np.float32(self.margin)), scores.detach().float().cpu().numpy()  # scores are float32
        for sample, score, fail in zip(data_samples, values.tolist(), is_fail(values, margin).tolist(), strict=True):
            sample.score, sample.pred_fail = (math.nan, 1) if 'error' in sample else (score, int(fail))
            sample.margin = margin
        return data_samples

    def name_classes(self, output, data_samples):
        """Adds to the samples what there is to say beyond PASS and FAIL; nothing for two classes."""
