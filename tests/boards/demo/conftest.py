"""A demo data set for the tests of this folder."""

import pytest

from mmchangenet.boards.demo import generate_demo


@pytest.fixture(scope='session')
def demo_root(tmp_path_factory):
    """Eight boards, 256 pairs, at the full size."""
    root = tmp_path_factory.mktemp('demo') / 'data'
    generate_demo(root, num_boards=8)
    return root


@pytest.fixture(scope='session')
def small_root(tmp_path_factory):
    """The smallest demo data; tests only read it."""
    root = tmp_path_factory.mktemp('small') / 'demo'
    generate_demo(root, num_boards=3, size=32)
    return root
