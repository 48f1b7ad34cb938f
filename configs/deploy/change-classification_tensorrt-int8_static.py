"""TensorRT, int8, one pair at a time."""

_base_ = ['_base_/base_static.py', '_base_/tensorrt-int8.py']
