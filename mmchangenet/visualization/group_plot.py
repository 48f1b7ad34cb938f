"""Plot of a cross-validation: how every group that training has not seen came out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .plots import FAIL_COLOUR, MARGIN_COLOUR, PASS_COLOUR


def plot_groups(path: str | os.PathLike[str], figures: Mapping[str, Mapping[int, Any]]) -> None:
    """Per group, recall and false alarms at the threshold that promised 99 % recall on the other groups.

    Args:
        path: picture to write.
        figures: group → seed → its ``GroupFigures``; every seed is a dot.
    """
    names = list(figures)
    figure = Figure(figsize=(9, 1.6 + 0.3 * len(names)), dpi=120, layout='constrained')
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, sharey=True)
    promised = min(next(iter(figures[names[0]].values())).kept)
    for axes, colour, title, key in ((panels[0], FAIL_COLOUR, 'recall kept, %', 'kept'),
                                     (panels[1], PASS_COLOUR, 'false alarms, %', 'kept_false_alarms')):
        for place, name in enumerate(names):
            values = [100 * getattr(one, key)[promised] for one in figures[name].values()]
            axes.plot(values, np.full(len(values), place), 'o', color=colour, alpha=0.6)
        axes.set_yticks(range(len(names)), names, parse_math=False)
        axes.set_title(title, loc='left', fontsize=10)
        axes.grid(axis='x', alpha=0.25)
        axes.spines[['top', 'right']].set_visible(False)
    panels[0].axvline(100 * promised, color=MARGIN_COLOUR, linestyle='--', linewidth=1.2)
    panels[0].invert_yaxis()
    figure.savefig(path)
