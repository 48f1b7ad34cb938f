"""What an evaluation leaves of every row: its score, what it is, what it was called."""

from dataclasses import dataclass, field

import numpy as np

UNLABELLED = -1


@dataclass
class ScoredRows:
    """n rows in columns, in the dataset's order.

    Attributes:
        position (np.ndarray): (n,) int64, the row's place in the whole dataset, counted from 0.
        sample_idx (np.ndarray): (n,) int64, as the samples tell it: ``position``, or the place within a ConcatDataset's part.
        score (np.ndarray): (n,) float32, NaN where there is none.
        gt_fail (np.ndarray): (n,) int8, 1 FAIL, 0 PASS, -1 without a label.
        pred_fail (np.ndarray): (n,) bool, score > margin; not to be used where there is no score.
        loss, loss_weight (np.ndarray): (n,) float64, NaN where there is none.
        label, pred_label (np.ndarray): (n,) int32, numbers into ``names``; -1 where there is none.
        unknown_label (np.ndarray): (n,) bool, the label is a name that the model was not trained on.
        names (list[str]): labels that occur.
        errors (dict[int, str]): position → why the row has no score.
        margin (float | None): the head's margin, where the samples tell it.
    """

    position: np.ndarray
    sample_idx: np.ndarray
    score: np.ndarray
    gt_fail: np.ndarray
    pred_fail: np.ndarray
    loss: np.ndarray
    loss_weight: np.ndarray
    label: np.ndarray
    pred_label: np.ndarray
    unknown_label: np.ndarray
    names: list = field(default_factory=list)
    errors: dict = field(default_factory=dict)
    margin: float | None = None

    def __len__(self):
        return len(self.position)

    @property
    def scored(self):
        """(n,) bool, rows with a score."""
        return np.isfinite(self.score)

    @property
    def counted(self):
        """(n,) bool, rows with a score and a label: those that the figures are about."""
        return self.scored & (self.gt_fail != UNLABELLED)

    def label_names(self):
        """(n,) array of str, each row's label; empty where there is none."""
        return np.array([*self.names, ''], dtype=object)[self.label]
