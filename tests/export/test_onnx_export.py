"""A network becomes an ONNX file of standard operators that computes the same."""

import onnx
import onnxruntime
import pytest
import torch

from mmchangenet.export.onnx_export import ExportError, export_module, export_onnx
from mmchangenet.models import SiameseClassifier

LEARNABLE = dict(neck=dict(type='LearnableDifference', embed_dim=16), head=dict(type='ChangeClsHead'))
EUCLIDEAN = dict(neck=dict(type='EuclideanDifference', hidden_dim=32), head=dict(type='ContrastiveHead'))
FAN = dict(type='FAN', arch='tiny')
RESNET = dict(type='mmpretrain.ResNet', depth=18, stem_channels=8, base_channels=8, out_indices=(0, 1, 2, 3),
              _scope_='mmpretrain')
VIT = dict(type='mmpretrain.VisionTransformer',
           arch=dict(embed_dims=48, num_layers=2, num_heads=4, feedforward_channels=96),
           img_size=64,
           patch_size=16,
           out_type='featmap',
           _scope_='mmpretrain')
SIZE = (64, 64)


def build(backbone=RESNET, parts=LEARNABLE):
    torch.manual_seed(0)
    return SiameseClassifier(dict(backbone), **parts, input_size=SIZE).eval()


def operators(file):
    return {node.op_type for node in onnx.load(file).graph.node}


@pytest.mark.parametrize(('backbone', 'parts', 'opset'), [(FAN, LEARNABLE, 17), (FAN, EUCLIDEAN, 12), (RESNET, LEARNABLE, 12),
                                                          (VIT, EUCLIDEAN, 17)])
def test_the_graph_computes_what_the_network_does(tmp_path, backbone, parts, opset):
    file = tmp_path / 'network.onnx'
    assert export_onnx(build(backbone, parts), file, SIZE, opset=opset) < 1e-4
    model = onnx.load(file)
    assert {node.domain for node in model.graph.node} == {''}
    assert [value.name for value in model.graph.input] == ['input_1', 'input_2']
    assert [value.name for value in model.graph.output] == ['output']
    assert 'Dropout' not in operators(file)
    assert ('LayerNormalization' in operators(file)) == (opset >= 17)


def test_tiny_distances_are_exported_to_the_last_digits(tmp_path):
    """Two equal sides are as far apart as what is added to each component's difference makes them."""
    file = tmp_path / 'network.onnx'
    model = build(parts=EUCLIDEAN)
    export_onnx(model, file, SIZE)
    image = torch.rand(1, 3, *SIZE)
    with torch.no_grad():
        expected = model(dict(compare=image, golden=image))
    inputs = dict(input_1=image.numpy(), input_2=image.numpy())
    distance, = onnxruntime.InferenceSession(file).run(None, inputs)
    assert expected.item() == pytest.approx(5**0.5 * 1e-6, rel=1e-3)
    assert distance.item() == pytest.approx(expected.item(), rel=1e-3)


def test_normalisation_and_score_can_be_part_of_the_graph(tmp_path):
    model, file = build(), tmp_path / 'network.onnx'
    export_onnx(model,
                file,
                SIZE,
                batch_size=2,
                input_names=('board', 'golden'),
                output_name='score',
                output='score',
                normalise=True)
    images = torch.randint(0, 256, (4, 3, *SIZE), dtype=torch.uint8)
    session = onnxruntime.InferenceSession(file)
    scores, = session.run(['score'], dict(board=images[:2].numpy(), golden=images[2:].numpy()))
    data = dict(inputs=dict(compare=images[:2], golden=images[2:]))
    expected = [sample.score for sample in model.test_step(data)]
    assert scores.tolist() == pytest.approx(expected, abs=1e-4)


def test_an_opset_that_is_too_low_is_refused_with_the_lowest_that_works(tmp_path):
    with pytest.raises(ExportError, match='opset 9.*lowest that works is 11'):
        export_onnx(build(), tmp_path / 'network.onnx', SIZE, opset=9)
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept(tmp_path):
    file = tmp_path / 'network.onnx'
    file.write_text('mine')
    with pytest.raises(FileExistsError, match='network.onnx'):
        export_onnx(build(), file, SIZE)
    assert file.read_text() == 'mine'


def test_a_network_in_training_mode_is_refused(tmp_path):
    with pytest.raises(ValueError, match='eval()'):
        export_onnx(build().train(), tmp_path / 'network.onnx', SIZE)


class Masked(torch.nn.Module):
    """Makes a mask by writing into parts of it, as windows of shifted attention do."""

    def forward(self, x):
        mask = torch.zeros(3)
        mask[1:] = 5.0
        return x + mask


def test_writing_into_a_part_of_a_constant_is_not_lost(tmp_path):
    file = tmp_path / 'network.onnx'
    export_module(Masked().eval(), file, dict(x=torch.zeros(2, 3)), ('y', ), dynamic_batch=True)
    assert operators(file) == {'Add'}


class Unsteady(torch.nn.Module):
    """Computes something else each time."""

    def forward(self, x):
        return x + torch.rand(())


def test_a_graph_that_computes_something_else_is_not_written(tmp_path):
    with pytest.raises(ExportError, match='differ by'):
        export_module(Unsteady().eval(), tmp_path / 'network.onnx', dict(x=torch.zeros(2, 3)), ('y', ))
    assert not list(tmp_path.iterdir())
