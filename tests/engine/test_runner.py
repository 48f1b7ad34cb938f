"""The runner: strict loading, class lists, margins, checks before the first step, mixed precision, broken
rows.
"""

import csv
import math
import pickle

import pytest
import torch
from mmengine.runner import Runner
from toy_change_parts import toy_config

from mmchangenet.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from mmchangenet.engine import Bf16OptimWrapper, BrokenImageHook, SafeCheckpointHook

CLASSES = ('PASS', 'bridge', 'missing')
THREE = {
    'model.head': dict(num_classes=3), 'train_dataloader.dataset.classes': CLASSES,
    'val_dataloader.dataset.classes': CLASSES
}
ONE_EPOCH = {'train_cfg.max_epochs': 1}


@pytest.fixture
def trained(toy_runner, tmp_path):
    """A checkpoint of one epoch; more of them with other changes."""

    def train(name='trained', **changes):
        toy_runner(name, **ONE_EPOCH, **changes).train()
        return str(tmp_path / name / 'epoch_1.pth')

    return train


def change_meta(path, **meta):
    checkpoint = read_checkpoint(path)
    checkpoint['meta'].update(meta)
    write_checkpoint(checkpoint, path)


# -- checkpoints
# ---------------------------------------------------------------------------------------------------------


def test_checkpoints_load_with_weights_only(trained):
    checkpoint = torch.load(trained(custom_hooks=[dict(type='EMAHook')]), weights_only=True)
    assert {'meta', 'state_dict', 'message_hub', 'optimizer', 'param_schedulers',
            'ema_state_dict'} == set(checkpoint)
    assert checkpoint['meta']['seed'] == 3
    assert checkpoint['meta']['dataset_meta']['classes'] == ['PASS', 'FAIL']
    assert "type='ToyChangeNet'" in checkpoint['meta']['cfg']


def test_mmengines_own_files_are_tested_and_resumed(toy_runner, tmp_path):
    cfg = toy_config(tmp_path / 'plain', **ONE_EPOCH)
    cfg.default_hooks.checkpoint = dict(type='mmengine.CheckpointHook', interval=1)
    Runner.from_cfg(cfg).train()
    path = str(tmp_path / 'plain' / 'epoch_1.pth')
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path)
    tested = toy_runner('test', load_from=path)
    tested.test()
    resumed = toy_runner('resume', resume=True, load_from=path, **{'train_cfg.max_epochs': 2})
    resumed.train()
    assert resumed.epoch == 2
    assert len(resumed.message_hub.get_scalar('train/loss').data[0]) == 8, 'the history of both epochs'


def test_mmengines_default_checkpoint_hook_is_the_safe_one(toy_runner):
    for hook in (dict(type='CheckpointHook', interval=2), None):
        hooks = {} if hook is None else dict(checkpoint=hook)
        kinds = [type(hook) for hook in toy_runner(default_hooks=hooks).hooks]
        assert SafeCheckpointHook in kinds
        assert 'CheckpointHook' not in [kind.__name__ for kind in kinds]


def test_a_test_needs_every_weight(toy_runner, trained):
    runner = toy_runner(load_from=trained(), **{'model.width': 12})
    with pytest.raises(CheckpointError) as caught:
        runner.test()
    assert 'backbone.0.weight [8, 6] in the file, [12, 6] in the network' in str(caught.value)
    assert 'model.width: not set there, 12 here' in str(caught.value)


def test_a_resume_needs_every_weight(toy_runner, trained):
    with pytest.raises(CheckpointError, match='of another shape'):
        toy_runner(load_from=trained(), resume=True, **{'model.width': 12}).train()


def test_a_start_from_other_weights_takes_what_fits(toy_runner, trained):
    path = trained()
    runner = toy_runner(load_from=path, **THREE,
                        **{'train_cfg.max_epochs': 1, 'optim_wrapper.optimizer.lr': 0.0})
    runner.train()
    assert torch.equal(runner.model.backbone[0].weight,
                       read_checkpoint(path)['state_dict']['backbone.0.weight'])
    assert runner.model.head.fc.out_features == 3


def test_runs_of_the_same_second_share_nothing(toy_runner):
    first, second = (toy_runner(name, experiment_name='same') for name in ('first', 'second'))
    first.train()
    assert second.message_hub.get_info('best_score') is None
    assert first.experiment_name != second.experiment_name


# -- class list and margin
# -----------------------------------------------------------------------------------------------


def test_the_class_list_comes_from_the_training_data_and_stays_with_the_checkpoint(toy_runner, trained):
    path = trained(**THREE)
    assert read_checkpoint(path)['meta']['dataset_meta']['classes'] == list(CLASSES)
    runner = toy_runner(load_from=path, **THREE)
    runner.test()
    assert runner.model.head.class_names == CLASSES


def test_another_class_list_in_the_config_is_an_error(toy_runner, trained):
    other = dict(num_classes=3, class_names=('PASS', 'missing', 'bridge'))
    with pytest.raises(CheckpointError, match='classes PASS, bridge, missing, but the config says PASS, '
                                              'missing, bridge'):
        toy_runner(load_from=trained(**THREE), **{'model.head': other}).test()


def test_the_number_of_classes_has_to_fit_the_training_data(toy_runner):
    with pytest.raises(ValueError, match='num_classes is 4, but the training data has 3 classes: PASS, '
                                         'bridge, missing'):
        toy_runner(**{**THREE, 'model.head': dict(num_classes=4)}).train()


def test_a_label_that_is_none_of_the_classes_is_an_error(toy_runner):
    head = dict(num_classes=3, class_names=('PASS', 'bridge', 'shifted'))
    with pytest.raises(ValueError, match="none of the head's classes: missing. The classes are PASS, "
                                         "bridge, shifted"):
        toy_runner(**{**THREE, 'model.head': head}).train()


def test_a_resume_keeps_the_class_list_of_its_checkpoint(toy_runner, trained):
    """Though the training data no longer has one of the names."""
    path = trained(**THREE)
    fewer = {**THREE, 'train_dataloader.dataset.classes': CLASSES[:2]}
    runner = toy_runner(load_from=path, resume=True, **fewer, **{'train_cfg.max_epochs': 2})
    runner.train()
    assert runner.model.head.class_names == CLASSES


def test_a_stored_threshold_is_the_margin_and_can_be_overruled(toy_runner, trained):
    path = trained()
    change_meta(path, threshold=dict(value=0.25))
    for margin, expected in ((None, 0.25), (0.75, 0.75)):
        runner = toy_runner(load_from=path)
        runner.margin = margin
        runner.test()
        assert runner.model.head.margin == expected


def test_training_on_drops_a_stored_threshold(toy_runner, trained, tmp_path):
    path = trained()
    change_meta(path, threshold=dict(value=0.25))
    runner = toy_runner('on', load_from=path, resume=True, **{'train_cfg.max_epochs': 2})
    runner.train()
    assert runner.model.head.margin == 0.5
    assert 'threshold' not in read_checkpoint(tmp_path / 'on' / 'epoch_2.pth')['meta']


# -- before the first step
# -----------------------------------------------------------------------------------------------


def test_fewer_rows_than_a_batch_are_an_error(toy_runner):
    with pytest.raises(ValueError, match='the training data has 3 rows and a batch takes 4'):
        toy_runner(**{'train_dataloader.dataset.rows': 3}).train()


def test_a_last_batch_of_one_is_an_error_before_it_comes(toy_runner):
    changes = {'train_dataloader.dataset.rows': 13, 'train_dataloader.drop_last': False}
    with pytest.raises(ValueError, match='13 rows in batches of 4 leave a batch of one'):
        toy_runner(**changes).train()


# -- mixed precision
# -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(torch.cuda.is_available(), reason='bfloat16 stands in where there is no GPU')
def test_mixed_precision_on_the_cpu_is_bfloat16(toy_runner, trained):
    amp = {'optim_wrapper.type': 'AmpOptimWrapper', 'optim_wrapper.loss_scale': 'dynamic'}
    runner = toy_runner(**amp, **ONE_EPOCH)
    kinds = set()
    runner.model.head.fc.register_forward_hook(lambda module, inputs, output: kinds.add(
        (module.training, output.dtype)))
    runner.train()
    assert isinstance(runner.optim_wrapper, Bf16OptimWrapper)
    assert kinds == {(True, torch.bfloat16), (False, torch.float32)}
    with pytest.raises(ValueError, match='mixed precision on the CPU is bfloat16; .*float16 needs a GPU'):
        toy_runner(**amp, **{'optim_wrapper.dtype': 'float16'}).train()


# -- broken rows
# ---------------------------------------------------------------------------------------------------------


def broken_hook(runner):
    return next(hook for hook in runner.hooks if isinstance(hook, BrokenImageHook))


def test_broken_rows_of_a_training_are_counted_and_listed_once(toy_runner, tmp_path):
    toy_runner(**{'train_dataloader.dataset.broken': [2, 5], 'val_dataloader.dataset.broken': [1]}).train()
    with open(tmp_path / 'run' / 'broken_images.csv', newline='') as file:
        assert list(csv.reader(file)) == [
            ['stage', 'row', 'message'], ['train', '2', 'row 2 is broken'], ['train', '5', 'row 5 is broken'],
            ['val', '1', 'row 1 is broken']]


def test_a_resumed_training_goes_on_with_its_list(toy_runner, tmp_path):
    toy_runner(**ONE_EPOCH, **{'train_dataloader.dataset.broken': [2]}).train()
    resumed = toy_runner(resume='auto', **{'train_dataloader.dataset.broken': [5], 'train_cfg.max_epochs': 2})
    resumed.train()
    assert sorted(broken_hook(resumed).rows) == [('train', 2), ('train', 5)]
    assert len((tmp_path / 'run' / 'broken_images.csv').read_text().splitlines()) == 3


def test_rows_without_a_score_are_known_after_a_test(toy_runner, trained, tmp_path):
    runner = toy_runner(load_from=trained(), **{'test_dataloader.dataset.broken': [7, 3]})
    runner.test()
    assert broken_hook(runner).unscored() == {3: 'row 3 is broken', 7: 'row 7 is broken'}
    assert (tmp_path / 'run' / 'broken_images_test.csv').exists()


def test_a_network_that_gives_no_number_scores_nothing(toy_runner):
    runner = toy_runner(test_evaluator=dict(type='ToyFigures'), **{'test_dataloader.dataset.rows': 3})
    runner.model.head.fc.bias.data[0] = math.nan
    with pytest.raises(ZeroDivisionError):
        runner.test()  # the toy metric cannot take it
    assert broken_hook(runner).unscored() == dict.fromkeys(range(3), 'the network gave the score nan')


def test_environment_config_and_hooks_go_into_the_log_file_alone(toy_runner, tmp_path, capsys):
    toy_runner(**ONE_EPOCH, log_level='INFO').train()
    printed, logged = capsys.readouterr().out, next((tmp_path / 'run').glob('*/*.log')).read_text()
    for dump in ('System environment:', "type='ToyChangeNet'", 'Hooks will be executed'):
        assert dump in logged and dump not in printed
    assert 'Epoch(train) [1]' in printed and 'Epoch(train) [1]' in logged
