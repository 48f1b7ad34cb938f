"""Small demo data, the parity cases, and spec overrides for the tests of this folder."""

import json
import sys
from pathlib import Path

import pytest
import torch

from mmchangenet.datasets.demo import generate_demo
from mmchangenet.models import SiameseClassifier
from mmchangenet.structures import ChangeDataSample

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


def read_case(name):
    """A parity case: structure, inputs and what the reference gave for them."""
    return json.loads((PARITY / 'cases' / f'{name}.json').read_text())


@pytest.fixture(scope='session')
def case(request, fill):
    """The parity case that a test names: ``@pytest.mark.parametrize('case', NAMES, indirect=True)``."""
    return read_case(request.param)


@pytest.fixture(scope='session')
def build_network():
    """Builds the network of a parity case on a backbone: ``build_network(case, backbone)``."""

    def build(case, backbone):
        loss = case['loss']
        if case['difference'] == 'euclidean':
            neck = dict(type='EuclideanDifference', embedding_vectors=case['embedding_vectors'])
            head = dict(type='ContrastiveHead', loss=dict(type='ContrastiveLoss', margin=loss['margin']))
        else:
            neck = dict(type='LearnableDifference', num_modules=case['learnable_difference_modules'])
            head = dict(type='ChangeClsHead', embed_dec=case['embed_dec'],
                        loss=dict(type='WeightedCrossEntropy', class_weight=loss['weight']))
        return SiameseClassifier(backbone, neck, head, input_size=case['tensor_hw']).eval()

    return build


@pytest.fixture(scope='session')
def check_agreement(fill):
    """Runs a network with a case's weights on a case's images: ``check_agreement(model, case)``."""

    def check(model, case):
        assert sum(p.numel() for p in model.parameters()) == case['params']
        assert sum(p.numel() for p in model.backbone.parameters()) == case['backbone_params']
        shape = (case['batch'], 3, *case['tensor_hw'])
        compare, golden = (model.features(fill.images(case[f'seed_{side}'], shape)) for side in ('compare', 'golden'))
        for level, expected in zip(compare, case['features'], strict=True):
            assert list(level.shape) == expected['shape']
            agree(torch.stack([level.mean(), level.std()]), [expected['mean'], expected['std']])
            agree(level[0].flatten()[:8], expected['first'])
            agree(level[-1].flatten()[-8:], expected['last'])
        comparison = model.neck.compare(model.neck.encode(compare), model.neck.encode(golden))
        agree(model.head(comparison), case['output'])
        samples = [ChangeDataSample(gt_fail=int(label)) for label in case['labels']]
        agree(model.head.loss(comparison, samples)['loss'], case['loss']['value'])

    def agree(value, expected):
        torch.testing.assert_close(value, torch.tensor(expected), atol=1e-4, rtol=0)

    return check


@pytest.fixture(scope='session')
def reference_file(fill, tmp_path_factory):
    """A parity case's content and its weights as a Lightning file: ``reference_file(name)``."""
    folder, made = tmp_path_factory.mktemp('reference'), {}

    def make(name):
        if name not in made:
            case = read_case(name)
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
