"""TensorRT does not run here; what can be checked is that its parser knows our operators and its API the
names we use."""

import ast
import importlib.util
import json
from pathlib import Path

import onnx
import pytest

from mmchangenet.export import tensorrt
from mmchangenet.export.graph import random_inputs
from mmchangenet.export.onnx_export import export_onnx
from mmchangenet.export.quantisation import quantise, to_half
from mmchangenet.models import SiameseClassifier

KNOWN = json.loads(Path(__file__).with_name('tensorrt_names.json').read_text())
OBJECTS = ('trt', 'builder', 'network', 'parser', 'config', 'profile', 'runtime', 'engine', 'context')


def names_used():
    """Names that the backend takes from TensorRT's module and objects."""
    tree = ast.parse(Path(tensorrt.__file__).read_text())
    names = {'STRONGLY_TYPED'}  # asked for by getattr
    for node in ast.walk(tree):
        owner = node
        while isinstance(owner, ast.Attribute):
            inner = owner.value
            if isinstance(inner, ast.Name) and inner.id in OBJECTS or isinstance(
                    inner, ast.Attribute) and inner.attr in OBJECTS:
                names.add(node.attr)
            owner = inner
    return names - {'__version__'}


@pytest.mark.parametrize('version', KNOWN['bindings'])
def test_every_name_used_exists_in_the_bindings(version):
    assert len(names_used()) > 25
    assert names_used() <= set(KNOWN['bindings'][version])


@pytest.mark.skipif(importlib.util.find_spec('tensorrt_bindings') is None, reason='needs tensorrt-cu12-bindings or -cu13-')
def test_every_name_used_exists_in_the_installed_bindings():
    folder = Path(importlib.util.find_spec('tensorrt_bindings').origin).parent
    content = b''.join(file.read_bytes() for file in folder.glob('tensorrt*.so'))
    assert not {name for name in names_used() if name.encode() + b'\0' not in content}


@pytest.mark.parametrize('backbone', ['FAN', 'ResNet'])
def test_every_operator_is_one_that_the_parser_supports(backbone, line, tmp_path):
    network = line.network
    if backbone == 'FAN':
        network = SiameseClassifier(dict(type='FAN', arch='tiny'),
                                    dict(type='EuclideanDifference', hidden_dim=32),
                                    dict(type='ContrastiveHead'),
                                    input_size=line.size).eval()
    files = [tmp_path / f'{name}.onnx' for name in ('fp32', 'fp16', 'int8')]
    export_onnx(network, files[0], line.size, normalise=True, output='score', batch_size=1)
    to_half(files[0], files[1])
    quantise(files[0], files[2], [random_inputs(files[0])], 'tensorrt')
    for file in files:
        operators = {node.op_type for node in onnx.load(file).graph.node}
        assert operators <= set(KNOWN['operators']), file.name
