"""Vision transformers of timm as backbones: what C-RADIO and DINOv3 share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from timm import create_model
from torch import Tensor, nn

from .vit_trunk import Trunk, as_map


class TimmTrunk(Trunk):
    """A transformer of timm, under ``vit``; its weights have timm's names.

    Args:
        arch: one of ``variants``, or a dict of arguments of timm's ``create_model`` beside ``model_name``.
        options: more arguments of it, for all.
        num_prefix: tokens before those of the patches.
        frozen_stages: as of ``Trunk``.
        with_cp: as of ``Trunk``.
        init_cfg: MMEngine's; ``dict(type='Pretrained', checkpoint=FILE)`` takes published weights, see
            ``load_pretrained``.

    Attributes:
        variants: names of architectures → arguments of ``create_model``.
        patch_size: side of a patch in pixels.
    """

    variants: ClassVar[dict[str, dict[str, Any]]]
    patch_size = 16
    prefix = 'vit.'

    def __init__(self, arch: str | dict[str, Any], options: dict[str, Any], num_prefix: int,
                 frozen_stages: int, with_cp: bool, init_cfg: dict[str, Any] | None) -> None:
        if isinstance(arch, str) and arch not in self.variants:
            raise ValueError(
                f'{type(self).__name__} has no arch {arch!r}; choose one of {", ".join(self.variants)}')
        settings = dict(self.variants[arch] if isinstance(arch, str) else arch)
        if 'model_name' not in settings:
            raise ValueError(
                f'arch {settings} of {type(self).__name__}: give model_name, a transformer of timm, and '
                f'whatever of its arguments is another')
        vit = create_model(**{**options, **settings}, pretrained=False, num_classes=0)
        super().__init__(vit.embed_dim, vit.blocks[0].attn.num_heads, num_prefix, frozen_stages, with_cp,
                         init_cfg)
        self.vit = vit

    @property
    def blocks(self) -> nn.ModuleList:
        """timm's blocks."""
        return self.vit.blocks

    def _transformer(self) -> nn.Module:
        return self.vit

    def init_weights(self) -> None:
        """timm's weights, drawn anew, then ``init_cfg``.

        Raises:
            CheckpointError: when the file of ``init_cfg`` does not hold this transformer's weights.
        """
        self.vit.init_weights()
        if (self.init_cfg or {}).get('type') != 'Pretrained':
            super().init_weights()
            return
        self.load_pretrained(self.init_cfg['checkpoint'])
        self._is_init = True

    def load_pretrained(self, file: str) -> None:
        """Take the transformer's weights from a file.

        Raises:
            CheckpointError: when they are not this transformer's.
        """
        raise NotImplementedError


class TokenOutputs(TimmTrunk):
    """What such a transformer gives on its own: one vector, or maps of its blocks."""

    def set_outputs(self, out_type: str, out_indices: Sequence[int]) -> None:
        """Check and keep what to give, at the end of building.

        Raises:
            ValueError: for an unknown ``out_type``, or blocks that are not there.
        """
        name = type(self).__name__
        if out_type not in ('cls_token', 'featmap'):
            raise ValueError(f"out_type {out_type!r} of {name}: use 'cls_token' or 'featmap'")
        if not out_indices or any(index not in range(-self.depth, self.depth) for index in out_indices):
            raise ValueError(
                f'out_indices {tuple(out_indices)} of {name}: its blocks are 0 to {self.depth - 1}')
        self.out_type = out_type
        self.out_indices = tuple(index % self.depth for index in out_indices)
        if out_type == 'cls_token' and self.out_indices != (self.depth - 1, ):
            raise ValueError(
                f"out_indices {tuple(out_indices)} of {name}: class tokens are those of the last block; use "
                f"-1, or out_type='featmap'")

    def class_vector(self, tokens: Tensor) -> Tensor:
        """Tokens after the last block → (N, C)."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The vector or the maps of images.

        Args:
            images: (N, 3, H, W), H and W multiples of 16.

        Returns:
            what ``class_vector`` gives, or a map (N, C, H/16, W/16) for each of ``out_indices``.

        Raises:
            ValueError: when H or W is not a multiple of 16.
        """
        self.check_sides(images, self.patch_size)
        tokens, grid_size = self.embed(images)
        levels, done = {}, 0
        for index in sorted(self.out_indices):
            tokens = self.pass_blocks(tokens, range(done, index + 1), grid_size)
            levels[index], done = tokens, index + 1
        if self.out_type == 'cls_token':
            return (self.class_vector(tokens), )
        return tuple(
            as_map(self.vit.norm(levels[index][:, self.num_prefix:]), grid_size)
            for index in self.out_indices)
