"""Every config and every kind of part exports and scores as the network does, or is refused by name."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from networks import NECKS, train_like
from torch import nn

from mmchangenet.export.folder import export_folder
from mmchangenet.export.onnx_export import ExportError
from mmchangenet.models import SiameseClassifier
from mmchangenet.models.heads import ChangeClsHead
from mmchangenet.models.necks import EuclideanDifference, LearnableDifference
from mmchangenet.registry import DATASETS, MODELS
from mmchangenet.runtime import ChangeRuntime

CONFIGS = Path(__file__).parents[2] / 'configs'
SHALLOW = dict(width=64, depth=4, num_heads=2, hidden_dim=128, swiglu=True)
LIGHTS = dict(Low=0, White=1)
PARTS = 6


@pytest.fixture(scope='module')
def boards(tmp_path_factory):
    """A folder with a label CSV of six parts under up to four lights, and two goldens for each."""
    root, generator = tmp_path_factory.mktemp('boards'), np.random.default_rng(0)
    rows = ['input_path,golden_path,label,object_name']
    for part in range(PARTS):
        folder = root / f'golden_{part}'
        (root / 'board').mkdir(exist_ok=True)
        folder.mkdir()
        for light in ('', '_Low', '_White', '_SolderLight', '_UniformLight', '_LowAngleLight', '_WhiteLight'):
            base = cv2.resize(generator.integers(0, 256, (5, 4, 3), np.uint8), (36, 40))
            for number, place in enumerate(
                (folder / f'R{part}', folder / f'S{part}', root / 'board' / f'R{part}')):
                other = np.roll(base, 5 * number * (part % 3), axis=0)
                cv2.imwrite(str(place.with_name(f'{place.name}{light}.png')), other)
        rows.append(f'board,golden_{part},{"missing" if part % 2 else "PASS"},R{part}')
    (root / 'labels.csv').write_text('\n'.join(rows) + '\n')
    return root


def dataset_of(root, size, input_map=LIGHTS, layout=None, **more):
    """A test dataset's config."""
    steps = [
        dict(type='LoadLightings'),
        dict(type='PairedResize', size=size), layout or dict(type='LayOutLightings'),
        dict(type='PackChangeInputs')
    ]
    return dict(type='LightingPairDataset', data_root=str(root), ann_file='labels.csv',
                data_prefix=dict(img_path=''), image_ext='.png', input_map=input_map, test_mode=True,
                pipeline=steps, **more)


def both_scores(model, dataset, folder):
    """Scores by the network and by an exported folder, which are told apart by their own code."""
    data = DATASETS.build(dataset)
    items = [data[row] for row in range(len(data))]
    with torch.no_grad():
        wanted = [model.test_step(pseudo_collate([item]))[0].score for item in items]
    pairs = [(item['data_samples'].compare_files, item['data_samples'].golden_files) for item in items]
    results = ChangeRuntime(folder, threads=1).score_pairs(pairs)
    assert not [result.error for result in results if result.error]
    return np.array(wanted), np.array([result.score for result in results]), results


def narrowed(file, boards):
    """A config with a small network on small images."""
    config = Config.fromfile(file)
    backbone, kind = config.model.backbone, config.model.backbone.type
    side = 32
    if kind == 'FAN':
        backbone.arch = 'tiny'
    elif 'DINOv2' in kind or 'ViTAdapter' in kind:
        side = 56 if 'DINOv2' in kind else 64
        if 'large' in str(backbone.arch):
            backbone.arch = SHALLOW
            backbone.pop('init_cfg', None)
    elif 'CRADIO' in kind or 'DINOv3' in kind:
        name = 'vit_base_patch16_radio_v3' if 'CRADIO' in kind else 'vit_small_patch16_dinov3'
        backbone.arch = dict(model_name=name, embed_dim=64, depth=4, num_heads=2,
                             init_values=0.0 if 'CRADIO' in kind else 1e-5)
    if config.model.neck.type == 'LearnableDifference':
        config.model.neck.embed_dim = 32
    dataset = config.test_dataloader.dataset
    steps = dataset.get('pipeline') or config.test_pipeline
    layout = next(step for step in steps if step['type'] == 'LayOutLightings')
    lights = dict(dataset.input_map) if dataset.get('input_map') else None
    count = len(lights) if lights else 1
    rows, columns = layout.get('grid') or (count, 1)
    config.model.input_size = (rows * side, columns * side)
    config.test_dataloader = dict(dataset=dataset_of(boards, (side, side), lights, dict(layout)))
    return config


def kind_of(file):
    """What of a config is left when it is narrowed: configs that are alike then need one export."""
    config = Config.fromfile(file)
    backbone = {
        key: str(value) for key, value in config.model.backbone.items() if key not in ('arch', 'init_cfg')
    }
    steps = config.test_dataloader.dataset.get('pipeline') or config.test_pipeline
    layout = next(step for step in steps if step['type'] == 'LayOutLightings')
    return str((backbone, config.model.neck.type, config.model.head.type, layout))


FILES = sorted({kind_of(file): file for folder in ('.', 'backbones', 'fan', 'dinov2', 'radio', 'dinov3')
                for file in sorted((CONFIGS / folder).glob('*.py'))}.values())


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)
def test_a_shipped_config(file, boards, tmp_path):
    config = narrowed(file, boards)
    init_default_scope('mmchangenet')
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    for part in (model.neck, model.head):  # a deep backbone of random statistics amplifies rounding
        train_like(part)
    model.eval()
    differences = export_folder(model, config, tmp_path / 'out')
    wanted, got, _ = both_scores(model, config.test_dataloader.dataset, tmp_path / 'out')
    assert differences['end to end'] < 1e-4
    np.testing.assert_allclose(got, wanted, atol=1e-4 * max(1, wanted.max()))


@MODELS.register_module(force=True)
class ScaledDistance(EuclideanDifference):
    """A user's neck: its code is a dict of lists."""

    def encode(self, features):
        return dict(embedding=[super().encode(features)], mean=features[-1].flatten(1).mean(dim=1))

    def compare(self, compare, golden):
        return (super().compare(compare['embedding'][0], golden['embedding'][0])
                * (1 + (compare['mean'] - golden['mean']).abs()))


@MODELS.register_module(force=True)
class SquareRootHead(ChangeClsHead):
    """A user's head."""

    def scores(self, output):
        return super().scores(output).sqrt()


TIMM = dict(type='mmpretrain.TIMMBackbone', model_name='swin_tiny_patch4_window7_224', features_only=True,
            pretrained=False, img_size=64, embed_dim=24, depths=(1, 1, 1, 1), num_heads=(1, 2, 3, 4),
            _scope_='mmpretrain')
DEIT = dict(type='mmpretrain.DistilledVisionTransformer', arch='deit-tiny', img_size=64, patch_size=16,
            out_type='cls_token', _scope_='mmpretrain')
RESNET = dict(type='mmpretrain.ResNet', depth=18, stem_channels=16, base_channels=8, out_indices=(1, 2, 3),
              _scope_='mmpretrain')
LEARNABLE, EUCLIDEAN = (NECKS[name] for name in ('learnable', 'euclidean'))
NARROW = dict(type='LearnableDifference', embed_dim=16), LEARNABLE[1]
THREE = dict(type='ChangeClsHead', embed_dec=12, num_classes=3, class_names=('PASS', 'missing', 'shifted'))


@pytest.mark.parametrize(('backbone', 'neck', 'head', 'more'), [
    pytest.param(TIMM, *NARROW, {}, id='channels last, learnable'),
    pytest.param(TIMM, *EUCLIDEAN, {}, id='channels last, Euclidean'),
    pytest.param(DEIT, *EUCLIDEAN, {}, id='two tokens'),
    pytest.param(RESNET, dict(type='ScaledDistance', hidden_dim=32), EUCLIDEAN[1], {}, id='a user\'s neck'),
    pytest.param(RESNET, NARROW[0], dict(type='SquareRootHead', embed_dec=12), {}, id='a user\'s head'),
    pytest.param(RESNET, NARROW[0], THREE, {}, id='three classes'),
    pytest.param(RESNET, *NARROW, dict(num_golden=2), id='two goldens, learnable'),
    pytest.param(RESNET, *EUCLIDEAN, dict(num_golden=2), id='two goldens, Euclidean'),
    pytest.param(RESNET, NARROW[0], THREE, dict(num_golden=2), id='two goldens, three classes'),
])
def test_other_parts(backbone, neck, head, more, boards, tmp_path):
    torch.manual_seed(0)
    model = train_like(SiameseClassifier(backbone, neck, head, input_size=(64, 64)))
    dataset = dataset_of(boards, (64, 32), layout=dict(type='LayOutLightings', layout='grid', grid=(1, 2)),
                         **more)
    differences = export_folder(model, Config(dict(test_dataloader=dict(dataset=dataset))), tmp_path / 'out')
    wanted, got, results = both_scores(model, dataset, tmp_path / 'out')
    assert differences['end to end'] < 1e-4 and np.ptp(wanted) > 1e-3
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    assert all(result.label in THREE['class_names'] for result in results) or head is not THREE


def test_images_that_come_as_bgr(boards, tmp_path):
    preprocessor = dict(type='PairDataPreprocessor', mean=[90.0, 110.0, 130.0], to_rgb=True)
    model = train_like(SiameseClassifier(RESNET, *NARROW, input_size=(64, 32),
                                         data_preprocessor=preprocessor))
    dataset = dataset_of(boards, (32, 32))
    export_folder(model, Config(dict(test_dataloader=dict(dataset=dataset))), tmp_path / 'out')
    wanted, got, _ = both_scores(model, dataset, tmp_path / 'out')
    np.testing.assert_allclose(got, wanted, atol=1e-4)


class TwoSided(LearnableDifference):
    """A neck whose codes are no tensors."""

    def encode(self, features):
        return [str(level.shape) for level in features]


@pytest.mark.parametrize(('spoil', 'message'), [
    (lambda model: model.head.layers[0].weight.data.fill_(float('nan')), 'head.layers.0.weight'),
    (lambda model: setattr(model.head, 'margin', float('inf')), 'threshold inf is no finite number'),
    (lambda model: setattr(model.neck, '__class__', TwoSided), 'TwoSided.encode gives'),
    (lambda model: setattr(model, 'data_preprocessor', nn.Identity()), 'data_preprocessor Identity'),
])
def test_what_cannot_be_exported_is_refused_by_name_and_leaves_nothing(spoil, message, boards, tmp_path):
    model = SiameseClassifier(RESNET, *NARROW, input_size=(64, 32)).eval()
    spoil(model)
    config = Config(dict(test_dataloader=dict(dataset=dataset_of(boards, (32, 32)))))
    with pytest.raises((ExportError, ValueError), match=message):
        export_folder(model, config, tmp_path / 'out')
    assert not list(tmp_path.iterdir())


def test_a_network_that_scores_otherwise_than_its_parts_is_not_left_behind(boards, tmp_path):
    class Doubled(SiameseClassifier):

        def predict(self, *args, **kwargs):
            raise AssertionError('not used')

        def forward(self, inputs, data_samples=None, mode='tensor'):
            samples = super().forward(inputs, data_samples, mode)
            return self.head.set_scores(torch.tensor([2 * sample.score for sample in samples]), samples)

    model = train_like(Doubled(RESNET, *EUCLIDEAN, input_size=(64, 32)))
    config = Config(dict(test_dataloader=dict(dataset=dataset_of(boards, (32, 32)))))
    with pytest.raises(ExportError,
                       match='scores differ from the network.*6 rows of the test data.*left behind'):
        export_folder(model, config, tmp_path / 'out')
    assert not list(tmp_path.iterdir())
