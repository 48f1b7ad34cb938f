"""ONNX Runtime, fp32."""

backend_config = dict(type='onnxruntime')
