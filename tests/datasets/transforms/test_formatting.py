"""Laying out and packing."""

import pickle

import numpy as np
import pytest
import torch

from mmchangenet.datasets.transforms import LayOutLightings, PackChangeInputs

ROW = {
    'sample_idx': 7,
    'input_path': 'compare/b0',
    'golden_path': 'golden/b0',
    'label': 'bridge',
    'object_name': '0012',
    'compare_files': ['c_a.jpg', 'c_b.jpg'],
    'golden_files': ['g_a.jpg', 'g_b.jpg'],
}


def test_lightings_of_both_sides_are_laid_out(pair):
    linear = LayOutLightings()({'images': pair})['images']
    assert linear.shape == (2, 192, 48, 3)
    assert np.array_equal(linear[1, 96:144], pair[1, 2])
    grid = LayOutLightings('grid', [2, 2])({'images': pair})['images']
    assert grid.shape == (2, 96, 96, 3)
    assert np.array_equal(grid[0, :48, 48:], pair[0, 1])


def test_a_wrong_layout_is_named_when_it_is_built():
    with pytest.raises(ValueError, match="layout='rows' is unknown"):
        LayOutLightings('rows')
    with pytest.raises(ValueError, match='grid=None must be'):
        LayOutLightings('grid')


def test_a_grid_that_does_not_fit_is_named_when_it_is_used(pair):
    with pytest.raises(ValueError, match=r'grid=\(3, 2\) has 6 places, but a side has 4 lightings'):
        LayOutLightings('grid', (3, 2))({'images': pair})


def test_inputs_are_contiguous_bytes_with_the_channels_first(pair):
    images = pair[:, 0]
    inputs = PackChangeInputs()({'images': images})['inputs']
    for side, image in zip(('compare', 'golden'), images, strict=True):
        assert inputs[side].dtype == torch.uint8 and inputs[side].is_contiguous()
        assert torch.equal(inputs[side], torch.from_numpy(image.transpose(2, 0, 1).copy()))


def test_the_sample_knows_its_row(pair):
    sample = PackChangeInputs()({'images': pair[:, 0], 'gt_fail': 1, **ROW})['data_samples']
    assert sample.metainfo == ROW
    assert sample.gt_fail == 1
    assert 'score' not in sample


def test_what_is_not_known_is_left_out(pair):
    sample = PackChangeInputs()({'images': pair[:, 0], 'sample_idx': 3,
                                 'rng': np.random.default_rng()})['data_samples']
    assert sample.metainfo == {'sample_idx': 3}
    assert 'gt_fail' not in sample


def test_broken_and_replaced_rows_are_remembered(pair):
    remarks = {'error': 'a.jpg: cut off', 'replaced': [(3, 'b.jpg: empty file')]}
    sample = PackChangeInputs()({'images': pair[:, 0], **remarks})['data_samples']
    assert sample.metainfo == remarks


def test_a_packed_sample_travels_between_processes(pair):
    packed = pickle.loads(pickle.dumps(PackChangeInputs()({'images': pair[:, 0], 'gt_fail': 0, **ROW})))
    assert packed['data_samples'].object_name == '0012'
    assert packed['inputs']['golden'].shape == (3, 48, 48)
