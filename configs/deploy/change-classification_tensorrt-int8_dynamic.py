"""TensorRT, int8, any number of pairs at a time."""

_base_ = ['_base_/base_dynamic.py', '_base_/tensorrt-int8.py']
