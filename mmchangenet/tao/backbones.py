"""Backbone types of specs, by the toolkit's names: which of our backbones they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VIT_ARCH = 'nv_large'


@dataclass(frozen=True)
class BackboneType:
    """One ``model.backbone.type``.

    Attributes:
        plain, adapter: our backbone's name with the Euclidean and with the learnable difference.
        arch: its ``arch``.
        depth: what of it there is to freeze, in stages or blocks.
        multiple, multiple_learnable: what sides of the laid-out image are multiples of, by difference.
        square: whether the laid-out image has to be a square.
    """

    plain: str
    adapter: str
    arch: str
    depth: int
    multiple: int = 16
    multiple_learnable: int = 32
    square: bool = False

    def name_of(self, learnable: bool) -> str:
        """Our backbone's registered name."""
        return self.adapter if learnable else self.plain

    def multiple_of(self, learnable: bool) -> int:
        """What sides are multiples of."""
        return self.multiple_learnable if learnable else self.multiple

    @property
    def has_summary_option(self) -> bool:
        """Whether summary tokens may be left out of its levels."""
        return self.plain in ('CRADIO', 'DINOv3')

    @property
    def is_radio(self) -> bool:
        """Whether it is a C-RADIO, which is trained on images normalised with CLIP's numbers."""
        return self.plain == 'CRADIO'


BACKBONES: Mapping[str, BackboneType] = {
    **{f'fan_{arch}_{blocks}_p4_hybrid': BackboneType('FAN', 'FAN', arch, depth=4, multiple_learnable=16)
       for arch, blocks in (('tiny', 8), ('small', 12), ('base', 16), ('large', 16))},
    'vit_large_nvdinov2': BackboneType('DINOv2', 'ViTAdapter', VIT_ARCH, 24, multiple=14, square=True),
    **{f'c_radio_v2_vit_{arch}_patch16_224': BackboneType('CRADIO', 'CRADIOAdapter', arch, depth)
       for arch, depth in (('base', 12), ('large', 24), ('huge', 32))},
    **{f'vit_{arch}_dinov3': BackboneType('DINOv3', 'DINOv3Adapter', arch, depth)
       for arch, depth in (('small', 12), ('small_plus', 12), ('base', 12), ('large', 24), ('huge_plus', 32),
                           ('7b', 40))},
}
# of 7.x, and not here
REFUSED_BACKBONES: Mapping[str, str] = {
    f'c_radio_p{number}_vit_huge_patch16_224_mlpnorm':
        'timm, whose transformers are used, has none such; take c_radio_v2_vit_huge_patch16_224'
    for number in (1, 2, 3)}


def type_of(structure: Mapping[str, Any]) -> str | None:
    """The toolkit's name of a backbone.

    Args:
        structure: of ``infer_structure``.

    Returns:
        None where it has another size than all of its kind.
    """
    kind, arch = structure['backbone'], structure['arch']
    fitting = [name for name, of_type in BACKBONES.items() if kind in (of_type.plain, of_type.adapter)]
    if len(fitting) == 1:
        return fitting[0]
    return next((name for name in fitting if BACKBONES[name].arch == arch), None)
