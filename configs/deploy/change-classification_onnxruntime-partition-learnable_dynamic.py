"""ONNX Runtime, a network with the learnable difference as encoder, golden half and comparator, any number of
pairs at a time."""

_base_ = ['_base_/base_partition.py', '_base_/onnxruntime.py']
partition_config = dict(type='learnable')
