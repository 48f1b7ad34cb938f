"""ONNX Runtime, int8, calibrated on rows of the training CSV."""

backend_config = dict(type='onnxruntime', precision='int8', quantization_config=dict(samples=128))
