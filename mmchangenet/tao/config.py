"""A spec becomes an MMEngine config of this project's components."""

import logging
import os
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from mmchangenet.checkpoint import CheckpointError
from mmchangenet.labels.lightings import ordered_lightings

from .checkpoint import LayoutError
from .data import dataloader, layout_of
from .model import model_config
from .network import check_input_size, read_known, settle_network, settle_size
from .parameters import ACTIONS
from .spec import note_effects, read_spec
from .training import LOSS_OF, training_config

DATASET_OF = dict(evaluate='test', inference='infer')


def spec_to_config(spec, overrides=(), action='train'):
    """The config that a spec means. What the spec leaves out of the network's structure comes from the checkpoint it names,
    if that is there; data need not be.

    Args:
        spec (str | Path | dict): YAML file, or its content.
        overrides (Sequence[str]): ``dotted.key=value``.
        action (str): ``train``, ``evaluate``, ``inference`` or ``export``.

    Returns:
        Config: runs with ``ChangeRunner``; dumped as a file, with ``tools/train.py`` or ``tools/test.py``. ``export`` gives
        the network and no data. Defaults that differ from the published page's and parameters without effect are logged.

    Raises:
        FileNotFoundError: when there is no such spec.
        SpecError: with everything that is wrong with the spec.
        CheckpointError: when the checkpoint that it names is damaged.
    """
    if action not in ACTIONS:
        raise ValueError(f'action {action!r}: use one of {", ".join(ACTIONS)}')
    spec = read_spec(spec, overrides)
    config = build_config(spec, action)
    for note in spec.notes:
        print_log(note, 'current', logging.INFO)
    return config


def build_config(spec, action):
    """As ``spec_to_config`` of a spec that is read; what to log is left in ``spec.notes``.

    Args:
        spec (Spec): a spec that is read and may have problems.
        action (str): as there.
    """
    known, strict = _known(spec, action)
    parts = settle_network(spec, known, strict)
    layout = layout_of(spec)
    size = settle_size(spec, known, layout.rows, layout.columns, strict, action == 'export')
    check_input_size(spec, parts, size)
    _check_lightings(spec)
    note_effects(spec, action, {'model.classify.difference_module': parts['difference'],
                                'train.classify.loss': LOSS_OF[parts['difference']]})
    config = dict(
        default_scope='mmchangenet',
        runner_type='mmchangenet.ChangeRunner',
        work_dir=results_dir(spec, action),
        model=model_config(spec, parts, size, training=action == 'train'),
        env_cfg=dict(cudnn_benchmark=spec['train.cudnn.benchmark'], mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
                     dist_cfg=dict(backend='nccl')),
        randomness=dict(seed=_seed(spec)), log_level='INFO', log_processor=dict(by_epoch=True),
        custom_hooks=[dict(type='CudnnHook', deterministic=spec['train.cudnn.deterministic']), dict(type='BrokenImageHook')],
        visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=10)), load_from=None, resume=False)
    if action == 'train':
        training_config(spec, config, parts, layout, size)
    elif action == 'export':
        config['load_from'] = spec.need('export.checkpoint')
        spec.need('export.onnx_file')
        if spec['export.batch_size'] == 0:
            spec.problem('export.batch_size', '0 is refused: give the pairs of a batch, or -1 for any number')
    else:
        _testing_config(spec, config, action, layout, size)
    if 'encryption_key' in spec and not (action == 'export' and str(spec['export.onnx_file']).endswith('.etlt')):
        spec.note('encryption_key has no effect: only an export to a name ending in .etlt is encrypted')
    spec.check()
    return Config(config)


def results_dir(spec, action):
    """The folder of an action's results. That of an export without any is the ONNX file's."""
    if action == 'export':
        if 'results_dir' not in spec and 'export.onnx_file' in spec:
            return str(Path(spec['export.onnx_file']).parent)
        return os.path.join(spec['results_dir'], 'export')
    return spec[f'{action}.results_dir'] or os.path.join(spec['results_dir'], action)


def _known(spec, action):
    """What the checkpoint that is to be loaded tells, and whether all of it has to fit."""
    keys = (f'{action}.checkpoint', )
    if action == 'train':
        keys = ('train.resume_training_checkpoint_path', 'train.pretrained_model_path')
    key = next((key for key in keys if key in spec), None)
    if key is None:
        return None, True
    strict = key != 'train.pretrained_model_path'
    try:
        return read_known(spec[key]), strict
    except (LayoutError, CheckpointError) as error:
        if strict or isinstance(error, CheckpointError):
            spec.problem(key, f'{spec[key]}: {error}' if isinstance(error, LayoutError) else str(error))
        return None, strict


def _check_lightings(spec):
    lightings = spec['dataset.classify.input_map']
    try:
        count = len(ordered_lightings(lightings) or [''])
    except ValueError as error:
        spec.problem('dataset.classify.input_map', str(error))
        return
    if 'dataset.classify.num_input' in spec and spec['dataset.classify.num_input'] != count:
        spec.problem('dataset.classify.num_input', f'{spec["dataset.classify.num_input"]}, but input_map has '
                     f'{count} lighting{"s" * (count > 1)}' if lightings else
                     f'{spec["dataset.classify.num_input"]}, but without an input_map there is one image and no suffix')


def _seed(spec):
    return None if spec['train.seed'] == -1 else spec['train.seed']


def _testing_config(spec, config, action, layout, size):
    """Test dataloader, figures, files and pictures."""
    engine = spec[f'{action}.trt_engine']
    if engine:
        config['custom_imports'] = dict(imports=['mmchangenet.tao.tensorrt_classifier'])
        config['model'] = dict(
            type='TensorRTClassifier', engine=engine, input_size=config['model']['input_size'],
            data_preprocessor=config['model']['data_preprocessor'], head=config['model']['head'])
        if spec['dataset.classify.num_golden'] > 1:
            spec.problem('dataset.classify.num_golden', 'an engine compares with one golden: evaluate the checkpoint instead')
        if f'{action}.checkpoint' in spec:
            spec.note(f'{action}.checkpoint: only the network\'s structure is taken from it; {action}.trt_engine is run')
    else:
        config['load_from'] = spec.need(f'{action}.checkpoint')
    batch_size = spec[f'{action}.batch_size']
    if batch_size == 0:
        spec.problem(f'{action}.batch_size', '0 is refused: give the pairs of a batch, or -1 for dataset.classify.batch_size')
    loader = dataloader(spec, DATASET_OF[action], layout, size, None if batch_size == -1 else batch_size)
    out = config['work_dir']
    hooks = config['custom_hooks']
    if 'model.classify.eval_margin' in spec:
        hooks.append(dict(type='EvalMarginHook', margin=spec['model.classify.eval_margin']))
    if action == 'inference':
        hooks.append(dict(type='ScoreFileHook', out_file=os.path.join(out, 'inference.csv')))
    else:
        hooks += [dict(type='FigureFileHook', out_file=os.path.join(out, 'figures.json')),
                  dict(type='GalleryHook', out_dir=os.path.join(out, 'gallery'))]
    hooks.append(dict(type='BatchPictureHook', out_dir=os.path.join(out, 'pictures'), batch_size=loader['batch_size'],
                      interval=spec[f'{action}.vis_after_n_batches']))
    config.update(test_dataloader=loader, test_cfg={}, test_evaluator=dict(type='InspectionMetric'))
