"""The images that a conversion is tried on: the first row of a label CSV, or a pair of images."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose

from mmchangenet.labels.lightings import image_names, ordered_lightings
from mmchangenet.registry import DATASETS


def read_sample(sample: str | Path | Sequence[Any], config: Config) -> dict[str, Any]:
    """One item of the dataset, for ``pseudo_collate``.

    Args:
        sample: a label CSV, of which the first row is taken; or the compare and the golden side, also as one
            string with a comma between them. A side is a file, ``board/R1.png``, which stands for
            ``board/R1_<lighting>.png`` where the config has lightings; or a list of one file or uint8 RGB
            array (h, w, 3) per lighting. With several goldens per part the golden side is a list: those of
            the first, of the second and so on.
        config: the network's; its ``test_dataloader`` says how images are prepared.

    Raises:
        ValueError: when it is neither, or a side does not have one image per lighting.
        LabelCsvError: with everything wrong with the CSV.
        ImageError: when an image cannot be read.
    """
    sides = _sides(sample)
    settings = copy.deepcopy(dict(config['test_dataloader']['dataset']))
    if len(sides) == 1:
        settings.update(ann_file=str(Path(sides[0]).absolute()), test_mode=True, indices=1)
        item = DATASETS.build(settings)[0]
        if 'error' in item['data_samples']:
            raise ValueError(f'the first row of {sides[0]} cannot be tried on: {item["data_samples"].error}')
        return item
    lightings, num_golden = ordered_lightings(settings.get('input_map')), settings.get('num_golden', 1)
    compare, golden = (_lightings(side, lightings, count)
                       for side, count in zip(sides, (1, num_golden), strict=True))
    loader, *steps = settings.get('pipeline') or config['test_pipeline']
    load = Compose([loader])
    images = [
        image if isinstance(image, np.ndarray) else load(dict(
            compare_files=[str(image)], golden_files=[]))['images'][0] for image in (*compare, *golden)
    ]
    names = [[str(image) for image in side if not isinstance(image, np.ndarray)]
             for side in (compare, golden)]
    several = dict(num_golden=num_golden) if num_golden > 1 else {}
    return Compose(steps)(dict(sample_idx=0,
                               rng=np.random.default_rng(0),
                               images=images,
                               compare_files=names[0],
                               golden_files=names[1],
                               **several))


def _sides(sample: str | Path | Sequence[Any]) -> list[Any]:
    """[CSV], or [compare, golden]."""
    if isinstance(sample, (str, Path)):
        sample = str(sample)
        sample = [sample] if Path(sample).exists() or ',' not in sample else sample.split(',')
    sides = list(sample)
    if len(sides) == 1 and str(sides[0]).lower().endswith('.csv'):
        return sides
    if len(sides) != 2:
        raise ValueError(
            f'{sample!r} is no sample: give a label CSV (its first row is taken), or two images: '
            'compare,golden')
    return sides


def _lightings(side: Any, lightings: Sequence[str] | None, num_golden: int) -> list[Any]:
    """One image per lighting, of each golden."""
    if isinstance(side, (str, Path)):
        side = Path(side)
        return [side.with_name(name) for name in image_names(side.stem, lightings, side.suffix)] * num_golden
    images = list(side) if isinstance(side, (list, tuple)) else [side]
    count = num_golden * (1 if lightings is None else len(lightings))
    if len(images) != count:
        raise ValueError(
            f'a side of the pair has {len(images)} images, but the network takes {count}: one per lighting')
    return images
