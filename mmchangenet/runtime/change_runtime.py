"""Scores pairs with an exported network; golden sides that were seen before are not encoded again."""

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmchangenet.imaging import ImageError
from mmchangenet.labels.label_rows import LabelRows

from .backends import BACKENDS, cores
from .golden_cache import GoldenCache
from .settings import RuntimeSettings
from .sides import Side

PIXELS_AT_ONCE = 512 * 128  # in one run of the encoder: with more, activations fall out of the processor's caches
COMPARED_AT_ONCE = 4  # pairs in one run of the comparator: they share the reading of its large matrices


class PairScore(NamedTuple):
    """What is known of a pair.

    Attributes:
        score (float): higher = more likely a defect; NaN where there is an error.
        is_fail (bool): whether the score is above the threshold; a pair with an error is a FAIL.
        label (str | None): the most likely class of a network with more than two; otherwise None.
        error (str | None): why there is no score.
    """

    score: float
    is_fail: bool
    label: str | None = None
    error: str | None = None


class _ReadPair(NamedTuple):
    """The compare side's image, and the golden sides by the key of their content, as often as they are to be compared."""

    image: np.ndarray
    goldens: list[tuple[bytes, Side]]


class ChangeRuntime:
    """An exported network, ready to score. Its methods may be called from several threads at a time.

    Args:
        folder (str | Path): what ``tools/export_runtime.py`` wrote.
        backend (str): ``onnxruntime`` or ``openvino``.
        threads (int, optional): that read images and run the network; None: all cores.
        cache_bytes (int): memory for encoded golden sides; 0 encodes them anew each time.

    Attributes:
        settings (RuntimeSettings): the folder's ``runtime.json``.
        threshold (float): may be set to another value.
        cache (GoldenCache): its ``hits``, ``misses`` and ``num_bytes`` tell whether ``cache_bytes`` is enough.

    Raises:
        RuntimeFolderError: when the folder is incomplete, damaged or of another format.
        ImportError: when the backend is not installed.

    Example:
        >>> runtime = ChangeRuntime('exported')
        >>> runtime.score_pairs([('tested.png', 'golden.png')])
        [PairScore(score=0.93, is_fail=True, label=None, error=None)]
    """

    def __init__(self, folder, backend='onnxruntime', threads=None, cache_bytes=1 << 30):
        if backend not in BACKENDS:
            raise ValueError(f'backend {backend!r}: use one of {", ".join(BACKENDS)}')
        self.settings = RuntimeSettings.read(folder)
        self.threshold = self.settings.threshold
        self.cache = GoldenCache(cache_bytes)
        self._readers = ThreadPoolExecutor(threads or cores(), 'reader')
        images_at_once = max(1, PIXELS_AT_ONCE // math.prod(self.settings.input_size))

        def graph(name, at_once):
            return BACKENDS[backend](Path(folder) / name, threads, at_once)

        self._encode = graph('encoder.onnx', images_at_once)
        self._compare = graph('comparator.onnx', COMPARED_AT_ONCE)
        self._prepare_golden = graph('golden.onnx', images_at_once) if 'golden.onnx' in self.settings.graphs else None
        self._pairs_at_once = max(8, 2 * images_at_once)

    def score_pairs(self, pairs):
        """
        Args:
            pairs (Iterable[tuple]): (compare, golden). A side is one image, a list of one image a lighting in the order of
                ``settings.lightings``, or a dict of them by lighting. An image is a path, or a uint8 array (h, w, 3) in
                RGB of any size. With ``settings.num_golden`` > 1 a golden side is a list: the images of the first golden, of
                the second and so on.

        Returns:
            list[PairScore]: one a pair, in order. A pair whose images cannot be used has a NaN score and an ``error``.
        """
        return list(self.iterate(pairs))

    def iterate(self, pairs):
        """As :meth:`score_pairs`, yielding each result as soon as its batch is done."""
        pairs = iter(pairs)
        while batch := list(islice(pairs, self._pairs_at_once)):
            yield from self._score_batch(batch)

    def score_csv(self, csv_file, images_dir, out=None, progress=None):
        """Score the rows of a label CSV.

        Args:
            csv_file (str | Path): see :class:`LabelRows`; the labels may be missing.
            images_dir (str | Path): the folder that its paths start from.
            out (str | Path, optional): a CSV to write: its own rows in order with a column ``siamese_score``.
            progress (Callable, optional): called with the number of rows done and the number of all.

        Returns:
            list[PairScore]: one a row.

        Raises:
            FileNotFoundError: when there is no such CSV.
            LabelCsvError: with the lines that make it unusable.
        """
        rows = LabelRows(csv_file)
        results = []
        for result in self.iterate(rows.pairs(images_dir, self.settings)):
            results.append(result)
            if progress:
                progress(len(results), len(rows))
        if out is not None:
            rows.write_scores(out, [result.score for result in results])
        return results

    def _score_batch(self, pairs):
        """A batch's results: what can be read is scored together."""
        read = list(self._readers.map(self._read, pairs))
        known, new, errors = self._golden_codes([side for side in read if isinstance(side, _ReadPair)])
        sides = [next((errors[key] for key, _ in side.goldens if key in errors), side)
                 if isinstance(side, _ReadPair) else side for side in read]
        good = [side for side in sides if isinstance(side, _ReadPair)]
        scored = iter(())
        if good:
            compare = self._encoded([side.image for side in good], new, known)
            scored = iter(self._compared(compare, [known[key] for side in good for key, _ in side.goldens]))
        return [next(scored) if isinstance(side, _ReadPair) else PairScore(math.nan, True, error=side) for side in sides]

    def _read(self, pair):
        """A pair as far as it is needed whatever is in the cache, or what is wrong with it."""
        try:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                what = f'{len(pair)} items' if isinstance(pair, (list, tuple)) else type(pair).__name__
                raise ImageError(f'a pair is (compare, golden), got {what}')
            compare = Side(pair[0], self.settings, 'compare')
            goldens = [Side(side, self.settings, 'golden') for side in self._goldens_of(pair[1])]
            return _ReadPair(compare.laid_out(), [(golden.key(), golden) for golden in goldens])
        except ImageError as error:
            return str(error)

    def _goldens_of(self, images):
        """The golden sides of a pair."""
        count, lightings = self.settings.num_golden, self.settings.num_lightings
        if count == 1:
            return [images]
        if not isinstance(images, (list, tuple)) or len(images) != count * lightings:
            raise ImageError(f'the golden side is a list of {count} goldens with {lightings} images each, got '
                             f'{len(images) if isinstance(images, (list, tuple)) else type(images).__name__}')
        return [images[start:start + lightings] for start in range(0, len(images), lightings)]

    def _golden_codes(self, read):
        """Of the golden sides by key: codes in the cache, images of those to encode, and what is wrong with the others."""
        goldens = {key: golden for side in read for key, golden in side.goldens}
        known = {key: code for key in goldens if (code := self.cache.get(key)) is not None}
        wanted = [key for key in goldens if key not in known]
        images = dict(zip(wanted, self._readers.map(_laid_out, (goldens[key] for key in wanted)), strict=True))
        return (known, {key: image for key, image in images.items() if not isinstance(image, str)},
                {key: error for key, error in images.items() if isinstance(error, str)})

    def _encoded(self, images, new, known):
        """The code of the compare sides, list of arrays; codes of the ``new`` golden sides go to ``known`` and the cache."""
        codes = self._encode(np.stack([*images, *new.values()]))
        compare = [part[:len(images)] for part in codes]
        if new:
            golden = [part[len(images):] for part in codes]
            if self._prepare_golden:
                golden = self._prepare_golden(*golden)
            for position, key in enumerate(new):
                # copies: a view would keep the whole batch in memory
                known[key] = tuple(part[position:position + 1].copy() for part in golden)
                self.cache.put(key, known[key])
        return compare

    def _compared(self, compare, goldens):
        """Results of pairs from the codes of their compare sides and of ``num_golden`` goldens each; the closest counts."""
        count = self.settings.num_golden
        if count > 1:
            compare = [np.repeat(part, count, axis=0) for part in compare]
        golden = [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in zip(*goldens, strict=True)]
        outputs = self._compare(*compare, *golden)
        if count > 1:
            closest = outputs[0].reshape(-1, count).argmin(axis=1) + np.arange(0, len(goldens), count)
            outputs = [output[closest] for output in outputs]
        scores, *probabilities = outputs
        threshold = np.float32(self.threshold)
        labels = [None] * len(scores)
        if probabilities:
            labels = [self.settings.class_names[best] for best in probabilities[0].argmax(axis=1)]
        return [PairScore(float(score), bool(score > threshold), label) for score, label in zip(scores, labels, strict=True)]


def _laid_out(side):
    """A side's image, or what is wrong with it."""
    try:
        return side.laid_out()
    except ImageError as error:
        return str(error)
