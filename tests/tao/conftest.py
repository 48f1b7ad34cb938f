"""Small demo data, the parity cases, and spec overrides for the tests of this folder."""

import json
import sys
from pathlib import Path

import pytest
import torch

from mmchangenet.boards.demo import generate_demo

PARITY = Path(__file__).parents[3] / 'shared/parity'
SPECS = Path(__file__).parent / 'specs'


@pytest.fixture(scope='session')
def boards(tmp_path_factory):
    """Three small boards, 32 pairs a split; tests only read them."""
    root = tmp_path_factory.mktemp('boards') / 'demo'
    generate_demo(root, num_boards=3, size=32)
    return root


@pytest.fixture(scope='session')
def data_overrides(boards):
    """The paths of the boards as overrides of a spec: ``data_overrides(size)``."""

    def make(size=16):
        splits = dict(train='train', validation='val', test='test', infer='test')
        return ['task=classify', f'dataset.classify.image_width={size}', f'dataset.classify.image_height={size}', *(
            item for name, split in splits.items() for item in (
                f'dataset.classify.{name}_dataset.csv_path={boards / split}.csv',
                f'dataset.classify.{name}_dataset.images_dir={boards / "images"}'))]

    return make


@pytest.fixture(scope='session')
def fill():
    """The module that makes the weights and inputs of the parity cases."""
    if not PARITY.is_dir():
        pytest.skip(f'needs the numbers measured on the reference in {PARITY}')
    sys.path.insert(0, str(PARITY))
    try:
        import fill
        return fill
    finally:
        sys.path.remove(str(PARITY))


@pytest.fixture(scope='session')
def reference_file(fill, tmp_path_factory):
    """A parity case's content and its weights as a Lightning file: ``reference_file(name)``."""
    folder, made = tmp_path_factory.mktemp('reference'), {}

    def make(name):
        if name not in made:
            case = json.loads((PARITY / 'cases' / f'{name}.json').read_text())
            file = folder / f'{name}.pth'
            save_lightning(fill.fill(case['layout']), file)
            made[name] = case, file
        return made[name]

    return make


class HyperParameters:
    """Stands for the config objects that Lightning pickles into its files."""

    def __init__(self):
        self.model = dict(type='fan')


def save_lightning(weights, file):
    """Write weights as the toolkit does."""
    state = {f'model.{key}': value for key, value in weights.items()}
    torch.save({'state_dict': {**state, 'criterion.weight': torch.ones(2)}, 'pytorch-lightning_version': '1.8.5', 'epoch': 4,
                'global_step': 100, 'hyper_parameters': HyperParameters(), 'optimizer_states': []}, file)
