"""A shallow DINOv2."""

import pytest


@pytest.fixture
def arch():
    """Four blocks, 32 channels."""
    return dict(width=32, depth=4, num_heads=2, hidden_dim=64, swiglu=True)
