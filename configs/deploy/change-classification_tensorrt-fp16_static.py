"""TensorRT, fp16, one pair at a time."""

_base_ = ['_base_/base_static.py', '_base_/tensorrt-fp16.py']
