"""A whole network as ONNX, any number of pairs at a time."""

_base_ = 'base_static.py'
onnx_config = dict(dynamic_axes=dict(compare={0: 'batch'}, golden={0: 'batch'}, output={0: 'batch'}))
