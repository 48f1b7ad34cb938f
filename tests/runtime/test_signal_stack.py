"""A process that has used OpenVINO outlives its next signal."""

import ctypes
import gc
import sys

import pytest

from mmchangenet.runtime import ChangeRuntime
from mmchangenet.runtime.signal_stack import SignalStack

pytestmark = pytest.mark.skipif(not sys.platform.startswith('linux'),
                                reason='signal stacks as Linux has them')


def signal_stack():
    stack = SignalStack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack))
    return stack.address, stack.flags, stack.size


def test_openvino_leaves_the_signal_stack_as_it_was(exported, line):
    pytest.importorskip('openvino')
    before = signal_stack()
    runtime = ChangeRuntime(exported['learnable'], backend='openvino')
    runtime.score_csv(line / 'labels.csv', line)
    del runtime
    gc.collect()
    assert signal_stack() == before
