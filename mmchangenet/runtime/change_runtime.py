"""Scores pairs with an exported network; golden sides that were seen before are not encoded again."""

from __future__ import annotations

import hashlib
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmchangenet.imaging import ImageError
from mmchangenet.labels.label_rows import LabelRows
from mmchangenet.labels.score_file import ScoreFile
from mmchangenet.verdict import checked_threshold, class_numbers, is_fail

from .backends import BACKENDS, cores
from .golden_cache import GoldenCache
from .settings import SETTINGS_FILE, RuntimeSettings, digest_of
from .sides import Side

# in one run of the encoder: with more, activations fall out of the processor's caches
PIXELS_AT_ONCE = 512 * 128
COMPARED_AT_ONCE = 4  # pairs in one run of the comparator: they share the reading of its large matrices
THREADS_A_CORE = 4  # more only wait for each other, and each has a stack and buffers of its own

Code = Sequence[NDArray[np.float32]]


class PairScore(NamedTuple):
    """What is known of a pair.

    Attributes:
        score: higher = more likely a defect; NaN where there is an error.
        is_fail: whatever is not surely a PASS: a score above the threshold, or an error.
        label: with more than two classes, the name that goes with the verdict: the most likely defect of a
            FAIL; else None.
        error: why there is no score.
        probabilities: with more than two classes, of each, PASS first.
    """

    score: float
    is_fail: bool
    label: str | None = None
    error: str | None = None
    probabilities: tuple[float, ...] | None = None


class _ReadPair(NamedTuple):
    """The compare side's image, and the golden sides by the key of their content, as often as they are
    compared.
    """

    image: NDArray[np.uint8]
    goldens: list[tuple[bytes, Side]]


class ChangeRuntime:
    """An exported network, ready to score. Its methods may be called from several threads at a time, and in
    processes that were forked from the one that made it.

    Args:
        folder: what ``tools/export_runtime.py`` wrote.
        backend: ``onnxruntime`` or ``openvino``.
        threads: that read images and run the network; None: all cores.
        cache_bytes: memory for encoded golden sides; 0 encodes them anew each time.

    Attributes:
        settings (RuntimeSettings): the folder's ``runtime.json``.
        cache (GoldenCache): its ``hits``, ``misses`` and ``num_bytes`` tell whether ``cache_bytes`` is
            enough.

    Raises:
        RuntimeFolderError: when the folder is incomplete, damaged or of another format.
        ImportError: when the backend is not installed.
        ValueError: when an argument cannot be.

    Example:
        >>> runtime = ChangeRuntime('exported')
        >>> runtime.score_pairs([('tested.png', 'golden.png')])
        [PairScore(score=0.93, is_fail=True, label=None, error=None, probabilities=None)]
    """

    def __init__(self,
                 folder: str | os.PathLike[str],
                 backend: str = 'onnxruntime',
                 threads: int | None = None,
                 cache_bytes: int = 1 << 30) -> None:
        if backend not in BACKENDS:
            raise ValueError(f'backend {backend!r}: use one of {", ".join(BACKENDS)}')
        if threads is not None and not 1 <= threads <= THREADS_A_CORE * cores():
            raise ValueError(
                f'threads {threads}: use 1 to {THREADS_A_CORE * cores()}, of which {cores()}, one per core, '
                'is the default')
        self.folder, self.backend, self.settings = Path(folder), backend, RuntimeSettings.read(folder)
        self.threshold = self.settings.threshold
        self.cache = GoldenCache(cache_bytes)
        self._threads = threads
        self._images_at_once = max(1, PIXELS_AT_ONCE // math.prod(self.settings.input_size))
        self._pairs_at_once = max(8, 2 * self._images_at_once)
        self._starting = threading.Lock()
        self._start()

    def _start(self) -> None:
        """Everything that has threads, which a forked process does not take along."""
        self._process = os.getpid()
        self._readers = ThreadPoolExecutor(self._threads or cores(), 'reader')

        def graph(name: str, at_once: int) -> Any:
            return BACKENDS[self.backend](self.folder / name, self._threads, at_once)

        self._encode = graph('encoder.onnx', self._images_at_once)
        self._compare = graph('comparator.onnx', COMPARED_AT_ONCE)
        self._prepare_golden = None
        if 'golden.onnx' in self.settings.graphs:
            self._prepare_golden = graph('golden.onnx', self._images_at_once)

    def _start_again(self) -> None:
        """In a forked process: start threads of its own; those of the parent's are not to be waited for."""
        with self._starting:
            if os.getpid() != self._process:
                self._left_behind = self._readers, self._encode, self._compare, self._prepare_golden
                self.cache.unlock()
                self._start()

    @property
    def threshold(self) -> float:
        """A pair is a PASS up to this score; may be set to another finite number."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._threshold = checked_threshold(value, 'ChangeRuntime.threshold')

    def score_pairs(self, pairs: Iterable[Any]) -> list[PairScore]:
        """Score pairs.

        Args:
            pairs: (compare, golden). A side is one image, a list of one image per lighting in the order of
                ``settings.lightings``, or a dict of them by lighting. An image is a path, the bytes of an
                image file, or a uint8 array (h, w, 3) in RGB of any size. With ``settings.num_golden`` > 1 a
                golden side is a list: the images of the first golden, of the second and so on.

        Returns:
            one per pair, in order. A pair whose images cannot be used has a NaN score, is a FAIL and has an
            ``error``.
        """
        return list(self.iterate(pairs))

    def iterate(self, pairs: Iterable[Any]) -> Iterator[PairScore]:
        """As :meth:`score_pairs`, yielding each result as soon as its batch is done."""
        for results in self._batches(pairs):
            yield from results

    def _batches(self, pairs: Iterable[Any]) -> Iterator[list[PairScore]]:
        if os.getpid() != self._process:
            self._start_again()
        pairs = iter(pairs)
        while batch := list(islice(pairs, self._pairs_at_once)):
            yield self._score_batch(batch)

    def score_csv(self,
                  csv_file: str | os.PathLike[str],
                  images_dir: str | os.PathLike[str],
                  out: str | os.PathLike[str] | None = None,
                  progress: Callable[[int, int], object] | None = None,
                  resume: bool = False) -> list[PairScore]:
        """Score the rows of a label CSV.

        Args:
            csv_file: see :class:`LabelRows`; the labels may be missing.
            images_dir: the folder that its paths start from.
            out: a CSV to write: its own rows in order with a column ``siamese_score``, and with more than two
                classes their name and probabilities. Rows are written as they are scored, see
                :class:`ScoreFile`.
            progress: called with the number of rows done and the number of all.
            resume: go on with what a stopped run left of ``out``.

        Returns:
            one per row.

        Raises:
            FileNotFoundError: when there is no such CSV.
            LabelCsvError: with the lines that make it unusable.
            OutputError: when ``out`` cannot be written or is an input.
            ScoreFileError: when a stopped run left scores and ``resume`` is not given, or they are of another
                run.
        """
        rows = LabelRows(csv_file)
        pairs = rows.pairs(images_dir, self.settings)
        if out is None:
            return self._score_rows(rows, pairs, None, progress)
        inputs = [
            csv_file, self.folder / SETTINGS_FILE, *(self.folder / name for name in self.settings.graphs)
        ]
        state = dict(csv=digest_of(csv_file),
                     images=os.path.abspath(images_dir),
                     backend=self.backend,
                     settings=hashlib.sha256(self.settings.scoring_text().encode()).hexdigest())
        file = ScoreFile(out, rows.columns, self.settings.class_names, state, resume, inputs)
        try:
            results = self._score_rows(rows, pairs, file, progress)
            file.finish()
        finally:
            file.close()
        return results

    def _score_rows(self, rows: LabelRows, pairs: Iterator[Any], file: ScoreFile | None,
                    progress: Callable[[int, int], object] | None) -> list[PairScore]:
        results = self._scored_before(file) if file and file.done else []
        for batch in self._batches(islice(pairs, len(results), None)):
            if file:
                file.append(rows.rows[len(results):len(results) + len(batch)],
                            [result.score for result in batch], [result.label for result in batch],
                            [result.probabilities for result in batch])
            results += batch
            if progress:
                progress(len(results), len(rows))
        return results

    def _scored_before(self, file: ScoreFile) -> list[PairScore]:
        """The results that a stopped run left."""
        return [
            PairScore(score, bool(is_fail(score, self.threshold)), label,
                      None if math.isfinite(score) else 'had no score when the run was stopped',
                      probabilities) for score, label, probabilities in file.scored_before()
        ]

    def _score_batch(self, pairs: Sequence[Any]) -> list[PairScore]:
        """A batch's results: what can be read is scored together."""
        read = list(self._readers.map(self._read, pairs))
        known, new, errors = self._golden_codes([side for side in read if isinstance(side, _ReadPair)])
        sides = [next((errors[key] for key, _ in side.goldens if key in errors), side)
                 if isinstance(side, _ReadPair) else side for side in read]
        good = [side for side in sides if isinstance(side, _ReadPair)]
        scored: Iterator[PairScore] = iter(())
        if good:
            compare = self._encoded([side.image for side in good], new, known)
            scored = iter(self._compared(compare, [known[key] for side in good for key, _ in side.goldens]))
        return [
            next(scored) if isinstance(side, _ReadPair) else PairScore(math.nan, True, error=side)
            for side in sides
        ]

    def _read(self, pair: Any) -> _ReadPair | str:
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

    def _goldens_of(self, images: Any) -> list[Any]:
        """The golden sides of a pair."""
        count, lightings = self.settings.num_golden, self.settings.num_lightings
        if count == 1:
            return [images]
        if not isinstance(images, (list, tuple)) or len(images) != count * lightings:
            raise ImageError(
                f'the golden side is a list of {count} goldens with {lightings} images each, got '
                f'{len(images) if isinstance(images, (list, tuple)) else type(images).__name__}')
        return [images[start:start + lightings] for start in range(0, len(images), lightings)]

    def _golden_codes(self, read: Sequence[_ReadPair]
                      ) -> tuple[dict[bytes, Code], dict[bytes, NDArray[np.uint8]], dict[bytes, str]]:
        """Of the golden sides by key: codes in the cache, images of those to encode, what is wrong with the
        others.
        """
        goldens = {key: golden for side in read for key, golden in side.goldens}
        known = {key: code for key in goldens if (code := self.cache.get(key)) is not None}
        wanted = [key for key in goldens if key not in known]
        images = dict(zip(wanted, self._readers.map(_laid_out, (goldens[key] for key in wanted)),
                          strict=True))
        return (known, {key: image for key, image in images.items() if not isinstance(image, str)},
                {key: error for key, error in images.items() if isinstance(error, str)})

    def _encoded(self, images: Sequence[NDArray[np.uint8]], new: dict[bytes, NDArray[np.uint8]],
                 known: dict[bytes, Code]) -> Code:
        """The code of the compare sides; codes of the ``new`` golden sides go to ``known`` and the cache."""
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

    def _compared(self, compare: Code, goldens: Sequence[Code]) -> list[PairScore]:
        """Results of pairs from the codes of their compare sides and of ``num_golden`` goldens each; the
        closest counts.
        """
        count = self.settings.num_golden
        if count > 1:
            compare = [np.repeat(part, count, axis=0) for part in compare]
        golden = [
            parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in zip(*goldens, strict=True)
        ]
        outputs = self._compare(*compare, *golden)
        if count > 1:
            closest = outputs[0].reshape(-1, count).argmin(axis=1) + np.arange(0, len(goldens), count)
            outputs = [output[closest] for output in outputs]
        scores, fails = outputs[0], is_fail(outputs[0], self.threshold)
        labels: list[str | None] = [None] * len(scores)
        shares: list[tuple[float, ...] | None] = [None] * len(scores)
        if len(outputs) > 1:
            labels = [self.settings.class_names[number] for number in class_numbers(outputs[1], fails)]
            shares = [tuple(row) for row in outputs[1].tolist()]
        return [
            PairScore(score, fail, label, None, share) if math.isfinite(score) else PairScore(
                math.nan, True, error=f'the network gave the score {score}')
            for score, fail, label, share in zip(scores.tolist(), fails.tolist(), labels, shares, strict=True)
        ]


def _laid_out(side: Side) -> NDArray[np.uint8] | str:
    """A side's image, or what is wrong with it."""
    try:
        return side.laid_out()
    except ImageError as error:
        return str(error)
