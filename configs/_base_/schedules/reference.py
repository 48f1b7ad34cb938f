"""The reference's optimiser and schedule: AdamW, the rate falling linearly towards zero after the last
epoch."""

max_epochs = 10
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.01))
# lr · (1 − epoch / (max_epochs + 1)) for epoch 0 … max_epochs − 1
param_scheduler = dict(type='LinearLR', start_factor=1.0, end_factor=2 / (max_epochs + 1), begin=0,
                       end=max_epochs, by_epoch=True)

# --auto-scale-lr: the rate above is for this many pairs a step
auto_scale_lr = dict(enable=False, base_batch_size=16)
