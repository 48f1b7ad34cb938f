"""The check at the end of every export: what was written scores as the network does, from the image files
on.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from numpy.typing import NDArray

from mmchangenet.labels.lightings import image_names, ordered_lightings
from mmchangenet.models import SiameseClassifier
from mmchangenet.models.heads.base_change_head import BaseChangeHead
from mmchangenet.registry import DATASETS
from mmchangenet.runtime import ChangeRuntime
from mmchangenet.structures import ChangeDataSample
from mmchangenet.verdict import checked_threshold, is_fail

from .calibration import graph_batches, spaced_rows
from .graph import session_of
from .onnx_export import ExportError
from .samples import read_sample

ROWS = 16  # that are scored both ways
RANDOM_SIZE = (48, 40)  # (h, w) of random images, which the pipeline resizes like any other
AT_ONCE = 4  # pairs in the network

Scores = NDArray[np.float32]


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
        compare, golden: the images of a side, one per lighting: files or arrays; with several goldens per
            part those of the first, of the second and so on.
    """

    item: dict[str, Any]
    compare: list[Any]
    golden: list[Any]


def check_weights(model: SiameseClassifier) -> None:
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


def check_end_to_end(model: SiameseClassifier, config: Config, scorer: Callable[[list[Row]], Scores],
                     what: str, tolerance: Tolerance = EXACT) -> float:
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
    found = (f'{what}: scores differ from the network\'s by {share:.1e} of their range at most, {changed} of '
             f'{len(rows)} verdicts at {margin:.9g} change ({source})')
    if not share <= tolerance.share or changed > tolerance.verdicts:
        raise ExportError(f'{found}; accepted are {tolerance.share:g} and {tolerance.verdicts}. '
                          'Nothing is left behind')
    print_log(found, 'current')
    return share


def check_folder(model: SiameseClassifier, config: Config, folder: Path, what: str,
                 tolerance: Tolerance = EXACT) -> float:
    """See ``check_end_to_end``; by the runtime on a folder."""
    runtime = ChangeRuntime(folder, threads=torch.get_num_threads())

    def score(rows: list[Row]) -> Scores:
        pairs = [(row.compare, row.golden) for row in rows]
        results = runtime.score_pairs(pairs)
        if errors := [result.error for result in results if result.error]:
            raise ExportError(f'{what}: the runtime cannot score what the network can: {errors[0]}')
        return np.array([result.score for result in results], np.float32)

    return check_end_to_end(model, config, score, what, tolerance)


def check_graph_file(model: SiameseClassifier,
                     config: Config,
                     file: Path,
                     tolerance: Tolerance = EXACT) -> float:
    """See ``check_end_to_end``; by a whole graph, which gives raw outputs or scores."""
    return check_end_to_end(
        model, config,
        lambda rows: graph_scores(model.head, model.data_preprocessor, file, [row.item for row in rows]),
        str(file), tolerance)


def refuse_several_goldens(config: Config) -> None:
    """A whole graph takes one golden image per part.

    Raises:
        ExportError: when the config's test data has more.
    """
    count = ((config.get('test_dataloader') or {}).get('dataset') or {}).get('num_golden', 1)
    if count != 1:
        raise ExportError(
            f'num_golden {count}: a whole graph compares with one golden image per part. Export a folder '
            'with tools/export_runtime.py, which takes several, or set num_golden to 1')


def graph_scores(head: BaseChangeHead, preprocessor: torch.nn.Module, onnx_file: str | Path,
                 items: Iterable[dict[str, Any]]) -> Scores:
    """Scores (n,) of pipeline items by a whole graph, which gives raw outputs or scores; NaN for unreadable
    rows.
    """
    session = session_of(onnx_file)
    scores: list[float] = []
    for batch, samples in graph_batches(preprocessor, onnx_file, items):
        output = torch.from_numpy(session.run(None, batch)[0][:len(samples)])
        found = (head.scores(output) if output.ndim == 2 else output).tolist()
        scores += [
            math.nan if 'error' in sample else score for sample, score in zip(samples, found, strict=True)
        ]
    return np.array(scores, np.float32)


def network_scores(model: Any, items: Sequence[dict[str, Any]], at_once: int = AT_ONCE) -> Scores:
    """Scores (n,) of pipeline items by a network, or by one that was converted for another backend."""
    scores: list[float] = []
    with torch.no_grad():
        for start in range(0, len(items), at_once):
            samples = model.test_step(pseudo_collate(items[start:start + at_once]))
            scores += [sample.score for sample in samples]
    return np.array(scores, np.float32)


def rows_of(config: Config, model: SiameseClassifier, count: int = ROWS) -> tuple[list[Row], str]:
    """Rows of the test data, evenly spaced, and where they are from; random images where none can be read."""
    settings = copy.deepcopy(dict((config.get('test_dataloader') or {}).get('dataset') or {}))
    try:
        if not settings:
            raise ValueError('the config names no test data')
        dataset = DATASETS.build(settings)
        items = [dataset[int(row)] for row in spaced_rows(dataset, count)]
        rows = [Row(item, sample.compare_files, sample.golden_files) for item in items
                if 'error' not in (sample := item['data_samples'])]
        if not rows:
            raise ValueError('no image of the test data can be read')
        return rows, f'{len(rows)} rows of the test data'
    except (ValueError, TypeError, OSError, LookupError) as error:
        reason = str(error).splitlines()[0]
    return random_rows(settings, config, model, count), f'random images, because {reason}'


def random_rows(settings: dict[str, Any],
                config: Config,
                model: SiameseClassifier,
                count: int = ROWS) -> list[Row]:
    """Random images on their way through the config's pipeline, always the same."""
    generator = np.random.default_rng(0)
    if not (settings.get('pipeline') or config.get('test_pipeline')):
        return [_without_pipeline(generator, model) for _ in range(count)]
    lightings = len(image_names('', ordered_lightings(settings.get('input_map')), ''))
    goldens = settings.get('num_golden', 1)

    def images(number: int) -> list[Any]:
        return [generator.integers(0, 256, (*RANDOM_SIZE, 3), np.uint8) for _ in range(number)]

    pairs = [(images(lightings), images(lightings * goldens)) for _ in range(count)]
    return [Row(read_sample(pair, config), *pair) for pair in pairs]


def _without_pipeline(generator: np.random.Generator, model: SiameseClassifier) -> Row:
    compare, golden = (generator.integers(0, 256, (*model.input_size, 3), np.uint8) for _ in range(2))
    inputs = {name: torch.from_numpy(image.transpose(2, 0, 1).copy())
              for name, image in (('compare', compare), ('golden', golden))}
    return Row(dict(inputs=inputs, data_samples=ChangeDataSample()), [compare], [golden])
