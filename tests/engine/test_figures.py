"""What is logged is what the validation gave, and the best checkpoint is chosen by a rule that is said."""

import json
import math
from pathlib import Path

import pytest
from mmengine.evaluator import BaseMetric
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmchangenet.registry import METRICS

BY_ITERATION = {
    'train_dataloader.dataset.rows': 48, 'train_cfg': dict(by_epoch=False, max_iters=12, val_interval=4),
    'log_processor': dict(by_epoch=False), 'param_scheduler.by_epoch': False, 'param_scheduler.end': 12,
    'default_hooks.checkpoint.by_epoch': False, 'default_hooks.checkpoint.interval': 4}


@METRICS.register_module()
class GivenFigures(BaseMetric):
    """The figures that a test names, one after the other."""

    def __init__(self, **figures):
        super().__init__(prefix='')
        self.figures = {name: iter(values) for name, values in figures.items()}

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return {name: next(values) for name, values in self.figures.items()}


def scalars(runner):
    """The validations in scalars.json: step → figures."""
    lines = (Path(runner.log_dir) / 'vis_data' / 'scalars.json').read_text().splitlines()
    return {line['step']: line for line in map(json.loads, lines) if 'val_loss' in line}


def best(folder):
    """The best checkpoint's name."""
    return [path.name for path in folder.glob('best_*.pth')]


@pytest.mark.parametrize(('changes', 'steps'), [({}, [1, 2, 3]), (BY_ITERATION, [4, 8, 12])],
                         ids=['epochs', 'iterations'])
def test_each_validation_is_logged_as_it_was_and_where_it_was(toy_runner, changes, steps):
    losses = [0.7, 0.5, 0.9]
    runner = toy_runner(
        val_evaluator=dict(type='GivenFigures', spread=[0.1, 0.2, 0.3], val_loss=losses), log_level='INFO',
        visualizer=dict(type='Visualizer',
                        vis_backends=[dict(type='LocalVisBackend'),
                                      dict(type='TensorboardVisBackend')]), **changes)
    runner.train()
    logged = scalars(runner)
    assert [logged[step]['val_loss'] for step in steps] == losses and sorted(logged) == steps
    events = EventAccumulator(str(Path(runner.log_dir) / 'vis_data')).Reload().Scalars('val_loss')
    assert [(event.step, round(event.value, 6)) for event in events] == list(zip(steps, losses, strict=True))
    text = next(Path(runner.log_dir).glob('*.log')).read_text()
    assert all(f'val_loss: {loss:.4f}' in text for loss in losses)


@pytest.mark.parametrize(('spread', 'losses', 'chosen'), [
    ([0.9, 0.9, 0.9], [0.5, 0.4, 0.6], 'best_spread_epoch_2.pth'),  # the lower loss
    ([0.9, 0.9, 0.8], [0.5, 0.5, 0.1], 'best_spread_epoch_2.pth'),  # the later
    ([0.8, 0.9, 0.9], None, 'best_spread_epoch_3.pth'),  # the later
    ([math.nan] * 3, [0.5, 0.4, 0.6], 'best_val_loss_epoch_2.pth'),  # undefined: the loss
    ([math.nan, 0.2, 0.1], [0.1, 0.4, 0.6], 'best_spread_epoch_2.pth'),  # any figure is better than none
    ([0.1, math.nan, math.nan], [0.5, 0.4, 0.3], 'best_spread_epoch_1.pth'),
])
def test_the_rule_for_the_best(toy_runner, tmp_path, spread, losses, chosen):
    figures = dict(spread=spread) if losses is None else dict(spread=spread, val_loss=losses)
    toy_runner(val_evaluator=dict(type='GivenFigures', **figures)).train()
    assert best(tmp_path / 'run') == [chosen]


@pytest.mark.parametrize(('figures', 'said'), [
    (dict(spread=[math.nan] * 3), 'there will be no best checkpoint'),
    (dict(spread=[math.nan] * 3, val_loss=[1.0] * 3), 'the best checkpoint is the one with the lowest '
                                                      'val_loss'),
])
def test_an_undefined_figure_is_said_once(toy_runner, tmp_path, figures, said):
    runner = toy_runner(val_evaluator=dict(type='GivenFigures', **figures))
    runner.train()
    assert next(Path(runner.log_dir).glob('*.log')).read_text().count(said) == 1
