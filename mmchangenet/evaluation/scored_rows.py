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
        pred_fail (np.ndarray): (n,) bool, what the head called it; a row without a score is a FAIL.
        loss, loss_weight (np.ndarray): (n,) float64, NaN where there is none.
        label, pred_label (np.ndarray): (n,) int32, numbers into ``names``; -1 where there is none.
        unknown_label (np.ndarray): (n,) bool, the label is a name that the model was not trained on.
        names (list[str]): labels that occur.
        errors (dict[int, str]): position → why the row has no score.
        margin (float | None): the head's margin, where the samples tell it.
        class_names (list[str]): the network's, PASS first, where it tells more than two apart; else empty.
        probabilities (np.ndarray | None): (n, classes) float32, where it tells more than two apart.
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
    class_names: list = field(default_factory=list)
    probabilities: np.ndarray | None = None

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

    def confusion(self):
        """What the counted rows are and what they were called, where there are more than two classes.

        Returns:
            tuple[np.ndarray, list[str], list[str]]: (names, classes) counts; the names: the classes, then labels that are
            none of them; the classes.
        """
        counted = self.counted & (self.label >= 0) & (self.pred_label >= 0)
        others = sorted({self.names[number] for number in self.label[counted]} - set(self.class_names))
        names = [*self.class_names, *others]
        places = np.array([names.index(name) if name in names else -1 for name in self.names])
        matrix = np.zeros((len(names), len(self.class_names)), np.int64)
        np.add.at(matrix, (places[self.label[counted]], places[self.pred_label[counted]]), 1)
        return matrix, names, list(self.class_names)
