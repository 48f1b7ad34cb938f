"""Scores pairs of images or the rows of a label CSV with a trained network."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.device import get_device
from mmengine.infer import BaseInferencer
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from PIL import Image

from mmchangenet.checkpoint import load_for_scoring
from mmchangenet.imaging import ImageError, check_bytes, decode_image
from mmchangenet.labels.lightings import ordered_lightings
from mmchangenet.registry import DATASETS, INFERENCERS, MODELS
from mmchangenet.runtime.sides import check_array, ordered
from mmchangenet.structures import ChangeDataSample
from mmchangenet.visualization import draw_pair

SIDES = ('compare', 'golden')


@INFERENCERS.register_module()
class ChangeInferencer(BaseInferencer):
    """A trained network, ready to score; an inferencer of MMEngine.

    Args:
        config: the config that the network was trained with; its ``test_dataloader`` says how
            images are prepared and which lightings there are.
        checkpoint: its weights; they must fit exactly.
        device: default: a GPU where there is one.
        batch_size: pairs that pass the network at a time.

    Attributes:
        model: in evaluation mode.
        margin: a pair with a greater score is a FAIL; the threshold picked for the checkpoint, or the
            config's.

    Raises:
        CheckpointError: when the checkpoint does not fit the config.
        ValueError: when the config has no ``test_dataloader``.

    Example:
        >>> inferencer = ChangeInferencer('configs/changenet_fan.py', 'work_dirs/changenet_fan/best.pth')
        >>> inferencer.score_pairs([('tested.png', 'golden.png')])
    """

    def __init__(self, config: str | Path | Config, checkpoint: str | Path, device: str | None = None,
                 batch_size: int = 16) -> None:
        config = copy.deepcopy(config) if isinstance(config, Config) else Config.fromfile(config)
        if not config.get('test_dataloader'):
            raise ValueError(
                'the config has no test_dataloader, which tells how images are prepared for the network')
        init_default_scope(config.get('default_scope', 'mmchangenet'))
        self.config = config
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f'batch_size {batch_size!r}: it is the number of pairs at a time, 1 or more')
        self.batch_size = batch_size
        self.model = MODELS.build(config.model)
        load_for_scoring(self.model, checkpoint, config)
        self.model.to(device or get_device()).eval()
        dataset = config.test_dataloader.dataset
        self._loader, *steps = (config.test_pipeline if 'pipeline' not in dataset else dataset.pipeline)
        self._load, self._prepare = Compose([self._loader]), Compose(steps)
        self._lightings = ordered_lightings(dataset.get('input_map'))
        self._num_golden = dataset.get('num_golden', 1)

    @property
    def margin(self) -> Any:
        """The score up to which a pair is a PASS."""
        return self.model.head.margin

    def score_pairs(self, pairs: Iterable[tuple[Any, ...]]) -> Any:
        """
        Args:
            pairs: (compare, golden); a side is one image, a list of one image per lighting in the
                order of ``input_map``, or a dict of them by lighting. An image is a file, the bytes of one,
                or a uint8 array (h, w, 3) in RGB. For a dataset with ``num_golden`` > 1, golden is a list of
                up to so many such sides.

        Returns:
            a sample per pair with ``score`` and ``pred_fail``. A pair whose images cannot be used
            has an ``error`` and a NaN score, and is a FAIL; so is one that the network gave no finite score.
        """
        return self._score(self._results(number, pair) for number, pair in enumerate(pairs))

    def __call__(self, inputs: Iterable[Any], return_datasamples: bool = False,
                 batch_size: int | None = None, img_out_dir: str | Path = '',
                 **kwargs: Any) -> dict[str, Any]:
        """Score pairs as MMEngine's inferencers are called.

        Args:
            inputs: pairs, as ``score_pairs`` takes them.
            return_datasamples: whether ``predictions`` are samples; otherwise they are dicts of plain values.
            batch_size: pairs at a time; default: the inferencer's.
            img_out_dir: a folder for a picture of each pair, ``0000.jpg`` and so on.
            kwargs: not used; MMEngine's other options have no meaning here.

        Returns:
            ``predictions``, one per pair, and ``visualization``: pictures, uint8 (h, w, 3), or None.
        """
        pairs = list(inputs)
        own, self.batch_size = self.batch_size, batch_size or self.batch_size
        try:
            samples = self.score_pairs(pairs)
        finally:
            self.batch_size = own
        pictures = self.visualize(pairs, samples, img_out_dir=img_out_dir) if img_out_dir else None
        return self.postprocess(samples, pictures, return_datasamples)

    def visualize(self, inputs: list[Any], preds: list[ChangeDataSample], img_out_dir: str | Path = '',
                  **kwargs: Any) -> list[Any]:
        """Draw the pairs whose images can be read; writes them where ``img_out_dir`` is given."""
        pictures: list[Any] = []
        for number, (pair, sample) in enumerate(zip(inputs, preds, strict=True)):
            called = 'FAIL' if sample.pred_fail else 'PASS'
            try:
                images = self._sides(pair)
                names = self._lightings or ('image', )
                compare, golden = ([self._image(image, name) for image in side[:len(names)]]
                                   for side, name in zip(images, SIDES, strict=True))
                picture = draw_pair(compare, golden, names, f'called {called}, score {sample.score:.4g}')
            except ImageError:
                pictures.append(None)
                continue
            pictures.append(picture)
            if img_out_dir:
                Path(img_out_dir).mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(Path(img_out_dir, f'{number:04d}.jpg'))
        return pictures

    def postprocess(self, preds: list[ChangeDataSample], visualization: list[Any] | None,
                    return_datasamples: bool = False, **kwargs: Any) -> dict[str, Any]:
        """What a call returns."""
        keys = ('score', 'pred_fail', 'margin', 'pred_label', 'probabilities', 'error')
        plain = [{key: sample.get(key) for key in keys if key in sample} for sample in preds]
        return dict(predictions=preds if return_datasamples else plain, visualization=visualization)

    def _init_pipeline(self, cfg: Config) -> Any:
        return self._prepare

    def score_csv(self, csv_file: str | Path, images_dir: str | Path, progress: bool = False) -> Any:
        """
        Args:
            csv_file: a label CSV; the labels may be missing.
            images_dir: the folder that its paths start from.
            progress: show a bar.

        Returns:
            the CSV's own rows in their order with a ``siamese_score`` column, NaN where an image
            cannot be read.

        Raises:
            LabelCsvError: with everything wrong with the CSV.
        """
        dataset = self.build_dataset(csv_file, images_dir)
        rows = range(len(dataset))
        samples = self._score(dataset[row] for row in (track_iter_progress(rows) if progress else rows))
        return dataset.label_frame().assign(
            siamese_score=np.array([sample.score for sample in samples], dtype=np.float32))

    def build_dataset(self, csv_file: Any, images_dir: Any) -> Any:
        """The config's test dataset on another CSV."""
        settings = dict(self.config.test_dataloader.dataset)
        settings.update(ann_file=str(Path(csv_file).absolute()), data_root='', test_mode=True,
                        data_prefix=dict(img_path=str(Path(images_dir).absolute())), indices=None)
        return DATASETS.build(settings)

    def _results(self, number: Any, pair: Any) -> Any:
        """What the pipeline starts from, for images instead of a CSV's row."""
        results = dict(sample_idx=number,
                       rng=np.random.default_rng(number),
                       compare_files=[],
                       golden_files=[])
        try:
            sides = self._sides(pair)
            files = [[str(image) for image in side if isinstance(image, (str, os.PathLike))]
                     for side in sides]
            results.update(compare_files=files[0],
                           golden_files=files[1],
                           images=[
                               self._image(image, name) for side, name in zip(sides, SIDES, strict=True)
                               for image in side
                           ])
        except ImageError as error:
            count = (1 + self._num_golden) * len(self._lightings or [''])
            results.update(error=str(error), images=[np.zeros((8, 8, 3), np.uint8)] * count)
        if self._num_golden > 1:
            results['num_golden'] = self._num_golden
        return self._prepare(results)

    def _sides(self, pair: Any) -> Any:
        """The images of both sides as lists, those of several goldens one after the other."""
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            what = f'{len(pair)} items' if isinstance(pair, (list, tuple)) else type(pair).__name__
            raise ImageError(f'a pair is (compare, golden), got {what}')
        compare, golden = pair
        if self._num_golden == 1:
            goldens = [golden]
        elif isinstance(golden, (list, tuple)) and 1 <= len(golden) <= self._num_golden:
            goldens = [golden[turn % len(golden)] for turn in range(self._num_golden)]
        else:
            raise ImageError(
                f'golden must be a list of 1 to {self._num_golden} goldens (num_golden of the dataset), '
                'each one '
                'image or a list of one per lighting')
        return (ordered(compare, self._lightings, 'compare'),
                [image for side in goldens for image in ordered(side, self._lightings, 'golden')])

    def _image(self, image: Any, side: Any) -> Any:
        if isinstance(image, (bytes, bytearray, memoryview)):
            check_bytes(bytes(image), f'an image of the {side} side')
            return decode_image(bytes(image), f'an image of the {side} side')
        if isinstance(image, (str, os.PathLike)):
            return self._load(dict(compare_files=[str(image)], golden_files=[]))['images'][0]
        check_array(image, side)
        return image

    @torch.inference_mode()
    def _score(self, prepared: Any) -> Any:
        prepared = iter(prepared)
        samples = []
        while batch := list(islice(prepared, self.batch_size)):
            samples += self.model.test_step(pseudo_collate(batch))
        for sample in samples:
            if 'error' not in sample and not math.isfinite(sample.score):
                sample.set_metainfo(dict(error=f'the network gave the score {sample.score}'))
        return samples
