"""From a trained network to one that runs without PyTorch.

``onnx_export`` needs nothing but PyTorch and ONNX. ``codebase`` is what mmdeploy's configs name in
``codebase_config.module``: importing it, and nothing else here, makes mmdeploy know this project.
"""
