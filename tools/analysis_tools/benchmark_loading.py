"""Time the loading of a sample, from files to a normalised float tensor, against a plain Pillow and
torchvision loader.

Both load the same pair of 2 x 4 JPEGs and do the same, in turns, on one thread: antialiased resizing, with
augmentation the same draws as well. It only reports: on a loaded machine compare the ratios, not the
milliseconds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

for variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[variable] = '1'  # before numpy is loaded

import cv2
import numpy as np
import torch
import torchvision.transforms.functional as functional
from mmengine.dataset import Compose, pseudo_collate
from PIL import Image, ImageFilter

from mmchangenet.datasets.transforms import (
    LayOutLightings,
    LoadLightings,
    PackChangeInputs,
    PairedAugmentation,
    PairedColorJitter,
    PairedGaussianBlur,
    PairedRandomFlip,
    PairedRandomResizedCrop,
    PairedRandomRotate,
    PairedResize,
)
from mmchangenet.models.data_preprocessors import PairDataPreprocessor

LIGHTINGS = 4
FILE_SIDE, SIDE = 160, 128  # pixels
Load: TypeAlias = Callable[[int], dict[str, torch.Tensor]]  # seed → the inputs of a sample
DRAWS = 12  # samples per repeat, each with its own draw: colour jitter, the dearest, comes in half of them


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=15,
                        help=f'how often to load {DRAWS} samples in every way')
    return parser.parse_args()


def write_files(folder: str) -> list[str]:
    """Textured 160-px JPEGs, one per lighting of either side, of 8 kB as inspection cameras give them."""
    rng = np.random.default_rng(0)
    files = []
    for index in range(2 * LIGHTINGS):
        image = cv2.resize(rng.normal(90, 18, (20, 20, 3)), (FILE_SIDE, FILE_SIDE),
                           interpolation=cv2.INTER_CUBIC)
        for _ in range(18):
            corner, extent = rng.integers(FILE_SIDE, size=2), rng.integers(6, 50, 2)
            color = rng.uniform(0, 255, 3).tolist()
            cv2.rectangle(image, corner.tolist(), (corner + extent).tolist(), color, -1)
        image = cv2.GaussianBlur(image, (0, 0), 0.8) + rng.normal(0, 5, image.shape)
        files.append(str(Path(folder) / f'{index}.jpg'))
        Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(files[-1], quality=90)
    return files


def our_loader(files: list[str], augmentations: Sequence[PairedAugmentation], filter: str) -> Load:
    """The loader of this project, with one of its resizing filters."""
    resize = PairedResize((SIDE, SIDE), filter)
    pipeline = Compose([LoadLightings(), resize, *augmentations, LayOutLightings(), PackChangeInputs()])
    preprocess = PairDataPreprocessor()

    def load(seed: int) -> dict[str, torch.Tensor]:
        row = dict(compare_files=files[:LIGHTINGS], golden_files=files[LIGHTINGS:],
                   rng=np.random.default_rng(seed))
        return preprocess(pseudo_collate([pipeline(row)]))['inputs']

    return load


def plain_loader(files: list[str], augmentations: Sequence[PairedAugmentation],
                 filter: Image.Resampling) -> Load:
    """One image after the other, as it is usually written; what is drawn for the pair is drawn once."""
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def flip(image: Image.Image, horizontal: bool, vertical: bool) -> Image.Image:
        image = functional.hflip(image) if horizontal else image
        return functional.vflip(image) if vertical else image

    def crop(image: Image.Image, top: int, left: int, side: int) -> Image.Image:
        return functional.resized_crop(image, top, left, side, side, (SIDE, SIDE))

    def jitter(image: Image.Image, factors: list[tuple[str, float]]) -> Image.Image:
        for name, factor in factors:
            image = getattr(functional, f'adjust_{name}')(image, factor)
        return image

    steps: dict[type, Callable[..., Image.Image]] = {
        PairedRandomFlip: flip,
        PairedRandomRotate: functional.rotate,
        PairedRandomResizedCrop: crop,
        PairedGaussianBlur: lambda image, radius: image.filter(ImageFilter.GaussianBlur(radius)),
        PairedColorJitter: jitter,
    }

    def load(seed: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng(seed)
        drawn: list[tuple[Callable[..., Image.Image], tuple[Any, ...] | None]] = [
            (steps[type(augmentation)], augmentation.draw(rng, (SIDE, SIDE)))
            for augmentation in augmentations]
        tensors = []
        for file in files:
            image = Image.open(file).convert('RGB').resize((SIDE, SIDE), filter)
            for step, arguments in drawn:
                image = image if arguments is None else step(image, *arguments)
            tensors.append(functional.normalize(functional.to_tensor(image), mean, std))
        compare, golden = (torch.cat(side, 1)[None] for side in (tensors[:LIGHTINGS], tensors[LIGHTINGS:]))
        return {'compare': compare, 'golden': golden}

    return load


def seconds_per_sample(load: Load) -> float:
    """Processor time that a loader takes."""
    start = time.thread_time()
    for seed in range(DRAWS):
        load(seed)
    return (time.thread_time() - start) / DRAWS


def main() -> None:
    """Time both and print the figures."""
    args = parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    augmentations: list[PairedAugmentation] = [
        PairedRandomFlip(),
        PairedRandomRotate(),
        PairedRandomResizedCrop(),
        PairedGaussianBlur(),
        PairedColorJitter(),
    ]
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(folder)
        size = sum(os.path.getsize(file) for file in files) / len(files) / 1000
        print(f'2 x {LIGHTINGS} JPEGs of {FILE_SIDE} px and {size:.1f} kB → {SIDE} px, one thread, median of '
              f'{args.repeats} repeats in turns, ms per sample')
        rows: dict[str, tuple[list[PairedAugmentation], Image.Resampling, tuple[str, ...]]] = {
            'without augmentation': ([], Image.Resampling.BILINEAR, ('pillow-bilinear', 'fast', 'area')),
            'with augmentation': (augmentations, Image.Resampling.BICUBIC,
                                  ('pillow-bicubic', 'fast', 'area')),
        }
        for name, (steps, plain_filter, filters) in rows.items():
            loaders = {'plain': plain_loader(files, steps, plain_filter)}
            loaders |= {filter: our_loader(files, steps, filter) for filter in filters}
            times: dict[str, list[float]] = {key: [] for key in loaders}
            for repeat in range(args.repeats + 1):
                for key, load in loaders.items():
                    seconds = seconds_per_sample(load)
                    if repeat:  # the first one warms up
                        times[key].append(seconds)
            medians = {key: 1000 * np.median(values) for key, values in times.items()}
            print(f'{name}: Pillow and torchvision {medians["plain"]:.1f}')
            for filter in filters:
                print(f'    {filter:16} {medians[filter]:5.1f}   {medians["plain"] / medians[filter]:.1f} '
                      'times as fast')


if __name__ == '__main__':
    main()
