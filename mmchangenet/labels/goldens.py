"""Several goldens per part: ``golden_path`` is a folder, and every image in it is a golden."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from .problems import Problems


def list_folder(folder: str, endings: Sequence[str], line: int, problems: Problems) -> list[str]:
    """The names of the goldens in a folder, in alphabetical order.

    A golden is a name that the folder has with every lighting's suffix and the extension.

    Args:
        folder: the folder.
        endings: suffix and extension of each lighting.
        line: of the label CSV that names it.
        problems: where to note a folder that cannot be listed, holds no golden, or one that lacks a lighting.
    """
    try:
        files = set(os.listdir(folder))
    except OSError as error:
        problems.add('a golden folder that cannot be listed: correct golden_path or put the folder there',
                     line, f'{folder}: {error.strerror}')
        return []
    names = sorted({file[:-len(ending)] for ending in endings for file in files
                    if file.endswith(ending)} - {''})
    whole = [name for name in names if all(name + ending in files for ending in endings)]
    used = {name + ending for name in whole for ending in endings}  # of g_Side_White, g_Side is no golden
    for name in sorted(set(names) - set(whole)):
        if all(name + ending in used for ending in endings if name + ending in files):
            continue
        problems.add('a golden that lacks a lighting: put the image there, or delete its others', line,
                     os.path.join(folder, name))
    if not whole:
        problems.add('a golden folder without goldens: put some there, or correct golden_path, image_ext or '
                     'input_map', line, folder)
    return whole


def choose_goldens(names: list[str], count: int, rng: np.random.Generator | None = None) -> list[str]:
    """``count`` of a part's goldens.

    Args:
        names: all of them, in alphabetical order.
        count: how many; where there are fewer, they are repeated.
        rng: draws which; without one the first are taken.

    Returns:
        a list of length ``count``.
    """
    if rng is not None:
        names = [names[index] for index in rng.permutation(len(names))]
    return [names[index % len(names)] for index in range(count)]
