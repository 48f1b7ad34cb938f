"""A network in parts, so that golden sides are encoded once; any number of pairs at a time."""

_base_ = 'base_dynamic.py'
onnx_config = dict(output_names=['score'])
codebase_config = dict(graph=dict(output='score', normalise=True))  # parts take uint8 images and give scores
partition_config = dict(apply_marks=True)
