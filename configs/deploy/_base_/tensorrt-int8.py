"""TensorRT, int8 in the graph, calibrated on rows of the training CSV."""

_base_ = 'tensorrt.py'
backend_config = dict(common_config=dict(int8_mode=True), quantization_config=dict(samples=128))
