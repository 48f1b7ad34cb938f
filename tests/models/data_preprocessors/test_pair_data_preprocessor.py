"""Both sides are stacked, made float and normalised."""

import pytest
import torch

from mmchangenet.models import PairDataPreprocessor


def images(*sizes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=generator) for size in sizes]


def test_each_colour_is_normalised_with_its_own_mean_and_deviation():
    mean, std = [120., 110., 100.], [60., 50., 40.]
    compare, golden = images((4, 4), (4, 4)), images((4, 4), (4, 4))
    result = PairDataPreprocessor(mean, std)(dict(inputs=dict(compare=compare, golden=golden),
                                                  data_samples=['a', 'b']))
    expected = (torch.stack(compare).float() - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(
        3, 1, 1)
    torch.testing.assert_close(result['inputs']['compare'], expected)
    assert result['data_samples'] == ['a', 'b']


@pytest.mark.parametrize('name', ['to_rgb', 'bgr_to_rgb'])
def test_images_in_the_order_of_mmcv_are_turned_round(name):
    compare, golden = images((4, 4)), images((4, 4))
    turned = dict(inputs=dict(compare=[image.flip(0)
                                       for image in compare], golden=torch.stack(golden).flip(1)[:, None]))
    expected = PairDataPreprocessor()(dict(inputs=dict(compare=compare, golden=golden)))['inputs']
    result = PairDataPreprocessor(**{name: True})(turned)['inputs']
    assert torch.equal(result['compare'], expected['compare']) and torch.equal(
        result['golden'][:, 0], expected['golden'])


def test_a_batch_that_came_in_stays_as_it_was():
    batch = torch.stack(images((4, 4), (4, 4))).float()
    before = batch.clone()
    PairDataPreprocessor()(dict(inputs=dict(compare=batch, golden=batch)))
    assert torch.equal(batch, before)


def test_images_of_different_size_are_refused():
    with pytest.raises(ValueError, match='compare images of a batch differ in shape.*PairedResize'):
        PairDataPreprocessor()(
            dict(inputs=dict(compare=images((4, 4), (8, 4)), golden=images((4, 4), (4, 4)))))


@pytest.mark.parametrize('arguments', [dict(mean=[1.0]), dict(std=[1.0, 0.0, 1.0])])
def test_values_that_cannot_be_are_refused(arguments):
    with pytest.raises(ValueError, match='three values'):
        PairDataPreprocessor(**arguments)
