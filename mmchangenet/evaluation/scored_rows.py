"""What an evaluation leaves of every row: its score, what it is, what it was called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

UNLABELLED = -1


@dataclass
class ScoredRows:
    """n rows in columns, in the dataset's order.

    Attributes:
        position (np.ndarray): (n,) int64, the row's place in the whole dataset, counted from 0.
        sample_idx (np.ndarray): (n,) int64, as the samples tell it: ``position``, or the place within a
        ConcatDataset's part. score (np.ndarray): (n,) float32, NaN where there is none. gt_fail (np.ndarray):
        (n,) int8, 1 FAIL, 0 PASS, -1 without a label. pred_fail (np.ndarray): (n,) bool, what the head called
        it; a row without a score is a FAIL. loss, loss_weight (np.ndarray): (n,) float64, NaN where there is
        none. label, pred_label (np.ndarray): (n,) int32, numbers into ``names``; -1 where there is none.
        unknown_label (np.ndarray): (n,) bool, the label is a name that the model was not trained on. names
        (list[str]): labels that occur. errors (dict[int, str]): position → why the row has no score. margin
        (float | None): the head's margin, where the samples tell it. class_names (list[str]): the network's,
        PASS first, where it tells more than two apart; else empty. probabilities (np.ndarray | None): (n,
        classes) float32, where it tells more than two apart.
    """

    position: np.ndarray[Any, Any]
    sample_idx: np.ndarray[Any, Any]
    score: np.ndarray[Any, Any]
    gt_fail: np.ndarray[Any, Any]
    pred_fail: np.ndarray[Any, Any]
    loss: np.ndarray[Any, Any]
    loss_weight: np.ndarray[Any, Any]
    label: np.ndarray[Any, Any]
    pred_label: np.ndarray[Any, Any]
    unknown_label: np.ndarray[Any, Any]
    names: list[str] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)
    margin: float | None = None
    class_names: list[str] = field(default_factory=list)
    probabilities: np.ndarray[Any, Any] | None = None

    def __len__(self) -> int:
        return len(self.position)

    @property
    def scored(self) -> Any:
        """(n,) bool, rows with a score."""
        return np.isfinite(self.score)

    @property
    def counted(self) -> Any:
        """(n,) bool, rows with a score and a label: those that the figures are about."""
        return self.scored & (self.gt_fail != UNLABELLED)

    def label_names(self) -> Any:
        """(n,) array of str, each row's label; empty where there is none."""
        return np.array([*self.names, ''], dtype=object)[self.label]

    def confusion(self) -> tuple[np.ndarray[Any, Any], list[str], list[str]]:
        """What the counted rows are and what they were called, where there are more than two classes.

        Returns:
            (names, classes) counts; the names: the classes, then labels that are
            none of them; the classes.
        """
        counted = self.counted & (self.label >= 0) & (self.pred_label >= 0)
        others = sorted({self.names[number] for number in self.label[counted]} - set(self.class_names))
        names = [*self.class_names, *others]
        places = np.array([names.index(name) if name in names else -1 for name in self.names])
        matrix = np.zeros((len(names), len(self.class_names)), np.int64)
        np.add.at(matrix, (places[self.label[counted]], places[self.pred_label[counted]]), 1)
        return matrix, names, list(self.class_names)
