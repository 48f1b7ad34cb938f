"""tools/train.py and tools/test.py: options, exit codes, and mistakes told without a stack trace."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch._utils import ExceptionWrapper

from mmchangenet.apis.launch import prepare_test, prepare_train, run_tool
from mmchangenet.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from mmchangenet.engine import Bf16OptimWrapper, ChangeRunner

ROOT = Path(__file__).parents[2]
PARTS = ROOT / 'tests' / 'engine'  # toy network and data
sys.path.insert(0, str(PARTS))
from toy_change_parts import toy_config


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Writes a config file of the toy training of one epoch, in the folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('LOCAL_RANK', raising=False)

    def write(name='toy.py', **changes):
        cfg = toy_config(
            'unused',
            **{'train_cfg.max_epochs': 1, 'custom_imports': dict(imports=['toy_change_parts'])} | changes)
        for key in ('work_dir', 'runner_type', 'experiment_name'):
            cfg.pop(key)
        cfg.dump(tmp_path / name)
        return name

    return write


@pytest.fixture
def tool(monkeypatch):
    """Runs a command in this process: ``tool('train', *arguments)`` gives the exit code."""

    def run(name, *arguments):
        path = ROOT / 'tools' / f'{name}.py'
        spec = importlib.util.spec_from_file_location(f'tool_{name}', path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', [str(path), *map(str, arguments)])
        return module.main()

    return run


def epochs(folder):
    return sorted(path.name for path in Path(folder).glob('epoch_*.pth'))


def test_training_and_testing(config, tool, capsys):
    name = config()
    assert tool('train', name) == 0
    assert epochs('work_dirs/toy') == ['epoch_1.pth']
    assert tool('test', name, 'work_dirs/toy/epoch_1.pth', '--work-dir', 'tested') == 0
    assert Path('tested').is_dir()


def test_resuming(config, tool):
    name = config()
    assert tool('train', name, '--resume') == 0, 'there is nothing to resume yet'
    assert tool('train', name, '--resume', '--cfg-options', 'train_cfg.max_epochs=2') == 0
    second = read_checkpoint('work_dirs/toy/epoch_2.pth')
    assert len(second['message_hub']['log_scalars']['train/loss']['log_history']) == 8, 'both epochs'
    assert tool('train', name, '--resume', 'work_dirs/toy/epoch_1.pth', '--work-dir', 'other',
                '--cfg-options', 'train_cfg.max_epochs=2') == 0
    assert epochs('other') == ['epoch_2.pth']
    other = read_checkpoint('other/epoch_2.pth')
    assert torch.equal(second['state_dict']['head.fc.weight'], other['state_dict']['head.fc.weight'])


def test_a_first_start_with_resume_keeps_load_from(config):
    assert prepare_train(config(load_from='start.pth'), resume='auto')._load_from == 'start.pth'
    assert prepare_train(config(load_from='start.pth'), resume='other.pth')._load_from == 'other.pth'


def test_the_learning_rate_scales_with_the_batch(config, tool, capsys):
    assert tool('train', config(auto_scale_lr=dict(base_batch_size=16)), '--auto-scale-lr') == 0
    optimizer = read_checkpoint('work_dirs/toy/epoch_1.pth')['optimizer']
    assert optimizer['param_groups'][0]['initial_lr'] == pytest.approx(0.02 * 4 / 16)
    assert tool('train', config(), '--auto-scale-lr') == 2
    assert 'error: --auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in toy.py' in capsys.readouterr(
    ).err


@pytest.mark.skipif(torch.cuda.is_available(), reason='bfloat16 stands in where there is no GPU')
def test_mixed_precision(config, tool):
    runner = prepare_train(config(), amp=True)
    runner.train()
    assert isinstance(runner.optim_wrapper, Bf16OptimWrapper)
    tested = prepare_test(config(), 'work_dirs/toy/epoch_1.pth', amp=True)
    kinds = set()
    tested.model.head.fc.register_forward_hook(lambda module, inputs, output: kinds.add(output.dtype))
    tested.test()
    assert kinds == {torch.bfloat16}


def test_a_margin_replaces_that_of_checkpoint_and_config(config):
    name = config()
    prepare_train(name).train()
    checkpoint = read_checkpoint('work_dirs/toy/epoch_1.pth')
    checkpoint['meta']['threshold'] = dict(value=0.25)
    write_checkpoint(checkpoint, 'picked.pth')
    for margin, expected in ((None, 0.25), (0.75, 0.75)):
        runner = prepare_test(name, 'picked.pth', margin=margin)
        runner.test()
        assert runner.model.head.margin == expected


def test_rows_without_a_score_make_the_test_fail_at_its_end(config, tool, capsys):
    name = config(**{'test_dataloader.dataset.broken': [3]})
    assert tool('train', name) == 0
    assert tool('test', name, 'work_dirs/toy/epoch_1.pth') == 1
    assert 'error: 1 rows have no score' in capsys.readouterr().err
    assert Path('work_dirs/toy/broken_images_test.csv').read_text().endswith('test,3,row 3 is broken\n')


@pytest.mark.parametrize('changes, arguments, message', [
    ({}, ['missing.py'], 'there is no config missing.py'),
    ({}, ['toy.py', '--resume', 'missing.pth'], 'there is no checkpoint missing.pth'),
    ({}, ['toy.py', '--cfg-options', 'model.type=Unknown'], 'Unknown is not in the mmchangenet::model '
     'registry'),
    ({'model': dict(type='mmpretrain.TIMMBackbone', model_name='resent18')}, ['toy.py'
                                                                              ], 'Unknown model (resent18)'),
    ({}, ['toy.py', '--cfg-options', 'model.widht=3'], "unexpected keyword argument 'widht'"),
    ({}, ['toy.py', '--cfg-options', 'train_dataloader.dataset.rows=2'], 'has 2 rows and a batch takes 4'),
    ({}, ['toy.py', '--cfg-options', 'default_hooks.checkpoint.out_dir=s3://bucket'], 'local folders only'),
    ({}, ['toy.py', '--launcher', 'pytorch'], 'start it with torchrun'),
    ({'optim_wrapper.type': 'OptimWrapperDict'}, ['toy.py', '--amp'], "the config's optim_wrapper is "
     "OptimWrapperDict"),
])
def test_mistakes_are_messages(config, tool, capsys, monkeypatch, changes, arguments, message):
    config(**changes)
    monkeypatch.delenv('RANK', raising=False)
    assert tool('train', *arguments) == 2
    error = capsys.readouterr().err
    assert message in error and 'error: ' in error and 'Traceback' not in error


def test_mistakes_in_testing_are_messages(config, tool, capsys):
    name = config()
    assert tool('train', name) == 0
    Path('cut.pth').write_bytes(Path('work_dirs/toy/epoch_1.pth').read_bytes()[:1000])
    Path('wrong.py').write_text('model = dict(')
    for arguments, message in (([name, 'cut.pth'], 'cut.pth is cut off or damaged'), ([
            'wrong.py', 'cut.pth'
    ], 'wrong.py cannot be used'), ([name, 'work_dirs/toy/epoch_1.pth', '--cfg-options',
                                     'model.width=5'], 'does not fit the network of this config')):
        assert tool('test', *arguments) == 2
        error = capsys.readouterr().err
        assert message in error and 'Traceback' not in error


def test_the_stack_can_be_seen(config, tool, monkeypatch):
    monkeypatch.setenv('MMCHANGENET_DEBUG', '1')
    with pytest.raises(FileNotFoundError):
        tool('train', 'missing.py')


def test_what_breaks_while_running_is_no_mistake_of_the_user():
    def work(runner):
        raise ValueError('a bug')

    with pytest.raises(ValueError, match='a bug'):
        run_tool(lambda: SimpleNamespace(ready=True), work)
    assert run_tool(lambda: SimpleNamespace(ready=False), work) == 2


def test_our_errors_lose_the_stack_of_the_loader_process(capsys):
    """torch raises an error of a loader process again, with that process's stack in its message."""
    try:
        raise CheckpointError('line 7: cannot be read')
    except CheckpointError:
        error = ExceptionWrapper(where='in DataLoader worker process 0')
    assert run_tool(lambda: SimpleNamespace(ready=True), lambda runner: error.reraise()) == 2
    assert capsys.readouterr().err == 'error: line 7: cannot be read\n'


def test_the_default_runner_is_ours(config):
    assert type(prepare_train(config())) is ChangeRunner


@pytest.fixture
def inspection(tmp_path, monkeypatch):
    """A small real inspection: twelve pairs of one image a side, every third with a bright spot, and a config
    for them.
    """
    monkeypatch.chdir(tmp_path)
    rng, rows = np.random.default_rng(0), []
    for row in range(12):
        golden = rng.integers(60, 90, (24, 24, 3), dtype=np.uint8)
        compare = golden.copy()
        if row % 3 == 0:
            compare[8:16, 8:16] = 255
        for side, image in (('golden', golden), ('tested', compare)):
            (tmp_path / 'images' / side).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / 'images' / side / f'{row:03}.png'), image)
        rows.append(f'tested,golden,{"PASS" if row % 3 else "spot"},{row:03},kept')
    (tmp_path / 'pairs.csv').write_text('\n'.join(['input_path,golden_path,label,object_name,note', *rows]) +
                                        '\n')
    load, pack = [dict(type='LoadLightings'), dict(type='PairedResize', size=(32, 32))], [
        dict(type='LayOutLightings'), dict(type='PackChangeInputs')]
    augment = [dict(type='PairedRandomFlip'), dict(type='PairedColorJitter', brightness=0.3)]
    dataset = dict(type='LightingPairDataset', ann_file='pairs.csv', data_prefix=dict(img_path='images'),
                   image_ext='.png')
    loader = dict(batch_size=4, num_workers=0)
    tested = dict(**loader, sampler=dict(type='PairSampler', shuffle=False),
                  dataset=dict(dataset, pipeline=load + pack, test_mode=True))
    cfg = Config(
        dict(
            default_scope='mmchangenet', custom_imports=dict(imports=['toy_change_parts']),
            demo_data='data/demo', model=dict(
                type='SiameseClassifier', input_size=(32, 32), backbone=dict(type='ToyBackbone'), neck=dict(
                    type='LearnableDifference', embed_dim=8, num_modules=2), head=dict(type='ChangeClsHead')),
            train_dataloader=dict(**loader, drop_last=True, sampler=dict(type='DefectWeightedSampler'),
                                  dataset=dict(dataset, pipeline=load + augment + pack)),
            val_dataloader=tested, test_dataloader=tested, val_evaluator=dict(type='InspectionMetric'),
            test_evaluator=dict(type='InspectionMetric'), train_cfg=dict(by_epoch=True, max_epochs=1),
            val_cfg={}, test_cfg={}, optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-4)),
            log_level='WARNING', default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', interval=1, save_best='auroc', rule='greater'))))
    cfg.dump('inspection.py')


def test_scores_and_pictures_are_written_before_a_broken_image_fails_the_test(inspection, tool, capsys):
    assert tool('train', 'inspection.py') == 0
    best = next(Path('work_dirs/inspection').glob('best_auroc_*.pth'))
    torch.load(best, weights_only=True)

    assert tool('test', 'inspection.py', best, '--out', 'scores.csv', '--show-dir', 'pictures') == 0
    source, scored = ([line.split(',')
                       for line in Path(name).read_text().splitlines()]
                      for name in ('pairs.csv', 'scores.csv'))
    assert [line[:-1] for line in scored] == source
    assert scored[0][-1] == 'siamese_score' and all(0 <= float(line[-1]) <= 1 for line in scored[1:])
    assert Path('pictures/index.html').is_file()

    Path('images/tested/005.png').write_bytes(b'')
    assert tool('test', 'inspection.py', best, '--out', 'again.csv', '--show-dir', 'again') == 1
    again = [line.split(',') for line in Path('again.csv').read_text().splitlines()]
    assert again[6][-1] == '' and again[:6] + again[7:] == scored[:6] + scored[7:]
    assert Path('again/index.html').is_file()
    assert 'test,5,pairs.csv line 7: images/tested/005.png' in Path(
        'work_dirs/inspection/broken_images_test.csv').read_text()


def test_bad_rows_of_training_and_validation_are_one_report(inspection, tool, capsys):
    rows = Path('pairs.csv').read_text().splitlines()
    Path('pairs.csv').write_text('\n'.join([*rows, 'tested,golden,,012,', '../other,golden,PASS,001,']))
    Path('val.csv').write_text('\n'.join([*rows, 'tested,golden,PASS,013,']))
    assert tool('train', 'inspection.py', '--cfg-options', 'val_dataloader.dataset.ann_file=val.csv') == 2
    error = capsys.readouterr().err
    assert error.count('error: ') == 1 and 'Traceback' not in error
    for said in ("line 14: label ''", "line 15: input_path '../other'", 'label CSV val.csv cannot be used',
                 '013.png'):
        assert said in error


def test_validation_without_labels_stops_before_the_first_step(inspection, tool, capsys):
    rows = [line.split(',') for line in Path('pairs.csv').read_text().splitlines()]
    Path('unlabelled.csv').write_text('\n'.join(','.join(cells[:2] + cells[3:]) for cells in rows))
    assert tool('train', 'inspection.py', '--cfg-options',
                'val_dataloader.dataset.ann_file=unlabelled.csv') == 2
    assert 'error: unlabelled.csv has no column label' in capsys.readouterr().err
    assert not epochs('work_dirs/inspection')
    assert tool('train', 'inspection.py') == 0
    best = next(Path('work_dirs/inspection').glob('best_*.pth'))
    assert tool('test', 'inspection.py', best, '--out', 'scores.csv', '--show-dir', 'pictures',
                '--cfg-options',
                'test_dataloader.dataset.ann_file=unlabelled.csv') == 0, 'scores need no labels'


@pytest.mark.parametrize('out, said', [
    ('images', 'images is a folder'), ('pairs.csv', 'pairs.csv is read here and would be overwritten')])
def test_a_score_file_that_cannot_be_stops_the_test_before_it(inspection, tool, capsys, out, said):
    assert tool('train', 'inspection.py') == 0
    before = Path('pairs.csv').read_bytes()
    best = next(Path('work_dirs/inspection').glob('best_*.pth'))
    assert tool('test', 'inspection.py', best, '--out', out) == 2
    assert f'error: {said}' in capsys.readouterr().err
    assert Path('pairs.csv').read_bytes() == before


@pytest.mark.parametrize('left_out, said', [
    (0, 'the pipeline does not make a sample'), (1, 'the pipeline does not make a sample'),
    (2, 'put LayOutLightings before it'), (3, 'the pipeline does not make a sample')])
def test_a_pipeline_that_lacks_a_step_is_a_message(inspection, tool, capsys, left_out, said):
    steps = [
        dict(type='LoadLightings'),
        dict(type='PairedResize', size=(32, 32)),
        dict(type='LayOutLightings'),
        dict(type='PackChangeInputs')
    ]
    cfg = Config.fromfile('inspection.py')
    cfg.train_dataloader.dataset.pipeline = steps[:left_out] + steps[left_out + 1:]
    cfg.dump('lacking.py')
    assert tool('train', 'lacking.py') == 2
    error = capsys.readouterr().err
    assert said in error and 'Traceback' not in error


def test_an_unknown_figure_is_a_message(config, tool, capsys):
    assert tool('train', config(), '--cfg-options', 'default_hooks.checkpoint.save_best=aurox') == 2
    error = capsys.readouterr().err
    assert "error: save_best='aurox' of SafeCheckpointHook: there is no such figure. The validation gives accuracy" in error
    assert epochs('work_dirs/toy') == ['epoch_1.pth'], 'the epoch is not lost'


@pytest.mark.parametrize('option, broken, said', [
    ('broken_images=stop', ['005'], 'pairs.csv line 7: images/tested/005.png: empty file'),
    ('max_refetch=2', [f'{row:03}' for row in range(12)], '3 rows one after another have unreadable images')])
def test_a_training_that_stops_at_a_broken_image_says_so(inspection, tool, capsys, option, broken, said):
    for name in broken:
        Path(f'images/tested/{name}.png').write_bytes(b'')
    assert tool('train', 'inspection.py', '--cfg-options', f'train_dataloader.dataset.{option}',
                'train_dataloader.sampler.type=PairSampler') == 2
    error = capsys.readouterr().err
    assert f'error: {said}' in error and 'Traceback' not in error


def test_data_that_the_user_names_has_to_be_there(inspection, tool, capsys):
    """Though the config has demo data, which would be made at its own path."""
    assert tool('train', 'inspection.py', '--cfg-options', 'train_dataloader.dataset.data_root=mine') == 2
    assert 'mine/pairs.csv' in capsys.readouterr().err
    assert not Path('mine').exists() and not Path('data').exists()


def test_a_resumed_training_on_images_is_as_an_unbroken_one(inspection, tool):
    """With augmentation in loader processes, weighted drawing, dropout."""
    options = ['train_dataloader.num_workers=2', 'train_dataloader.persistent_workers=True']

    def train(work_dir, epochs, *more):
        assert tool('train', 'inspection.py', '--work-dir', work_dir, *more, '--cfg-options', *options,
                    'randomness.seed=5', f'train_cfg.max_epochs={epochs}') == 0

    train('unbroken', 2)
    train('broken', 1)
    train('broken', 2, '--resume')
    one, other = (read_checkpoint(f'{folder}/epoch_2.pth') for folder in ('unbroken', 'broken'))
    assert all(torch.equal(value, other['state_dict'][name]) for name, value in one['state_dict'].items())
    figures = [
        checkpoint['message_hub']['log_scalars']['val/val_loss']['log_history'] for checkpoint in (one, other)
    ]
    assert torch.equal(*figures)


def test_pictures_and_scalars_reach_tensorboard(inspection, tool):
    changed = Config.fromfile('inspection.py')
    changed.visualizer = dict(type='Visualizer', vis_backends=[
        dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
    changed.custom_hooks = [dict(type='ValidationPicturesHook', count=2)]
    changed.dump('inspection.py')
    assert tool('train', 'inspection.py') == 0
    folder = next(Path('work_dirs/inspection').glob('*/vis_data'))
    events = EventAccumulator(str(folder)).Reload()
    assert events.Tags()['images'] == ['validation_row_0', 'validation_row_1']
    assert {'loss', 'auroc', 'val_loss'} <= set(events.Tags()['scalars'])
    assert len(list((folder / 'vis_image').glob('*.png'))) == 2


def test_a_signal_ends_a_training_with_a_line_and_its_exit_code(config, tool, capsys):
    name = config(custom_hooks=[dict(type='ToySignal', iteration=2)])
    assert tool('train', name) == 143
    assert 'stopped by SIGTERM in epoch 1, after iteration 3. Saved as' in capsys.readouterr().err
    assert tool('train', name, '--resume', '--cfg-options', 'custom_hooks=[]') == 0


def test_own_data_beside_demo_data_is_a_warning(inspection, tool, capfd):
    Path('data/demo').mkdir(parents=True)
    Path('data/demo/notes.txt').write_text('of somebody else, so that no data is made here')
    assert tool('train', 'inspection.py', '--cfg-options', 'val_dataloader.dataset.data_root=data/demo') == 2
    output = capfd.readouterr()
    assert 'val_dataloader is on the demo data data/demo, but train_dataloader is not' in output.out + output.err


@pytest.mark.slow
def test_torchrun(config):
    """As a user starts it, in two processes."""
    path = os.pathsep.join([str(ROOT), str(PARTS), os.environ.get('PYTHONPATH', '')])
    environment = dict(os.environ, PYTHONPATH=path, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='-1')
    command = [
        sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2',
        ROOT / 'tools' / 'train.py',
        config(), '--launcher', 'pytorch'
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert epochs('work_dirs/toy') == ['epoch_1.pth']
