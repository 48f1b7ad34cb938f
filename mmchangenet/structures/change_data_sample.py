"""One row of a label CSV on its way through dataset, network, metric and pictures."""

from mmengine.structures import BaseDataElement


class ChangeDataSample(BaseDataElement):
    """Everything known of one golden-versus-compare pair besides its pixels.

    Meta information, set by the dataset:
        sample_idx (int): position in the dataset.
        input_path, golden_path, label, object_name (str): the row's cells; ``label`` is ``''`` when the
            CSV has none.
        compare_files, golden_files (list[str]): one image file a lighting, in the order of ``input_map``.
        num_golden (int, optional): with several goldens a part, how many; ``golden_files`` are then those of
            the first golden, of the second and so on.
        error (str, optional): why an image could not be read; the row then gets no score.
        replaced (list[tuple[int, str]], optional): in training, the unreadable rows that this sample
            stands in for, each with the reason.
        unknown_label (bool, optional): the label is none of the network's classes.

    Data:
        gt_fail (int): 1 when the label is not PASS, 0 when it is; absent without a label.
        defect_mask (Tensor): uint8 (h, w), 255 where ``SyntheticDefect`` put a defect; of such rows alone.
        score (float): set by the head, higher = more likely a defect; NaN where ``error`` is set.
        pred_fail (int): 1 unless ``score`` is surely a PASS at the head's margin, see ``verdict.is_fail``.
        margin (float): that margin.
        pred_label (str): with more than two classes, the name that goes with the verdict.
        probabilities (list[float]): with more than two classes, of each, PASS first.
        loss, loss_weight (float): this row's loss and its weight in the mean, where there is a label.
    """
