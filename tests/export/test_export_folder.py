"""What an export takes from a config, and what it refuses."""

import copy
import json

import onnx
import pytest
from networks import build_network

from mmchangenet.export.folder import export_folder, settings_of
from mmchangenet.export.onnx_export import ExportError, check_graph
from mmchangenet.files import OutputError

LOAD, LAY_OUT, PACK = dict(type='LoadLightings'), dict(type='LayOutLightings'), dict(type='PackChangeInputs')
RESIZE = dict(type='PairedResize', size=(32, 32), filter='area')


@pytest.fixture(scope='module')
def model():
    from mmengine.registry import DefaultScope
    with DefaultScope.overwrite_default_scope('mmchangenet'):
        return build_network('resnet', 'euclidean', (64, 64), stem_channels=16, base_channels=8)


def config_of(
        pipeline=(LOAD, RESIZE, dict(type='LayOutLightings', layout='grid', grid=(2, 2)), PACK), **dataset):
    lights = dict(d=3, c=2, b=0, a=1)
    dataset = dict(type='LightingPairDataset', pipeline=list(pipeline), input_map=lights,
                   image_ext='.bmp') | dataset
    return dict(test_dataloader=dict(dataset=dataset))


def test_the_json_says_how_images_are_prepared(model, tmp_path):
    differences = export_folder(model, config_of(), tmp_path / 'out')
    content = json.loads((tmp_path / 'out' / 'runtime.json').read_text())
    assert content['lightings'] == ['b', 'a', 'c', 'd']
    assert (content['layout'], content['grid'], content['filter']) == ('grid', [2, 2], 'area')
    assert (content['image_size'], content['input_size'], content['image_ext']) == ([32, 32], [64,
                                                                                               64], '.bmp')
    assert content['threshold'] == model.head.margin and content['class_names'] == ['PASS', 'FAIL']
    assert set(differences) == {'encoder', 'comparator', 'end to end'} and max(differences.values()) < 1e-4
    assert {path.name
            for path in (tmp_path / 'out').iterdir()} == {'encoder.onnx', 'comparator.onnx', 'runtime.json'}
    assert [path.name for path in tmp_path.iterdir()] == ['out']


def test_graphs_hold_standard_operators_and_a_free_batch(model, tmp_path):
    export_folder(model, config_of(), tmp_path / 'out')
    for name in ('encoder', 'comparator'):
        graph = onnx.load(tmp_path / 'out' / f'{name}.onnx')
        check_graph(graph, [value.name for value in graph.graph.input])
        assert all(value.type.tensor_type.shape.dim[0].dim_param == 'batch' for value in graph.graph.input)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(pipeline=(LOAD, RESIZE, dict(type='PairedRandomFlip'), LAY_OUT, PACK)), 'PairedRandomFlip'),
    (dict(pipeline=(LOAD, RESIZE, PACK)), 'can reproduce'),
    (dict(pipeline=(dict(type='LoadLightings', backend='pillow'), RESIZE, LAY_OUT, PACK)), 'backend'),
    (dict(pipeline=(LOAD, RESIZE, LAY_OUT, PACK)), 'do not make an image of'),
    (dict(input_map=None), '1 lightings'),
    (dict(input_map=dict(a=1)), 'position 0 is missing'),
    (dict(type='ConcatDataset'), 'ConcatDataset'),
])
def test_what_the_runtime_cannot_reproduce_is_refused(model, changes, message, tmp_path):
    with pytest.raises(ExportError, match=message):
        export_folder(model, config_of(**changes), tmp_path / 'out')
    assert not list(tmp_path.iterdir())


def test_a_network_without_class_names_is_refused(model):
    nameless = copy.deepcopy(model)
    nameless.head.class_names = None
    with pytest.raises(ExportError, match='names of its classes'):
        settings_of(nameless, config_of(), 17)


def test_a_folder_with_something_in_it_is_left_alone(model, tmp_path):
    (tmp_path / 'precious').write_text('x')
    with pytest.raises(OutputError, match='no empty folder'):
        export_folder(model, config_of(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['precious']


def test_fan_is_exported_in_standard_operators_without_arithmetic_on_sizes(tmp_path):
    model = build_network('fan', 'learnable', (64, 64))
    differences = export_folder(model, config_of(), tmp_path / 'out')
    assert set(differences) == {'encoder', 'golden', 'comparator', 'end to end'} and max(
        differences.values()) < 1e-4
    for name in set(differences) - {"end to end"}:
        graph = onnx.load(tmp_path / 'out' / f'{name}.onnx').graph
        assert not {'Shape', 'Range', 'Expand', 'Dropout', 'Resize'} & {node.op_type for node in graph.node}
