"""A spec becomes an MMEngine config of this project's components."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmchangenet.checkpoint import CheckpointError
from mmchangenet.engine.plain_config import PlainConfig
from mmchangenet.labels.lightings import ordered_lightings

from .checkpoint import LayoutError
from .data import Layout, dataloader, layout_of
from .model import model_config
from .network import (
    Known,
    Size,
    check_input_size,
    check_pretrained_backbone,
    read_known,
    settle_network,
    settle_size,
)
from .parameters import ACTIONS
from .spec import INPUT_MAP, Spec, note_effects, read_spec
from .training import LOSS_OF, training_config

DATASET_OF = dict(evaluate='test', inference='infer', quantize='test')
CHECKPOINT_OF = dict(evaluate='evaluate.checkpoint',
                     inference='inference.checkpoint',
                     export='export.checkpoint',
                     quantize='quantize.model_path')


def spec_to_config(spec: str | Path | Mapping[str, Any], overrides: Sequence[str] = (), action: str = 'train',
                   release: str | None = None) -> PlainConfig:
    """The config that a spec means. What the spec leaves out of the network's structure comes from the
    checkpoint it names, if that is there; data need not be.

    Args:
        spec: YAML file, or its content.
        overrides: ``dotted.key=value`` and Hydra's other spellings.
        action: ``train``, ``evaluate``, ``inference``, ``export`` or ``quantize``.
        release: whose defaults to use, one of ``RELEASES``; None: the likely one.

    Returns:
        Runs with ``ChangeRunner``; dumped as a file, with ``tools/train.py`` or ``tools/test.py``. ``export``
        gives the network and no data. What there is to know about the spec is logged.

    Raises:
        FileNotFoundError: when there is no such spec.
        SpecError: with everything that is wrong with the spec.
        CheckpointError: when the checkpoint that it names is damaged.
    """
    if action not in ACTIONS or action == 'gen_trt_engine':
        raise ValueError(f'action {action!r}: use one of {", ".join(ACTIONS)}, but gen_trt_engine, which '
                         'runs no config')
    read = read_spec(spec, overrides, release)
    config = build_config(read, action)
    for line in read.report():
        print_log(line, 'current', logging.WARNING if line.startswith('WARNING') else logging.INFO)
    return config


def build_config(spec: Spec, action: str) -> PlainConfig:
    """As ``spec_to_config`` of a spec that is read; what to log is left in ``spec.report``.

    Args:
        spec: a spec that is read and may have problems.
        action: as there.
    """
    known, strict = _known(spec, action)
    _check_lightings(spec)
    parts = settle_network(spec, known, strict)
    layout = layout_of(spec)
    size = settle_size(spec, known, layout.rows, layout.columns, strict, action == 'export')
    check_input_size(spec, parts, size, layout.rows, layout.columns)
    note_effects(spec, action, {'model.classify.difference_module': parts['difference'],
                                'train.classify.loss': LOSS_OF[parts['difference']]})
    config: dict[str, Any] = dict(
        default_scope='mmchangenet', runner_type='mmchangenet.ChangeRunner',
        work_dir=results_dir(spec, action),
        model=model_config(spec, parts, size, training=action == 'train'),
        env_cfg=dict(cudnn_benchmark=spec['train.cudnn.benchmark'], dist_cfg=dict(backend='nccl'),
                     mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0)),
        randomness=dict(seed=_seed(spec)), log_level='INFO', log_processor=dict(by_epoch=True),
        custom_hooks=[dict(type='CudnnHook', deterministic=spec['train.cudnn.deterministic']),
                      dict(type='BrokenImageHook')],
        visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=10)), load_from=None, resume=False)
    if action == 'train':
        check_pretrained_backbone(spec, parts)
        training_config(spec, config, parts, layout, size)
    elif action == 'quantize':
        config['load_from'] = spec.need(CHECKPOINT_OF[action])
        for loader, name in (('train_dataloader', 'train'), ('test_dataloader', 'test')):
            config[loader] = dataloader(spec, name, layout, size)
    elif action == 'export':
        config['load_from'] = spec.need('export.checkpoint')
        spec.need('export.onnx_file')
        if _has_data(spec, 'test'):  # what the graph is checked on
            config['test_dataloader'] = dataloader(spec, 'test', layout, size)
        if spec['export.batch_size'] == 0:
            spec.problem('export.batch_size', '0 is refused: give the pairs of a batch, or -1 for any number')
    else:
        _testing_config(spec, config, action, layout, size)
    if 'encryption_key' in spec and not (action == 'export'
                                         and str(spec['export.onnx_file']).endswith('.etlt')):
        spec.pass_over('encryption_key', 'only an export to a name ending in .etlt is encrypted')
    spec.check()
    return PlainConfig(config, cfg_text='{}', filename=f'visual_changenet_{action}.json')


def results_dir(spec: Spec, action: str) -> str:
    """The folder of an action's results. That of an export without any is the ONNX file's."""
    if action == 'export' and not any(key in spec for key in ('results_dir', 'export.results_dir')):
        return str(Path(str(spec['export.onnx_file'] or 'export')).parent)
    return spec[f'{action}.results_dir'] or os.path.join(spec['results_dir'], action)


def _known(spec: Spec, action: str) -> tuple[Known | None, bool]:
    """What the checkpoint that is to be loaded tells, and whether all of it has to fit."""
    keys: tuple[str, ...] = (CHECKPOINT_OF.get(action, ''), )
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


def _check_lightings(spec: Spec) -> None:
    lightings = spec[INPUT_MAP]
    try:
        count = len(ordered_lightings(lightings) or [''])
    except ValueError as error:
        spec.problem(INPUT_MAP, f'{error}{_meant(lightings)}')
        del spec.values[INPUT_MAP]
        return
    key = 'dataset.classify.num_input'
    if key not in spec or spec[key] == count:
        return
    if lightings and spec.from_command_line(INPUT_MAP) and not spec.from_command_line(key):
        spec.note(f'{key}: {count} instead of {spec[key]}, as input_map on the command line has so many '
                  'lightings')
        spec.settle(key, count)
    elif lightings:
        first = ', '.join(f'{name}: {place}' for name, place in lightings.items() if place < spec[key])
        meant = f'; for {spec[key]} of them give input_map={{{first}}}' if spec[key] < count else ''
        spec.problem(key, f'{spec[key]}, but input_map has {count} lighting{"s" * (count > 1)}{meant}')
    else:
        spec.problem(key, f'{spec[key]}, but without an input_map there is one image and no suffix')


def _meant(lightings: Mapping[str, int]) -> str:
    """The map that was probably meant by one whose positions do not begin at 0 or have gaps."""
    places = sorted(lightings.values())
    if len(set(places)) < len(places) or places == list(range(len(places))):
        return ''
    return '. Probably meant: {' + ', '.join(f'{name}: {places.index(place)}'
                                             for name, place in lightings.items()) + '}'


def _has_data(spec: Spec, name: str) -> bool:
    """Whether data are given and there."""
    places = [spec[f'dataset.classify.{name}_dataset.{part}'] for part in ('csv_path', 'images_dir')]
    return all(place and os.path.exists(place) for place in places)


def _seed(spec: Spec) -> int | None:
    return None if spec['train.seed'] == -1 else spec['train.seed']


def _testing_config(spec: Spec, config: dict[str, Any], action: str, layout: Layout, size: Size) -> None:
    """Test dataloader, figures, files and pictures."""
    engine, checkpoint = f'{action}.trt_engine', f'{action}.checkpoint'
    if checkpoint in spec and engine in spec:
        spec.note(f'{checkpoint} is used; {engine} is run where no checkpoint is given')
    elif engine in spec:
        _use_engine(spec, config, engine)
    if checkpoint in spec or engine not in spec:
        config['load_from'] = spec.need(checkpoint)
    batch_size = spec[f'{action}.batch_size']
    if batch_size == 0:
        spec.problem(f'{action}.batch_size',
            '0 is refused: give the pairs of a batch, or -1 for dataset.classify.batch_size')
    loader = dataloader(spec, DATASET_OF[action], layout, size, None if batch_size == -1 else batch_size)
    out = config['work_dir']
    hooks = config['custom_hooks']
    if 'model.classify.eval_margin' in spec:
        hooks.append(dict(type='EvalMarginHook', margin=config['model']['head']['margin']))
    if action == 'inference':
        hooks.append(dict(type='ScoreFileHook', out_file=os.path.join(out, 'inference.csv')))
    else:
        hooks += [dict(type='FigureFileHook', out_file=os.path.join(out, 'figures.json')),
                  dict(type='GalleryHook', out_dir=os.path.join(out, 'gallery'))]
    hooks += [
        dict(type='BatchPictureHook',
             out_dir=os.path.join(out, 'pictures'),
             batch_size=loader['batch_size'],
             interval=spec[f'{action}.vis_after_n_batches']),
        dict(type='StatusHook')
    ]
    config.update(test_dataloader=loader, test_cfg={}, test_evaluator=dict(type='InspectionMetric'))


def _use_engine(spec: Spec, config: dict[str, Any], key: str) -> None:
    config['custom_imports'] = dict(imports=['mmchangenet.tao.tensorrt_classifier'])
    config['model'] = dict(
        type='TensorRTClassifier', engine=spec[key], input_size=config['model']['input_size'],
        data_preprocessor=config['model']['data_preprocessor'], head=config['model']['head'])
    if spec['dataset.classify.num_golden'] > 1:
        spec.problem('dataset.classify.num_golden',
            'an engine compares with one golden: evaluate the checkpoint instead')
