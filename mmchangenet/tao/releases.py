"""Releases of the toolkit: which there were, and which a spec is of when nobody says so."""

from __future__ import annotations

import re
from collections.abc import Iterable

RELEASES = ('5.1', '5.2', '5.3', '5.5', '6.0', '6.25', '7.0', '7.1')
PAGE, MIDDLE, SEVEN = 'page', 'middle', 'seven'  # the three sets of defaults there have been
USUAL, NEWEST = '6.25', '7.1'
SINCE_SEVEN = ('c_radio_', 'dinov3')  # parts of backbone types that no release before 7 has
KEYS_SINCE_SEVEN = ('train.checkpointer.', 'model.precise_msda')


def release_of(text: str) -> str:
    """A release by how a user calls it.

    Args:
        text: such as ``5.5``, ``5.5.0``, ``v6.25.11`` or ``7``.

    Returns:
        The one of ``RELEASES`` that it belongs to.

    Raises:
        ValueError: when there was none such.
    """
    match = re.fullmatch(r'v?(\d{1,3})(?:\.(\d{1,3}))?(?:\.\d{1,3})*', text.strip())
    if match:
        version = int(match[1]), int(match[2] or 99)
        known = {tuple(map(int, release.split('.'))): release for release in RELEASES}
        fitting = [
            release for number, release in known.items() if number <= version and number[0] == version[0]
        ]
        if fitting:
            return fitting[-1]
    raise ValueError(f'--release {text}: use one of {", ".join(RELEASES)}')


def defaults_of(release: str) -> str:
    """Which of the three sets of defaults a release has."""
    version = tuple(map(int, release.split('.')))
    return SEVEN if version >= (7, ) else MIDDLE if version >= (6, 25) else PAGE


def likely_release(keys: Iterable[str], backbone: object) -> str:
    """The release whose defaults a spec is read with when none is named.

    Args:
        keys: what the spec gives, by dotted name.
        backbone: its ``model.backbone.type``.

    Returns:
        The newest where the spec names what no earlier one has, otherwise the usual one.
    """
    of_seven = any(key.startswith(KEYS_SINCE_SEVEN) for key in keys)
    return NEWEST if of_seven or any(part in str(backbone) for part in SINCE_SEVEN) else USUAL
