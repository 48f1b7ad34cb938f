"""Architecture 1: each side becomes an embedding, the difference is their Euclidean distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmchangenet.registry import MODELS

from .base_difference import BaseDifference

ADDED = 1e-6  # to each component's difference


@MODELS.register_module()
class EuclideanDifference(BaseDifference):
    """Distance of two embeddings of the last level.

    Args:
        in_shapes: shape of each backbone level without the batch, e.g. ``(384, 32, 8)``;
            only the last counts. ``SiameseClassifier`` fills it in.
        embedding_vectors: length of the embedding.
        hidden_dim: width of the two layers before it.
        init_cfg: MMEngine's.
    """

    out_shape: tuple[int, ...] = ()

    def __init__(self, in_shapes: Sequence[Sequence[int]], embedding_vectors: int = 5, hidden_dim: int = 512,
                 init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.embed = nn.Sequential(
            nn.Linear(math.prod(in_shapes[-1]), hidden_dim), nn.ReLU(), nn.BatchNorm1d(hidden_dim),
            nn.Linear(hidden_dim, hidden_dim), nn.ReLU(), nn.BatchNorm1d(hidden_dim),
            nn.Linear(hidden_dim, embedding_vectors))

    def encode(self, features: Sequence[Tensor]) -> Tensor:
        """Levels of one side, the last (N, C, H, W) or (N, C) → embeddings (N, embedding_vectors)."""
        return self.embed(features[-1].flatten(1))

    def compare(self, compare: Tensor, golden: Tensor) -> Tensor:
        """Two embeddings → their distances (N,); ``ADDED`` is added to each component's difference."""
        # as F.pairwise_distance, which torch.onnx exports without what is added
        return torch.linalg.vector_norm(compare - golden + ADDED, dim=-1)
