"""A picture of samples of the hard boards: every kind of defect, and two good parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmchangenet.boards.contact_sheet import Sample, draw_sheet

from .defects import DEFECTS, can_have
from .designs import DESIGNS, SITES, design_sites
from .shot import GOLDEN, Flaw, take_shot


def contact_sheet(seed: int = 0) -> NDArray[np.uint8]:
    """Draw samples of a seed's data set, as :func:`draw_sheet` does: (h, w, 3), RGB."""
    rng = np.random.default_rng([seed, 11])
    samples = []
    for row, kind in enumerate((None, *DEFECTS, None)):
        design, when = DESIGNS[row % len(DESIGNS)], (0.37 * row) % 1
        sites = design_sites(seed, design)
        number = int(rng.choice([n for n in range(SITES) if kind is None or can_have(sites[n], kind)]))
        flaw = Flaw(kind, (row % 4) / 3) if kind else None
        shot = take_shot(seed, design, 10 * row, number, when, flaw=flaw)
        samples.append(Sample(kind or 'PASS', sites[number].part_type,
                              take_shot(seed, design, GOLDEN, number).images, shot.images))
    return draw_sheet(samples)
