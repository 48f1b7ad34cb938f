"""Rules without a network, as a yardstick of how hard data is: differences and SSIM, registered or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

Image = NDArray[Any]  # uint8
Floats = NDArray[Any]  # float32

WINDOWS = (5, 9, 17)  # pixels, of local means of the difference
SSIM_WINDOW = 7
C1, C2 = (0.01 * 255)**2, (0.03 * 255)**2  # Wang et al., 2004, https://doi.org/10.1109/TIP.2003.819861
BORDER = 10  # pixels left out after registration: what lies there may have been outside of the other picture
ECC_STEPS, ECC_PRECISION = 40, 1e-4


def register(compare: Sequence[Image], golden: Sequence[Image]) -> list[Image]:
    """Compare pictures brought over the golden ones by one rigid movement, found with ECC on their mean.

    Where none is found the pictures come back as they are.
    """
    grey = [np.mean([cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in side], 0).astype(np.float32)
            for side in (golden, compare)]
    movement = np.eye(2, 3, dtype=np.float32)
    try:
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ECC_STEPS, ECC_PRECISION)
        whole = np.full(grey[0].shape, 255, np.uint8)
        _, found = cv2.findTransformECC(grey[0], grey[1], movement, cv2.MOTION_EUCLIDEAN, criteria, whole, 5)
    except cv2.error:  # it did not converge
        return list(compare)
    height, width = grey[0].shape
    return [cv2.warpAffine(image, found, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                           borderMode=cv2.BORDER_REPLICATE) for image in compare]


def plain_scores(compare: Sequence[Image], golden: Sequence[Image]) -> dict[str, float]:
    """Scores of one pair under every rule, higher = more likely a defect.

    Args:
        compare, golden: one BGR picture (h, w, 3) per lighting.

    Returns:
        rule → score; every rule takes the mean or the largest over the lightings.
    """
    scores: dict[str, float] = {}
    for place, shots in (('', list(compare)), (', registered', register(compare, golden))):
        border = BORDER if place else WINDOWS[-1] // 2
        for rule, values in _by_rule(shots, golden, border).items():
            scores[f'{rule}{place}, mean'] = float(np.mean(values))
            scores[f'{rule}{place}, max'] = float(np.max(values))
    return scores


def plain_aurocs(scores: Sequence[dict[str, float]], is_fail: Sequence[bool]) -> dict[str, float]:
    """AUROC of every rule over the pairs, the best first."""
    aurocs = {rule: float(roc_auc_score(is_fail, [score[rule] for score in scores])) for rule in scores[0]}
    return dict(sorted(aurocs.items(), key=lambda item: -item[1]))


def _by_rule(compare: Sequence[Image], golden: Sequence[Image], border: int) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for shot, reference in zip(compare, golden, strict=True):
        sides = [image.astype(np.float32) for image in (shot, reference)]
        levelled = _same_levels(*sides)
        for name, first in (('difference', sides[0]), ('difference at equal levels', levelled)):
            difference = np.abs(first - sides[1]).mean(2)
            values.setdefault(f'{name}, whole', []).append(float(_inside(difference, border).mean()))
            for window in WINDOWS:
                local = cv2.blur(difference, (window, window))
                largest = float(_inside(local, border).max())
                values.setdefault(f'{name}, {window}×{window}', []).append(largest)
        unlike = 1 - _ssim(*(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (shot, reference)))
        values.setdefault('1 - SSIM, whole', []).append(float(_inside(unlike, border).mean()))
        values.setdefault('1 - SSIM, 9×9', []).append(float(_inside(cv2.blur(unlike, (9, 9)), border).max()))
    return values


def _inside(image: Floats, border: int) -> Floats:
    border = min(border, min(image.shape) // 4)
    return image[border:-border, border:-border]


def _same_levels(first: Floats, second: Floats) -> Floats:
    """``first`` with mean and deviation of each colour as in ``second``."""
    mean, deviation = first.mean((0, 1)), first.std((0, 1)) + 1
    return (first - mean) / deviation * (second.std((0, 1)) + 1) + second.mean((0, 1))


def _ssim(first: Image, second: Image) -> Floats:
    """Structural similarity at every pixel, of grey pictures."""
    x, y = first.astype(np.float32), second.astype(np.float32)

    def local(image: Floats) -> Floats:
        return cv2.blur(image, (SSIM_WINDOW, SSIM_WINDOW))

    mean_x, mean_y = local(x), local(y)
    var_x, var_y = local(x * x) - mean_x**2, local(y * y) - mean_y**2
    covariance = local(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + C1) * (2 * covariance + C2) / (
        (mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2))
    return similarity.astype(np.float32)
