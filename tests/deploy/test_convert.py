"""A checkpoint becomes files of a backend that score as PyTorch does, or the conversion says why not."""

import json
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from mmengine.config import Config

from mmchangenet.apis import ChangeInferencer
from mmchangenet.deploy.change_classification import ChangeClassification
from mmchangenet.deploy.convert import convert
from mmchangenet.deploy.evaluate import prepare_backend_test
from mmchangenet.deploy.precision import precision_of
from mmchangenet.export.onnx_export import ExportError
from mmchangenet.export.tensorrt import TensorRTMissing

CONFIGS = Path(__file__).parents[2] / 'configs/deploy'


def deploy_config(name, folder, **changes):
    """A deploy config file with changes, beside the original's content."""
    config = Config.fromfile(CONFIGS / f'change-classification_{name}.py')
    for key, value in changes.items():
        owner = config
        *path, last = key.split('.')
        for part in path:
            owner = owner[part]
        owner[last] = value
    file = folder / f'{name}.py'
    config.dump(file)
    return str(file)


@pytest.fixture(scope='module')
def reference(line):
    """What PyTorch scores the label CSV."""
    return ChangeInferencer(line.config, line.checkpoint, device='cpu').score_csv(line.csv, line.root)


def backend_scores(deploy, line, files, tmp_path, batch_size):
    prepare_backend_test(deploy,
                         line.config,
                         files,
                         work_dir=str(tmp_path / 'logs'),
                         out=str(tmp_path / 'scores.csv'),
                         show_dir=str(tmp_path / 'pictures'),
                         batch_size=batch_size).test()
    return pd.read_csv(tmp_path / 'scores.csv')


@pytest.mark.parametrize(('name', 'batch_size', 'changes'), [
    ('onnxruntime_dynamic', 5, {}),
    ('openvino_static', 1, {'codebase_config.graph': dict(output='score', normalise=True), 'onnx_config.input_names': ['a', 'b'],
                            'onnx_config.output_names': ['c'], 'onnx_config.opset_version': 13}),
])
def test_backend_and_pytorch_score_a_csv_alike(name, batch_size, changes, line, reference, tmp_path):
    deploy = deploy_config(name, tmp_path, **changes)
    files = convert(deploy, line.config, line.checkpoint, line.csv, work_dir=tmp_path / 'out')
    frame = backend_scores(deploy, line, files, tmp_path, batch_size)
    assert np.ptp(reference.siamese_score) > 0.005
    np.testing.assert_allclose(frame.siamese_score, reference.siamese_score, atol=1e-4)
    assert list(frame.object_name) == list(reference.object_name)
    assert (tmp_path / 'pictures/index.html').exists()
    graph = onnx.load(tmp_path / 'out/end2end.onnx').graph
    assert [value.name
            for value in graph.input] == list(changes.get('onnx_config.input_names', ['compare', 'golden']))
    assert json.loads((tmp_path / 'out/end2end.json').read_text())['margin'] == 0.25


def test_a_pair_of_images_serves_as_the_sample(line, tmp_path):
    pair = [str(line.root / side / 'R1.png') for side in ('board', 'golden')]  # the lights are added
    deploy = deploy_config('onnxruntime_static', tmp_path)
    convert(deploy, line.config, line.checkpoint, ','.join(pair), pair, tmp_path / 'out')
    assert (tmp_path / 'out/output_onnxruntime.jpg').exists() and (tmp_path /
                                                                   'out/output_pytorch.jpg').exists()


def test_a_sample_that_is_neither_csv_nor_pair_is_refused(line, tmp_path):
    with pytest.raises(ValueError, match='label CSV.*two images'):
        convert(deploy_config('onnxruntime_static', tmp_path),
                line.config,
                line.checkpoint,
                'one.png',
                work_dir=tmp_path)


@pytest.mark.parametrize(('name', 'changes', 'message'), [
    ('onnxruntime_static', {'onnx_config.input_shape': (99, 99)}, 'input_shape'),
    ('onnxruntime_dynamic', {'onnx_config.dynamic_axes.compare': {0: 'batch', 2: 'height'}}, 'only the batch'),
    ('onnxruntime_static', {'onnx_config.keep_initializers_as_inputs': True}, 'keep_initializers_as_inputs'),
    ('openvino_static', {'backend_config.precision': 'int8'}, 'int8'),
])
def test_what_cannot_be_is_refused_with_the_field(name, changes, message, line, tmp_path):
    with pytest.raises(ValueError, match=message):
        convert(deploy_config(name, tmp_path, **changes),
                line.config,
                line.checkpoint,
                line.csv,
                work_dir=tmp_path / 'out')


def test_a_low_opset_names_the_lowest_that_works(line, tmp_path):
    deploy = deploy_config('onnxruntime_static', tmp_path, **{'onnx_config.opset_version': 9})
    with pytest.raises(ExportError, match='lowest that works is 11'):
        convert(deploy, line.config, line.checkpoint, line.csv, work_dir=tmp_path)


def test_a_graph_without_its_margin_is_refused(line, tmp_path):
    deploy = deploy_config('onnxruntime_static', tmp_path)
    convert(deploy, line.config, line.checkpoint, line.csv, work_dir=tmp_path)
    (tmp_path / 'end2end.json').unlink()
    with pytest.raises(FileNotFoundError, match='holds the threshold'):
        prepare_backend_test(deploy, line.config, [str(tmp_path / 'end2end.onnx')], work_dir=str(tmp_path))


@pytest.mark.parametrize('name', ['tensorrt_dynamic', 'tensorrt-fp16_static', 'tensorrt-int8_dynamic'])
def test_without_tensorrt_the_checked_graph_is_left_and_said_so(name, line, tmp_path):
    with pytest.raises(TensorRTMissing, match='TensorRT was not run.*end2end.onnx'):
        convert(deploy_config(name, tmp_path), line.config, line.checkpoint, line.csv, work_dir=tmp_path)
    kinds = {tensor.data_type for tensor in onnx.load(tmp_path / 'end2end.onnx').graph.initializer}
    operators = {node.op_type for node in onnx.load(tmp_path / 'end2end.onnx').graph.node}
    assert ('QuantizeLinear' in operators) == ('int8' in name)
    assert (onnx.TensorProto.FLOAT16 in kinds) == ('fp16' in name)


@pytest.mark.parametrize('file', sorted(CONFIGS.glob('*.py')), ids=lambda file: file.stem)
def test_every_deploy_config_is_complete(file):
    config = Config.fromfile(file)
    assert bool(config.onnx_config.get('dynamic_axes')) == file.stem.endswith('dynamic')
    assert config.backend_config.type in file.stem
    assert precision_of(config) == next((kind for kind in ('fp16', 'int8') if kind in file.stem), 'fp32')


def test_what_mmdeploys_sdk_would_need_is_refused_with_a_reason():
    with pytest.raises(NotImplementedError, match='SDK.*one image'):
        ChangeClassification.get_preprocess(None)
