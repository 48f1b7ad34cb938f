"""Parts of MMEngine and mmpretrain in a config: they work, or are refused by name."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(('changes', 'said'), [
    (dict(val_evaluator=dict(type='mmpretrain.Accuracy', topk=(1, ))), 'val_evaluator: Accuracy '
     '.*InspectionMetric'),
    (dict(test_evaluator=[dict(type='Accuracy')]), 'test_evaluator: Accuracy'),
    (dict(custom_hooks=[dict(type='mmpretrain.VisualizationHook', enable=True)]),
     'VisualizationHook .*ValidationPicturesHook'),
    ({'default_hooks.visualization': dict(type='VisualizationHook')}, r'default_hooks.visualization: '
     r'VisualizationHook'),
    (dict(custom_hooks=[dict(type='ClassNumCheckHook')]), 'ClassNumCheckHook .*checked without a hook'),
])
def test_what_does_not_fit_pairs_is_refused_by_name(toy_runner, changes, said):
    with pytest.raises(ValueError, match=said):
        toy_runner(**changes)


def test_loader_settings_of_processes_do_no_harm_without_any(toy_runner):
    toy_runner(**{'train_dataloader.persistent_workers': True, 'val_dataloader.persistent_workers': True,
                  'val_dataloader.prefetch_factor': 2, 'train_cfg.max_epochs': 1}).train()


IN_OUR_SCOPE = dict(
    HOOKS=['FigureFileHook', 'SafeCheckpointHook', 'ScoreFileHook', 'GalleryHook', 'ValidationPicturesHook'],
    RUNNERS=['ChangeRunner'], MODELS=['SiameseClassifier', 'FAN'], DATASETS=['LightingPairDataset'],
    TRANSFORMS=['LoadLightings'], METRICS=['InspectionMetric'], DATA_SAMPLERS=['DefectWeightedSampler'],
    LOOPS=['EpochLoop'], LOG_PROCESSORS=['FigureLogProcessor'], WEIGHT_INITIALIZERS=['Pretrained'],
    OPTIM_WRAPPERS=['Bf16OptimWrapper'])


@pytest.mark.slow
def test_the_scope_alone_finds_everything():
    """In a process that has imported nothing of ours."""
    code = ('import sys, mmengine.registry as root\n'
            f'for registry, names in {IN_OUR_SCOPE}.items():\n'
            '    for name in names: getattr(root, registry).get(f"mmchangenet.{name}").__name__')
    subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)
