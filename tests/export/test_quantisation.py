"""Int8 graphs: what is quantised in which way, for whom, and that the tool shows what it costs."""

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from mmchangenet.export.int8_cost import quantise_and_compare
from mmchangenet.export.onnx_export import export_onnx
from mmchangenet.export.quantisation import quantise, worth_quantising


@pytest.fixture(scope='module')
def float_graph(line, tmp_path_factory):
    file = tmp_path_factory.mktemp('float') / 'float.onnx'
    export_onnx(line.network, file, line.size)
    return file


def zero_points(model):
    """Type and values of the zero point of every QuantizeLinear on an activation."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    return [(tensors[node.input[2]].data_type, numpy_helper.to_array(tensors[node.input[2]]).any())
            for node in model.graph.node if node.op_type == 'QuantizeLinear' and node.input[0] not in tensors]


@pytest.mark.parametrize('form', ['onnxruntime', 'tensorrt'])
def test_the_tool_calibrates_on_the_training_csv_and_shows_what_it_costs(form, line, float_graph, tmp_path,
                                                                         capsys):
    out = tmp_path / 'int8.onnx'
    before, after = quantise_and_compare(line.config, float_graph, out, form, samples=6)
    shown = capsys.readouterr().out
    assert 'fp32: AUROC' in shown and 'int8: AUROC' in shown and 'full recall' in shown
    assert before['rows'] == after['rows'] == 12
    model = onnx.load(out)
    onnxruntime.InferenceSession(out)
    kinds = {kind for kind, _ in zero_points(model)}
    assert kinds == {TensorProto.INT8 if form == 'tensorrt' else TensorProto.UINT8}
    if form == 'tensorrt':
        assert not any(shifted for _, shifted in zero_points(model)), 'activations are symmetric'
        assert TensorProto.INT32 not in {tensor.data_type
                                         for tensor in model.graph.initializer
                                         }, 'biases are in floating point'


def test_thin_and_depthwise_convolutions_and_attention_products_stay_in_floating_point():
    def weight(name, *shape):
        return onnx.helper.make_tensor(name, TensorProto.FLOAT, shape,
                                       [0.0] * onnx.numpy_helper.np.prod(shape))

    make = onnx.helper.make_node
    graph = onnx.helper.make_graph([
        make('Conv', ['x', 'first'], ['a'], 'first'),
        make('Conv', ['x', 'depthwise'], ['b'], 'depthwise', group=64),
        make('Conv', ['x', 'large'], ['c'], 'large'),
        make('MatMul', ['q', 'k'], ['d'], 'attention'),
        make('MatMul', ['q', 'projection'], ['e'], 'projection')
    ], 'graph', [], [], [
        weight('first', 8, 3, 1, 1),
        weight('depthwise', 64, 1, 1, 1),
        weight('large', 8, 64, 1, 1),
        weight('projection', 64, 8)
    ])
    assert worth_quantising(onnx.helper.make_model(graph)) == ['large', 'projection']


def test_an_opset_without_scales_for_channels_is_refused(line, tmp_path):
    export_onnx(line.network, tmp_path / 'old.onnx', line.size, opset=12)
    with pytest.raises(ValueError, match='opset 12.*13'):
        quantise(tmp_path / 'old.onnx', tmp_path / 'int8.onnx', [])
