"""From the images of a sample to the network's input."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmchangenet.imaging import check_layout, lay_out
from mmchangenet.registry import TRANSFORMS
from mmchangenet.structures import ChangeDataSample

from .augmentation import Images, Results

META_KEYS = ('sample_idx', 'input_path', 'golden_path', 'label', 'object_name', 'compare_files',
             'golden_files', 'error', 'replaced', 'num_golden')


@TRANSFORMS.register_module()
class LayOutLightings(BaseTransform):
    """Lay out the lightings of each side in one image.

    Required keys: images, a uint8 array (2, L, h, w, 3).

    Modified keys: images, a uint8 array (2, H, W, 3); see :func:`mmchangenet.imaging.lay_out`.

    Args:
        layout: ``'linear'``, from top to bottom, or ``'grid'``, row by row.
        grid: (rows, columns) of the grid.
    """

    def __init__(self, layout: str = 'linear', grid: tuple[int, int] | None = None) -> None:
        self.layout = layout
        self.grid = check_layout(layout, grid)

    def transform(self, results: Results) -> Results:
        """Lay out both sides."""
        results['images'] = lay_out(results['images'], self.layout, self.grid)
        return results


@TRANSFORMS.register_module()
class PackChangeInputs(BaseTransform):
    """Pack a sample for the network.

    Required keys: images, a uint8 array (2, H, W, 3) or (1 + num_golden, H, W, 3), and what is known of the
    row: sample_idx, input_path, golden_path, label, object_name, compare_files, golden_files, error,
    replaced, num_golden, gt_fail.

    Returns a dict with:
        inputs: ``compare`` and ``golden``, contiguous uint8 tensors (3, H, W); with several goldens
        ``golden`` is
            (num_golden, 3, H, W). (Parting the channels here costs a tenth of what it does when tensors are
            stacked or made float.)
        data_samples: gt_fail and, of a row with a synthetic defect, defect_mask (uint8, (h, w)) as data, the
        others as meta information.

    Raises:
        ValueError: (when called) the lightings are not laid out.
    """

    def transform(self, results: Results) -> dict[str, Any]:
        """The packed sample."""
        sample = ChangeDataSample()
        for key in META_KEYS:
            if key in results:  # one by one, as set_metainfo makes deep copies
                sample.set_field(results[key], key, field_type='metainfo')
        if 'gt_fail' in results:
            sample.gt_fail = results['gt_fail']
        if 'defect_mask' in results:
            sample.defect_mask = torch.from_numpy(results['defect_mask'])
        images = results['images']
        if images.ndim != 4:
            raise ValueError(f'PackChangeInputs takes one image per side, got {images.shape}: put '
                             'LayOutLightings before it')
        compare, *goldens = images = torch.from_numpy(_part_channels(images))
        golden = images[1:] if 'num_golden' in results else goldens[0]
        return {'inputs': {'compare': compare, 'golden': golden}, 'data_samples': sample}


def _part_channels(images: Images) -> Images:
    """(sides, H, W, 3) → (sides, 3, H, W), by OpenCV in a third of numpy's time."""
    sides, h, w, channels = images.shape
    parted = np.empty((sides, channels, h, w), np.uint8)
    for image, planes in zip(images, parted, strict=True):
        cv2.split(image, list(planes))
    return parted
