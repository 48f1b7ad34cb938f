"""OpenVINO, one pair at a time."""

_base_ = ['_base_/base_static.py', '_base_/openvino.py']
