"""FAN-tiny on crops of DeepPCB."""

_base_ = [
    '_base_/models/fan_learnable.py', '_base_/datasets/deeppcb.py', '_base_/schedules/from_scratch.py',
    '_base_/default_runtime.py'
]

model = dict(
    input_size=(64, 64),
    backbone=dict(arch='tiny', drop_path_rate=0.0),
    head=dict(loss=dict(class_weight=[1.0, 1.0])))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
