"""Scores pairs of images or the rows of a label CSV with a trained network."""

import copy
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress

from mmchangenet.checkpoint import load_for_scoring
from mmchangenet.imaging import ImageError
from mmchangenet.registry import DATASETS, MODELS


class ChangeInferencer:
    """A trained network, ready to score.

    Args:
        config (str | Path | Config): the config that the network was trained with; its ``test_dataloader`` says how
            images are prepared and which lightings there are.
        checkpoint (str | Path): its weights; they must fit exactly.
        device (str, optional): default: a GPU where there is one.
        batch_size (int): pairs that pass the network at a time.

    Attributes:
        model (SiameseClassifier): in evaluation mode.
        margin (float): a pair with a greater score is a FAIL; the threshold picked for the checkpoint, or the config's.

    Raises:
        CheckpointError: when the checkpoint does not fit the config.
        ValueError: when the config has no ``test_dataloader``.

    Example:
        >>> inferencer = ChangeInferencer('configs/changenet_fan.py', 'work_dirs/changenet_fan/best_auroc_epoch_10.pth')
        >>> inferencer.score_pairs([('tested.png', 'golden.png')])
    """

    def __init__(self, config, checkpoint, device=None, batch_size=16):
        config = copy.deepcopy(config) if isinstance(config, Config) else Config.fromfile(config)
        if not config.get('test_dataloader'):
            raise ValueError('the config has no test_dataloader, which tells how images are prepared for the network')
        init_default_scope(config.get('default_scope', 'mmchangenet'))
        self.config = config
        self.batch_size = batch_size
        self.model = MODELS.build(config.model)
        load_for_scoring(self.model, checkpoint, config)
        self.model.to(device or get_device()).eval()
        dataset = config.test_dataloader.dataset
        self._loader, *steps = (config.test_pipeline if 'pipeline' not in dataset else dataset.pipeline)
        self._load, self._prepare = Compose([self._loader]), Compose(steps)
        self._num_lightings = len(dataset.get('input_map') or [''])
        self._num_golden = dataset.get('num_golden', 1)

    @property
    def margin(self):
        return self.model.head.margin

    def score_pairs(self, pairs):
        """
        Args:
            pairs (Iterable[tuple]): (compare, golden); a side is one image, or a list of one image a lighting in the
                order of ``input_map``. An image is a file, or a uint8 array (H, W, 3) in RGB. For a dataset with
                ``num_golden`` > 1, golden is a list of up to so many such sides.

        Returns:
            list[ChangeDataSample]: a sample a pair with ``score``, ``pred_fail`` and, where its images cannot be read,
            ``error`` and a NaN score.

        Raises:
            ValueError: when a side does not have one image a lighting, or there are too many goldens.
        """
        return self._score(self._results(number, *pair) for number, pair in enumerate(pairs))

    def score_csv(self, csv_file, images_dir, progress=False):
        """
        Args:
            csv_file (str | Path): a label CSV; the labels may be missing.
            images_dir (str | Path): the folder that its paths start from.
            progress (bool): show a bar.

        Returns:
            pandas.DataFrame: the CSV's own rows in their order with a ``siamese_score`` column, NaN where an image
            cannot be read.

        Raises:
            LabelCsvError: with everything wrong with the CSV.
        """
        dataset = self.build_dataset(csv_file, images_dir)
        rows = range(len(dataset))
        samples = self._score(dataset[row] for row in (track_iter_progress(rows) if progress else rows))
        return dataset.label_frame().assign(siamese_score=np.array([sample.score for sample in samples], dtype=np.float32))

    def build_dataset(self, csv_file, images_dir):
        """The config's test dataset on another CSV."""
        settings = dict(self.config.test_dataloader.dataset)
        settings.update(ann_file=str(Path(csv_file).absolute()), data_root='', test_mode=True,
                        data_prefix=dict(img_path=str(Path(images_dir).absolute())), indices=None)
        return DATASETS.build(settings)

    def _results(self, number, compare, golden):
        """What the pipeline starts from, for images instead of a CSV's row."""
        results = dict(sample_idx=number, rng=np.random.default_rng(number))
        results['compare_images'] = self._side(number, 'compare', compare)
        if self._num_golden == 1:
            results['golden_images'] = self._side(number, 'golden', golden)
        else:
            if not isinstance(golden, (list, tuple)) or not 1 <= len(golden) <= self._num_golden:
                raise ValueError(f'pair {number}: golden must be a list of 1 to {self._num_golden} goldens (num_golden of the '
                                 'dataset), each one image or a list of one a lighting')
            goldens = [self._side(number, 'golden', side) for side in golden]
            results['golden_images'] = [image for turn in range(self._num_golden) for image in goldens[turn % len(goldens)]]
            results['num_golden'] = self._num_golden
        return self._prepared(results)

    def _side(self, number, side, images):
        """The images of a side as a list of one a lighting."""
        images = list(images) if isinstance(images, (list, tuple)) else [images]
        if len(images) != self._num_lightings:
            raise ValueError(f'pair {number}: the {side} side has {len(images)} images, but the network takes '
                             f'{self._num_lightings} lightings')
        return images

    def _prepared(self, results):
        sides = [results.pop(f'{side}_images') for side in ('compare', 'golden')]
        files = [[str(image) for image in side if not isinstance(image, np.ndarray)] for side in sides]
        results.update(compare_files=files[0], golden_files=files[1])
        try:
            results['images'] = [self._image(image) for side in sides for image in side]
        except ImageError as error:
            results.update(error=str(error), images=[np.zeros((8, 8, 3), np.uint8)] * sum(map(len, sides)))
        return self._prepare(results)

    def _image(self, image):
        if isinstance(image, np.ndarray):
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise ValueError(f'an image given as an array must be uint8 of shape (H, W, 3), got {image.dtype} {image.shape}')
            return image
        return self._load(dict(compare_files=[str(image)], golden_files=[]))['images'][0]

    @torch.inference_mode()
    def _score(self, prepared):
        prepared = iter(prepared)
        samples = []
        while batch := list(islice(prepared, self.batch_size)):
            samples += self.model.test_step(pseudo_collate(batch))
        return samples
