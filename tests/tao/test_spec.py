"""Reading specs: interpolation, overrides, both spellings, and all mistakes at once with the nearest right
key.
"""

import logging
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmchangenet.checkpoint import write_checkpoint
from mmchangenet.registry import MODELS
from mmchangenet.tao import SpecError, spec_to_config
from mmchangenet.tao.checkpoint import revert_state_dict
from mmchangenet.tao.config import build_config
from mmchangenet.tao.experiment import write_experiment
from mmchangenet.tao.releases import release_of
from mmchangenet.tao.spec import read_spec

SPECS = Path(__file__).parent / 'specs'
DATA = dict(csv_path='labels.csv', images_dir='images')


def training(**changes):
    classify = dict(train_dataset=DATA, image_height=32, image_width=32)
    return dict(dataset=dict(classify=classify), **changes)


@pytest.mark.parametrize('name, action', [('fan_train', 'train'), ('vit_train', 'train'),
                                          ('fan_evaluate', 'evaluate'), ('fan_evaluate', 'inference'),
                                          ('fan_export', 'export')])
def test_the_pages_specs_become_configs_without_any_data(name, action):
    config = spec_to_config(SPECS / f'{name}.yaml', action=action)
    assert Config.fromstring(config.pretty_text, '.py').model == config.model
    size = (224, 224) if name == 'vit_train' else (512, 128)
    assert config.model.input_size == size


def test_values_of_the_published_spec():
    config = spec_to_config(SPECS / 'fan_train.yaml')
    assert config.work_dir == '/path/to/experiment_results/train', 'interpolated'
    assert config.optim_wrapper.optimizer == dict(type='AdamW', lr=1e-4, weight_decay=0.01)
    assert config.train_dataloader.sampler == dict(type='DefectWeightedSampler', fail_ratio=0.2)
    assert config.model.head.embed_dec == 30 and config.model.head.margin == 0.005


def test_overrides_win_and_are_interpolated_into():
    config = spec_to_config(SPECS / 'fan_train.yaml',
                            ['results_dir=/elsewhere', 'train.optim.lr=1e-5', 'train.num_epochs=7'])
    assert config.work_dir == '/elsewhere/train'
    assert config.optim_wrapper.optimizer.lr == 1e-5 and config.train_cfg.max_epochs == 7


def test_all_mistakes_are_told_at_once_with_the_nearest_right_key(tmp_path):
    file = tmp_path / 'wrong.yaml'
    file.write_text('modle:\n  backbone:\n    type: fan_small_12_p4_hybrid\nmodel:\n  classify:\n    loss: '
                    'ce\n'
                    'train:\n  num_epoch: 3\n  validation_interval: often\n  optim: {lr: -1}\n')
    with pytest.raises(SpecError) as caught:
        spec_to_config(file, ['dataset.classify.batch_sise=2', 'train.seed=-2'])
    message = str(caught.value)
    for part in (f'modle.backbone.type ({file}): there is no such parameter; did you mean '
                 'model.backbone.type?',
                 f'model.classify.loss ({file}): there is no such parameter; did you mean '
                 'train.classify.loss?',
                 f'train.num_epoch ({file}): there is no such parameter; did you mean train.num_epochs?',
                 f"train.validation_interval ({file}): 'often' is not int ≥ 1",
                 f'train.optim.lr ({file}): -1 is not float ≥ 0',
                 'dataset.classify.batch_sise (the command line): there is no such parameter; did you mean '
                 'dataset.classify.batch_size?',
                 'train.seed (the command line): -2 is not int ≥ -1',
                 f'dataset.classify.train_dataset.csv_path ({file}): has to be given'):
        assert part in message


@pytest.mark.parametrize('text, message', [('a: [1', 'is not YAML'), ('- 1\n- 2', 'has no sections'),
                                           ('results_dir: "${nowhere}"', "nowhere' not found"),
                                           ('a: 1\na: 2', 'duplicate')])
def test_files_that_are_no_spec(tmp_path, text, message):
    file = tmp_path / 'spec.yaml'
    file.write_text(text)
    with pytest.raises(SpecError, match=message) as caught:
        spec_to_config(file)
    assert str(file) in str(caught.value)


def test_a_spec_that_is_not_there():
    with pytest.raises(FileNotFoundError, match=r'there is no spec missing\.yaml'):
        spec_to_config('missing.yaml')


def test_an_override_without_a_value():
    with pytest.raises(SpecError, match='dotted.key=value; this is none: train'):
        spec_to_config(training(), ['train'])


def test_question_marks_are_missing_only_where_they_are_needed():
    spec = training(evaluate=dict(checkpoint='???'))
    spec_to_config(spec)
    with pytest.raises(SpecError, match='evaluate.checkpoint .*has to be given'):
        spec_to_config(spec, action='evaluate')


def test_both_spellings_work():
    classify = dict(train_dataset=DATA, input_height=32, input_width=48)
    config = spec_to_config(dict(train=dict(val_interval=2), dataset=dict(classify=classify),
                                 model=dict(decode_head=dict(align_corner=False))))
    assert config.model.input_size == (32, 48) and config.train_cfg.val_interval == 2
    shaped = spec_to_config(dict(dataset=dict(classify=dict(train_dataset=DATA, output_shape=[32, 48]))))
    assert shaped.model.input_size == (32, 48)


def test_current_defaults_hold_and_are_logged(monkeypatch):
    lines = []
    monkeypatch.setattr('mmchangenet.tao.config.print_log', lambda message, logger, level: lines.append(
        (message, level)))
    config = spec_to_config(training(model=dict(classify=dict(eval_margin=0.5))))
    assert config.optim_wrapper.optimizer == dict(type='AdamW', lr=1e-4, weight_decay=0.01)
    assert config.model.head.embed_dec == 5
    line, = (line for line, level in lines if 'defaults of release' in line and level == logging.INFO)
    assert line.startswith('defaults of release 6.25; not in the spec: ') and 'eval_margin' not in line
    for part in ('train.optim.lr 0.0001 (0.0005 before 6.25)', 'model.classify.embed_dec 5 (30 before 6.25)',
                 'model.classify.difference_module learnable (euclidean in 7.x)'):
        assert part in line


@pytest.mark.parametrize('release, lr, difference', [
    ('5.5', 5e-4, 'Learnable'), ('6.25', 1e-4, 'Learnable'), ('7.1', 1e-4, 'Euclidean')])
def test_another_release_has_other_defaults(release, lr, difference):
    config = spec_to_config(training(), release=release)
    assert config.optim_wrapper.optimizer.lr == lr and config.model.neck.type == f'{difference}Difference'


@pytest.mark.parametrize('name, release', [('5', '5.5'), ('v6.25.11', '6.25'), ('7', '7.1'), ('5.1.0', '5.1'),
                                           ('6', '6.25')])
def test_releases_by_their_names(name, release):
    assert release_of(name) == release
    for wrong in ('4.0', 'latest', '', '8', '7.' * 9):
        with pytest.raises(ValueError, match='use one of 5.1'):
            release_of(wrong)


@pytest.mark.parametrize('overrides, lightings', [
    (['dataset.classify.input_map={SolderLight:0}'], dict(SolderLight=0)),
    (['dataset.classify.input_map={WhiteLight:1,SolderLight:0}'], dict(WhiteLight=1, SolderLight=0)),
    (['+dataset.classify.input_map={A:0}', '++dataset.classify.input_map.B=1'], dict(A=0, B=1)),
    (['~dataset.classify.input_map', '~dataset.classify.num_input=4'], None)])
def test_hydras_spellings_and_fewer_lightings(overrides, lightings, tmp_path):
    """The resolved spec of such a run has them, too."""
    read = read_spec(SPECS / 'fan_train.yaml', overrides)
    config = build_config(read, 'train')
    assert config.train_dataloader.dataset.input_map == lightings
    again = build_config(read_spec(write_experiment(read, tmp_path)), 'train')
    assert again.to_dict() == config.to_dict()


def test_the_checkpoint_comes_before_an_engine():
    spec = evaluation('absent.pth')
    spec['evaluate']['trt_engine'] = 'absent.trt'
    read = read_spec(spec)
    assert build_config(read, 'evaluate').model.type == 'SiameseClassifier'
    assert any(note.startswith('evaluate.checkpoint is used; evaluate.trt_engine') for note in read.notes)


def test_interpolations_of_what_only_defaults_give():
    spec = evaluation('${export.results_dir}/${dataset.classify.batch_size}.pth')
    assert spec_to_config(dict(spec, results_dir='out'), action='evaluate').load_from == 'out/export/32.pth'


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """A tiny network's weights in the reference's layout: 3 modules, embed_dec 7, embed_dim 32, four squares
    of 16.
    """
    with torch.random.fork_rng():
        model = MODELS.build(
            dict(type='SiameseClassifier',
                 input_size=(64, 16),
                 backbone=dict(type='FAN', arch='tiny'),
                 neck=dict(type='LearnableDifference', embed_dim=32, num_modules=3),
                 head=dict(type='ChangeClsHead', embed_dec=7)))
    file = tmp_path_factory.mktemp('reference') / 'net.pth'
    write_checkpoint(
        {f'model.{name}': value
         for name, value in revert_state_dict(model.state_dict()).items()}, file)
    return file


def evaluation(checkpoint, **classify):
    lights = dict(a=0, b=1, c=2, d=3)
    return dict(dataset=dict(classify=dict(test_dataset=DATA, input_map=lights, **classify)),
                evaluate=dict(checkpoint=str(checkpoint)))


def test_what_a_spec_leaves_out_of_the_network_comes_from_the_checkpoint(checkpoint):
    model = spec_to_config(evaluation(checkpoint), action='evaluate').model
    assert model.backbone == dict(type='FAN', arch='tiny') and model.input_size == (64, 16)
    assert model.neck == dict(type='LearnableDifference', embed_dim=32, num_modules=3)
    assert model.head.embed_dec == 7 and model.head.num_classes == 2


def test_a_conflict_with_the_checkpoint_names_both(checkpoint):
    spec = evaluation(checkpoint, image_height=32, image_width=32)
    spec['model'] = dict(classify=dict(embed_dec=30, learnable_difference_modules=4),
                         backbone=dict(type='fan_base_16_p4_hybrid'))
    with pytest.raises(SpecError) as caught:
        spec_to_config(spec, action='evaluate')
    for part in ('model.classify.embed_dec (the spec): 30, but the network in', f'{checkpoint} has 7',
                 'fan_tiny_8_p4_hybrid', 'the laid-out image is 128×32 (height×width), 4096 pixels',
                 'was built for 1024 pixels'):
        assert part in str(caught.value)


def test_an_export_needs_nothing_but_the_checkpoint(checkpoint):
    spec = dict(
        export=dict(checkpoint=str(checkpoint), onnx_file='net.onnx', input_height=64, input_width=16))
    assert spec_to_config(spec, action='export').model.neck.num_modules == 3
    with pytest.raises(SpecError, match='was built for 1024 pixels'):
        spec_to_config(spec, ['export.input_width=32'], 'export')
    of_data = dict(spec, dataset=dict(classify=dict(image_height=64, image_width=16)))
    read = read_spec(of_data, ['export.input_width=32'])
    assert build_config(read, 'export').model.input_size == (64, 16)
    assert any(line.startswith('WARNING: export.input_height and export') for line in read.report())


def test_a_pretrained_network_gives_its_structure_and_is_no_conflict(checkpoint):
    spec = training(train=dict(pretrained_model_path=str(checkpoint)), model=dict(classify=dict(embed_dec=9)))
    other = dict(spec, model=dict(backbone=dict(type='fan_base_16_p4_hybrid')))
    with pytest.raises(SpecError, match='fan_base_16_p4_hybrid, but the network in .* has '
                                        'fan_tiny_8_p4_hybrid'):
        spec_to_config(other)
    read = read_spec(other)
    read.partial = True
    assert build_config(read, 'train').model.backbone.arch == 'base'
    model = spec_to_config(spec).model
    assert model.backbone.arch == 'tiny' and model.head.embed_dec == 9 and model.input_size == (32, 32)


def test_foreign_weights_cannot_be_resumed(checkpoint):
    spec = training(train=dict(resume_training_checkpoint_path=str(checkpoint)))
    spec['dataset']['classify'].update(image_height=32, image_width=32)
    with pytest.raises(SpecError, match='name it as train.pretrained_model_path to start from it'):
        spec_to_config(spec)
