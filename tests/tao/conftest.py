"""Small demo data, the parity cases, and spec overrides for the tests of this folder."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest
import torch

from mmchangenet.boards.demo import generate_demo
from mmchangenet.models import CRADIO, FAN, DINOv3
from mmchangenet.tao.backbones import BACKBONES
from mmchangenet.tao.command import main

PARITY = Path(__file__).parents[3] / 'shared/parity'
SPECS = Path(__file__).parent / 'specs'
TINY = """
task: classify
encryption_key: secret
train:
  num_epochs: 1
  optim: {lr: 0.001}
  classify: {loss: contrastive}
model:
  backbone: {type: fan_tiny_8_p4_hybrid}
  classify: {eval_margin: 0.02, difference_module: euclidean, embedding_vectors: 3}
dataset:
  classify:
    batch_size: 8
    workers: 0
    fpratio_sampling: 1.0
    input_map: {WhiteLight: 0}
"""



@pytest.fixture(scope='session')
def boards(tmp_path_factory):
    """Three small boards, 32 pairs a split; tests only read them."""
    root = tmp_path_factory.mktemp('boards') / 'demo'
    generate_demo(root, num_boards=3, size=32)
    return root


@pytest.fixture(scope='session')
def data_overrides(spec_data):
    """The paths of the boards as overrides of a spec: ``data_overrides(size)``."""

    def make(size=16):
        return [
            'task=classify', f'dataset.classify.image_width={size}', f'dataset.classify.image_height={size}',
            *spec_data
        ]

    return make


@pytest.fixture(scope='session')
def spec_data(boards):
    """The paths of the boards as overrides of a spec."""
    splits = dict(train='train', validation='val', test='test', infer='test')
    return [item for name, split in splits.items() for item in (
        f'dataset.classify.{name}_dataset.csv_path={boards / split}.csv',
        f'dataset.classify.{name}_dataset.images_dir={boards / "images"}')]


@pytest.fixture
def shallow_fan(monkeypatch):
    """FAN's tiny and small of two narrow blocks, which train in no time."""
    shallow = dict(depth=2, num_heads=2, stem_depths=(1, 1), tap=1)
    for name, width in (('tiny', 32), ('small', 64)):
        monkeypatch.setitem(FAN.variants, name, dict(shallow, width=width))


@pytest.fixture
def shallow_radio(monkeypatch):
    """C-RADIO's base and DINOv3's small of four narrow blocks."""
    for variants, arch, name in ((CRADIO.variants, 'base', 'c_radio_v2_vit_base_patch16_224'),
                                 (DINOv3.variants, 'small', 'vit_small_dinov3')):
        monkeypatch.setitem(variants, arch, dict(variants[arch], embed_dim=64, depth=4, num_heads=1))
        monkeypatch.setitem(BACKBONES, name, dataclasses.replace(BACKBONES[name], depth=4))


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
    torch.save(
        {
            'state_dict': {**state, 'criterion.weight': torch.ones(2)}, 'pytorch-lightning_version': '1.8.5',
            'epoch': 4, 'global_step': 100, 'hyper_parameters': HyperParameters(), 'optimizer_states': []
        }, file)


@pytest.fixture
def in_own_folder(tmp_path, monkeypatch):
    """A working directory of its own, and no process group around."""
    monkeypatch.chdir(tmp_path)
    for name in ('LOCAL_RANK', 'RANK', 'MMCHANGENET_DEBUG'):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(data_overrides, in_own_folder):
    """Runs the tiny Euclidean spec: ``run('train', 'key=value', ...)`` gives the exit code."""
    Path('tiny.yaml').write_text(TINY)

    def call(action, *overrides):
        return main([action, '-e', 'tiny.yaml', *data_overrides(16), 'results_dir=out', *overrides])

    return call
