"""The hard boards under four lights: trained on known designs, tested on designs that training never saw.

Make them first: ``python tools/dataset_converters/hard_boards.py --dst data/hard_boards``.
"""

_base_ = 'demo.py'

demo_data = None
data_root = 'data/hard_boards'

train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root, ann_file='held_out.csv'))
