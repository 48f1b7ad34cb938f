"""ONNX Runtime, any number of pairs at a time."""

_base_ = ['_base_/base_dynamic.py', '_base_/onnxruntime.py']
