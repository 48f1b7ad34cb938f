"""What is exported scores as the network does, from the image files on: the check at the end of every export."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from numpy.typing import NDArray
from torch import nn

from mmchangenet.labels.lightings import lighting_suffixes
from mmchangenet.registry import DATASETS
from mmchangenet.verdict import checked_threshold, is_fail

from .calibration import spaced_rows
from .onnx_export import ExportError
from .samples import read_sample

ROWS = 16  # that are scored both ways
RANDOM_SIZE = (48, 40)  # (h, w) of random images, which the pipeline resizes like any other
AT_ONCE = 4  # pairs in the network


@dataclass(frozen=True)
class Tolerance:
    """How far scores may be apart.

    Attributes:
        share: of the score range, which is the largest of the scores and the threshold.
        verdicts: rows, of ``ROWS``, that may be called otherwise.
    """

    share: float
    verdicts: int = 0


EXACT = Tolerance(1e-4)
OPENVINO = Tolerance(1e-3)  # it fuses and reorders more
REDUCED = Tolerance(0.1, 1)  # int8, fp16: what they cost on the test data is printed besides
TOLERANCES = dict(fp32=EXACT, fp16=REDUCED, int8=REDUCED)


class Row(NamedTuple):
    """A pair to score both ways.

    Attributes:
        item: what the config's pipeline makes of it.
        compare, golden: the images of a side, one per lighting: files or arrays; with several goldens per part those of the
            first, of the second and so on.
    """

    item: dict[str, Any]
    compare: list[Any]
    golden: list[Any]


def check_weights(model: nn.Module) -> None:
    """
    Raises:
        ExportError: names the weights that are not finite.
        ThresholdError: when the head's threshold is no finite number.
    """
    broken = [name for name, weight in model.state_dict().items()
              if weight.is_floating_point() and not weight.isfinite().all()]
    if broken:
        more = f' and {len(broken) - 5} more' if len(broken) > 5 else ''
        raise ExportError(f'the network has weights that are NaN or infinite: {", ".join(broken[:5])}{more}. '
                          'Export another checkpoint')
    checked_threshold(model.head.margin, 'model.head.margin')


def check_end_to_end(model: nn.Module, config: Config, scorer: Callable[[list[Row]], Sequence[float]], what: str,
                     tolerance: Tolerance = EXACT) -> float:
    """Compare the scores of an exported network with the network's own, and print the largest difference.

    Args:
        model: trained, in evaluation mode.
        config: its config; rows of ``test_dataloader`` are scored, random images where there are none.
        scorer: scores rows by what was exported.
        what: for messages.
        tolerance: what is accepted.

    Returns:
        the largest difference, as a share of the score range.

    Raises:
        ExportError: when scores are farther apart or more verdicts change than that.
    """
    rows, source = rows_of(config, model)
    margin = model.head.margin
    wanted = network_scores(model, [row.item for row in rows])
    got = np.asarray(scorer(rows), np.float32)
    scale = max(float(np.abs(wanted).max()), abs(margin)) or 1.0
    share = float(np.abs(got - wanted).max()) / scale if np.isfinite([got, wanted]).all() else float('inf')
    changed = int((is_fail(got, margin) != is_fail(wanted, margin)).sum())
    found = (f'{what}: scores differ from the network\'s by {share:.1e} of their range at most, {changed} of {len(rows)} '
             f'verdicts at {margin:.9g} change ({source})')
    if not share <= tolerance.share or changed > tolerance.verdicts:
        raise ExportError(f'{found}; accepted are {tolerance.share:g} and {tolerance.verdicts}. Nothing is left behind')
    print_log(found, 'current')
    return share


def network_scores(model: nn.Module, items: Sequence[dict[str, Any]]) -> NDArray[np.float32]:
    """Scores (n,) of pipeline items by the network itself."""
    scores: list[float] = []
    with torch.no_grad():
        for start in range(0, len(items), AT_ONCE):
            samples = model.test_step(pseudo_collate(items[start:start + AT_ONCE]))
            scores += [sample.score for sample in samples]
    return np.array(scores, np.float32)


def rows_of(config: Config, model: nn.Module, count: int = ROWS) -> tuple[list[Row], str]:
    """Rows of the test data, evenly spaced, and where they are from; random images where none can be read."""
    settings = copy.deepcopy(dict((config.get('test_dataloader') or {}).get('dataset') or {}))
    try:
        if not settings:
            raise ValueError('the config has no test data')
        dataset = DATASETS.build(settings)
        items = [dataset[int(row)] for row in spaced_rows(dataset, count)]
        rows = [Row(item, sample.compare_files, sample.golden_files) for item in items
                if 'error' not in (sample := item['data_samples'])]
        if not rows:
            raise ValueError('no image of the test data can be read')
        return rows, f'{len(rows)} rows of the test data'
    except (ValueError, OSError, LookupError) as error:
        reason = str(error).splitlines()[0]
    return random_rows(settings, config, model, count), f'random images, because {reason}'


def random_rows(settings: dict[str, Any], config: Config, model: nn.Module, count: int = ROWS) -> list[Row]:
    """Random images on their way through the config's pipeline, always the same."""
    generator = np.random.default_rng(0)
    if not (settings.get('pipeline') or config.get('test_pipeline')):
        return [_without_pipeline(generator, model) for _ in range(count)]
    lightings, goldens = len(lighting_suffixes(settings.get('input_map'))), settings.get('num_golden', 1)

    def images(number: int) -> list[Any]:
        return [generator.integers(0, 256, (*RANDOM_SIZE, 3), np.uint8) for _ in range(number)]

    pairs = [(images(lightings), images(lightings * goldens)) for _ in range(count)]
    return [Row(read_sample(pair, config), *pair) for pair in pairs]


def _without_pipeline(generator: np.random.Generator, model: nn.Module) -> Row:
    from mmchangenet.structures import ChangeDataSample
    compare, golden = (generator.integers(0, 256, (*model.input_size, 3), np.uint8) for _ in range(2))
    inputs = {name: torch.from_numpy(image.transpose(2, 0, 1).copy())
              for name, image in (('compare', compare), ('golden', golden))}
    return Row(dict(inputs=inputs, data_samples=ChangeDataSample()), [compare], [golden])
