"""The smallest hard boards; tests only read them."""

import pytest

from mmchangenet.boards.hard import generate_hard_boards
from mmchangenet.boards.hard.generate import Parameters


@pytest.fixture(scope='session')
def hard_root(tmp_path_factory):
    """Five boards of each design, a third of their sites, at a quarter of the size."""
    root = tmp_path_factory.mktemp('hard') / 'data'
    generate_hard_boards(root, Parameters(boards=5, size=32, prevalence=0.3, sites=8), processes=1)
    return root
