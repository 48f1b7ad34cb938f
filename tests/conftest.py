"""What all tests share."""

import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True)
def our_scope():
    """Components are looked up in our scope, whichever one a test before switched to."""
    with DefaultScope.overwrite_default_scope('mmchangenet'):
        yield
