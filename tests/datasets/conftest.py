"""Small label CSVs with real images."""

import cv2
import numpy as np
import pytest

LIGHTS = {'Low': 0, 'White': 1}


class PairFolder:
    """A label CSV and its images in a folder.

    Args:
        root (Path): the folder; ``labels.csv`` and ``images/`` go into it.
        lights (Sequence[str]): lighting names; none: one image without suffix.
        ext (str): extension of the images.
    """

    def __init__(self, root, lights=tuple(LIGHTS), ext='.png'):
        self.root, self.ext = root, ext
        self.suffixes = [f'_{light}' for light in lights] or ['']
        self.lines = ['input_path,golden_path,label,object_name']
        self.csv, self.images = root / 'labels.csv', root / 'images'

    def add(self, label='PASS', name=None, board='b0'):
        """Add a row with its images, every one different."""
        name = name or f'C{len(self.lines) - 1}'
        self.lines.append(f'compare/{board},golden/{board},{label},{name}')
        rng = np.random.default_rng(len(self.lines))
        for side in ('compare', 'golden'):
            folder = self.images / side / board
            folder.mkdir(parents=True, exist_ok=True)
            for suffix in self.suffixes:
                cv2.imwrite(str(folder / f'{name}{suffix}{self.ext}'),
                            rng.integers(0, 256, (12, 10, 3), np.uint8))
        self.csv.write_text('\n'.join(self.lines) + '\n')
        return self

    def settings(self, **more):
        """Arguments of a LightingPairDataset of this folder."""
        input_map = {suffix[1:]: i for i,
                     suffix in enumerate(self.suffixes)} if self.suffixes != [''] else None
        return dict(data_root=str(self.root), ann_file='labels.csv', data_prefix=dict(img_path='images'),
                    image_ext=self.ext, input_map=input_map) | more


@pytest.fixture
def pair_folder(tmp_path):
    """Eight rows on two boards: 5 PASS, 2 missing, 1 bridge."""
    folder = PairFolder(tmp_path)
    for i, label in enumerate(['PASS', 'missing', 'PASS', 'PASS', 'bridge', 'PASS', 'missing', 'PASS']):
        folder.add(label, board=f'b{i // 4}')
    return folder


@pytest.fixture
def new_folder(tmp_path):
    """Makes an empty :class:`PairFolder`."""
    return lambda name='.', **more: PairFolder(tmp_path / name, **more)
