"""Pairs and CSVs are scored from Python as tools/test.py scores them."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.infer import BaseInferencer

from mmchangenet.apis import ChangeInferencer
from mmchangenet.checkpoint import CheckpointError, write_checkpoint
from mmchangenet.models import SiameseClassifier
from mmchangenet.registry import INFERENCERS

PIPELINE = [
    dict(type='LoadLightings'),
    dict(type='PairedResize', size=(32, 32)),
    dict(type='LayOutLightings', layout='linear'),
    dict(type='PackChangeInputs')
]
MODEL = dict(type='SiameseClassifier',
             input_size=(64, 32),
             backbone=dict(type='mmpretrain.ResNet',
                           depth=18,
                           stem_channels=8,
                           base_channels=8,
                           out_indices=(2, 3),
                           _scope_='mmpretrain'),
             neck=dict(type='LearnableDifference', embed_dim=8, num_modules=2),
             head=dict(type='ChangeClsHead', margin=0.4))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A label CSV of three pairs under two lights, a checkpoint."""
    root = tmp_path_factory.mktemp('line')
    generator = np.random.default_rng(0)
    for side in ('board', 'golden'):
        (root / side).mkdir()
        for name in ('a', 'b', 'c'):
            for light in ('Top', 'Side'):
                cv2.imwrite(str(root / side / f'{name}_{light}.png'),
                            generator.integers(0, 256, (40, 40, 3), np.uint8))
    rows = [
        f'board,golden,{label},{name}' for label, name in (('PASS', 'a'), ('missing', 'b'), ('PASS', 'c'))
    ]
    (root / 'labels.csv').write_text('\n'.join(['input_path,golden_path,label,object_name', *rows]))
    torch.manual_seed(0)
    model = SiameseClassifier(**{key: value for key, value in MODEL.items() if key != 'type'})
    write_checkpoint(dict(state_dict=model.state_dict(), meta=dict(threshold=dict(value=0.25))),
                     root / 'trained.pth')
    return root


@pytest.fixture(scope='module')
def inferencer(folder):
    dataset = dict(type='LightingPairDataset',
                   ann_file='labels.csv',
                   image_ext='.png',
                   input_map=dict(Top=0, Side=1),
                   pipeline=PIPELINE)
    config = Config(dict(default_scope='mmchangenet', model=MODEL, test_dataloader=dict(dataset=dataset)))
    return ChangeInferencer(config, folder / 'trained.pth', device='cpu', batch_size=2)


def files(folder, side, name):
    return [str(folder / side / f'{name}_{light}.png') for light in ('Top', 'Side')]


def test_files_arrays_and_a_csv_give_the_same_scores(inferencer, folder):
    frame = inferencer.score_csv(folder / 'labels.csv', folder)
    assert list(frame.object_name) == ['a', 'b', 'c']
    pairs = [(files(folder, 'board', name), files(folder, 'golden', name)) for name in 'abc']
    from_files = [sample.score for sample in inferencer.score_pairs(pairs)]
    arrays = [tuple([cv2.imread(file)[:, :, ::-1] for file in side] for side in pair) for pair in pairs]
    from_arrays = [sample.score for sample in inferencer.score_pairs(arrays)]
    assert from_files == pytest.approx(list(frame.siamese_score), abs=1e-6)
    assert from_arrays == pytest.approx(from_files, abs=1e-6)


def test_the_threshold_of_the_checkpoint_decides(inferencer, folder):
    assert inferencer.margin == 0.25
    for sample in inferencer.score_pairs([(files(folder, 'board', 'a'), files(folder, 'golden', 'a'))]):
        assert sample.pred_fail == int(sample.score > 0.25)


def test_an_unreadable_image_costs_its_own_pair_alone(inferencer, folder):
    good = (files(folder, 'board', 'a'), files(folder, 'golden', 'a'))
    lost, kept = inferencer.score_pairs([(files(folder, 'board', 'lost'), good[1]), good])
    assert math.isnan(lost.score) and 'lost_Top.png' in lost.error
    assert math.isfinite(kept.score)


def test_a_pair_that_cannot_be_used_is_told_as_the_runtime_tells_it(inferencer, folder):
    compare, golden = files(folder, 'board', 'a'), files(folder, 'golden', 'a')
    good = inferencer.score_pairs([(compare, golden)])[0].score
    faulty = {
        'the compare side has 1 images, but the network takes 2, one per lighting: Top, Side': (compare[:1],
                                                                                                golden),
        'float64 (8, 8)': ([np.zeros((8, 8))] * 2, golden),
        'NoneType': ([None, None], golden),
        "lacks the lightings ['Side']": (dict(Top=compare[0]), golden),
        'cut off': ([open(file, 'rb').read()[:60] for file in compare], golden),
        '(compare, golden), got 1 items': (compare[:1], ),
    }
    samples = inferencer.score_pairs([
        *faulty.values(), (dict(zip(('Side', 'Top'), compare[::-1], strict=True)), golden),
        ([open(file, 'rb').read() for file in compare], golden)
    ])
    for message, sample in zip(faulty, samples, strict=False):
        assert message in sample.error and math.isnan(sample.score) and sample.pred_fail == 1
    assert [sample.score for sample in samples[-2:]] == pytest.approx([good, good], abs=1e-6)


@pytest.mark.parametrize('batch_size', [0, -1, 2.5])
def test_a_batch_size_that_cannot_be_is_refused(inferencer, folder, batch_size):
    with pytest.raises(ValueError, match='batch_size'):
        ChangeInferencer(inferencer.config, folder / 'trained.pth', batch_size=batch_size)


def test_a_checkpoint_of_another_network_is_refused(inferencer, folder):
    config = Config(dict(inferencer.config, model=dict(MODEL, head=dict(type='ChangeClsHead', embed_dec=7))))
    with pytest.raises(CheckpointError, match='head.layers.0.weight'):
        ChangeInferencer(config, folder / 'trained.pth')


def test_several_goldens_from_files_and_from_a_csv(folder, tmp_path):
    goldens = [files(folder, 'golden', name) for name in 'abc']
    for number, side in enumerate(goldens):
        (tmp_path / 'golden').mkdir(exist_ok=True)
        for light, file in zip(('Top', 'Side'), side, strict=True):
            (tmp_path / f'golden/{number}_{light}.png').write_bytes(Path(file).read_bytes())
    (tmp_path / 'board').symlink_to(folder / 'board')
    dataset = dict(type='LightingPairDataset',
                   ann_file='labels.csv',
                   image_ext='.png',
                   input_map=dict(Top=0, Side=1),
                   num_golden=3,
                   pipeline=PIPELINE)
    config = Config(dict(default_scope='mmchangenet', model=MODEL, test_dataloader=dict(dataset=dataset)))
    inferencer = ChangeInferencer(config, folder / 'trained.pth', device='cpu', batch_size=2)
    compare = files(folder, 'board', 'a')
    sample, = inferencer.score_pairs([(compare, goldens)])
    single = ChangeInferencer(Config(dict(config, test_dataloader=dict(dataset=dict(dataset, num_golden=1)))),
                              folder / 'trained.pth', device='cpu')
    assert sample.score == pytest.approx(min(one.score
                                             for one in single.score_pairs([(compare, g) for g in goldens])),
                                         abs=1e-6)
    frame = inferencer.score_csv(folder / 'labels.csv', tmp_path)
    assert frame.siamese_score[0] == pytest.approx(sample.score, abs=1e-6)
    lost, = inferencer.score_pairs([(compare, [files(folder, 'golden', 'lost')])])
    assert math.isnan(lost.score)
    assert 'golden must be a list of 1 to 3 goldens' in inferencer.score_pairs([
        (compare, goldens + goldens[:1])
    ])[0].error


def test_a_config_without_test_data_is_an_error(folder):
    with pytest.raises(ValueError, match='has no test_dataloader'):
        ChangeInferencer(Config(dict(model=MODEL)), folder / 'trained.pth')


def test_it_is_an_inferencer_of_mmengine(inferencer, folder, tmp_path):
    pairs = [(files(folder, 'board', 'a'), files(folder, 'golden', 'a')), (files(folder, 'board', 'lost'), [])]
    built = INFERENCERS.build(dict(type='ChangeInferencer', config=inferencer.config, checkpoint=folder / 'trained.pth'))
    assert isinstance(built, BaseInferencer)
    result = built(pairs, img_out_dir=tmp_path / 'pictures', batch_size=1)
    first, lost = result['predictions']
    assert first['score'] == pytest.approx(inferencer.score_pairs(pairs[:1])[0].score, abs=1e-6)
    assert lost['pred_fail'] == 1 and 'golden side has 0 images' in lost['error']
    assert [path.name for path in (tmp_path / 'pictures').iterdir()] == ['0000.jpg']
    assert result['visualization'][0].dtype == np.uint8 and result['visualization'][1] is None
    assert built(pairs[:1], return_datasamples=True)['predictions'][0].score == first['score']
