"""Head of the Euclidean architecture: the distance is the score."""

from mmchangenet.registry import MODELS

from .base_change_head import BaseChangeHead


@MODELS.register_module()
class ContrastiveHead(BaseChangeHead):
    """Contrastive loss on distances.

    Args:
        margin (float): a pair farther apart than this is called FAIL. (The margin of the loss is the loss's.)
        loss (dict): the loss's config; its ``margin`` is the distance that defects are pushed to.
        num_classes (int): two; a distance cannot tell more.
        in_shape (Sequence[int]): filled in by ``SiameseClassifier``; the neck must give one distance a pair.
        init_cfg (dict, optional): MMEngine's.

    Raises:
        ValueError: for more than two classes, or a neck that gives more than a distance.
    """

    def __init__(self, in_shape, margin=1.0, loss=None, num_classes=2, init_cfg=None):
        if num_classes != 2:
            raise ValueError(f'ContrastiveHead tells PASS from FAIL by a distance, so num_classes {num_classes} cannot '
                             'work. Use LearnableDifference with ChangeClsHead for more than two classes.')
        if tuple(in_shape):
            raise ValueError(f'ContrastiveHead takes one distance a pair, but the neck gives {tuple(in_shape)} values. '
                             'Use it with EuclideanDifference.')
        super().__init__(margin, loss or dict(type='mmchangenet.ContrastiveLoss'), init_cfg)

    def forward(self, comparison):
        """Distances (N,) → the same."""
        return comparison

    def scores(self, output):
        """Distances (N,) → the same."""
        return output

    def targets(self, data_samples):
        """1 for FAIL, 0 for PASS, −1 without a label."""
        return [sample.get('gt_fail', -1) for sample in data_samples]
