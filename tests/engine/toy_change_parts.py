"""The smallest real dataset, networks, metric and config for tests of running; most go without images."""

import math
import os
import signal
import uuid

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel, BaseModule
from torch import nn

from mmchangenet.registry import DATASETS, HOOKS, METRICS, MODELS
from mmchangenet.structures import ChangeDataSample

WIDTH = 6


@DATASETS.register_module()
class ToyPairs(BaseDataset):
    """Rows of numbers; ``broken`` rows have no image, as LightingPairDataset has it."""

    def __init__(self, rows=16, classes=('PASS', 'FAIL'), broken=(), test_mode=False):
        self.rows, self.broken = rows, set(broken)
        super().__init__(metainfo=dict(classes=tuple(classes)), test_mode=test_mode, serialize_data=False)

    def load_data_list(self):
        generator = torch.Generator().manual_seed(7)
        features = torch.randn(self.rows, WIDTH, generator=generator)
        names = self._metainfo['classes']
        labels = [
            int(feature.sum() > 0) * (1 + row % (len(names) - 1)) for row, feature in enumerate(features)
        ]
        return [dict(features=feature, label=names[label], gt_fail=int(label > 0))
                for feature, label in zip(features, labels, strict=True)]

    def prepare_data(self, idx):
        info, meta = self.get_data_info(idx), {}
        if idx in self.broken and self.test_mode:
            meta['error'] = f'row {idx} is broken'
        elif idx in self.broken:
            meta['replaced'] = [(idx, f'row {idx} is broken')]
        sample = ChangeDataSample(metainfo=dict(meta, sample_idx=idx, label=info['label']))
        sample.gt_fail = info['gt_fail']
        return dict(inputs=info['features'], data_samples=sample)


class ToyHead(nn.Module):
    """Logits, and the attributes that heads have."""

    def __init__(self, width, num_classes=2, class_names=None, margin=0.5):
        super().__init__()
        self.fc = nn.Linear(width, num_classes)
        self.num_classes, self.margin = num_classes, margin
        self.class_names = ('PASS', 'FAIL') if num_classes == 2 else None
        if class_names is not None:
            self.set_class_names(class_names)

    def set_class_names(self, names):
        if len(names) != self.num_classes:
            raise ValueError(f'{len(names)} names for {self.num_classes} classes')
        self.class_names = tuple(names)


@MODELS.register_module()
class ToyChangeNet(BaseModel):
    """Linear, BatchNorm, dropout, head."""

    def __init__(self, width=8, head=None, data_preprocessor=None, init_cfg=None):
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = nn.Sequential(nn.Linear(WIDTH, width), nn.BatchNorm1d(width), nn.ReLU(),
                                      nn.Dropout(0.3))
        self.head = ToyHead(width, **(head or {}))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        logits = self.head.fc(self.backbone(torch.stack(list(inputs))))
        if mode == 'loss':
            names = self.head.class_names
            targets = [
                sample.gt_fail if len(names) == 2 else names.index(sample.label) for sample in data_samples
            ]
            return dict(loss=nn.functional.cross_entropy(logits.float(), torch.tensor(targets)))
        scores = 1 - logits.float().softmax(1)[:, 0]
        for sample, score in zip(data_samples, scores.tolist(), strict=True):
            sample.score = math.nan if 'error' in sample else score
            sample.pred_fail = int(score > self.head.margin)
        return data_samples


@MODELS.register_module()
class ToyBackbone(BaseModule):
    """Two levels of an image, of strides 4 and 8, with BatchNorm and dropout."""

    def __init__(self, channels=8):
        super().__init__()
        self.fine = nn.Sequential(nn.Conv2d(3, channels, 4, 4), nn.BatchNorm2d(channels), nn.ReLU(),
                                  nn.Dropout(0.3))
        self.coarse = nn.Conv2d(channels, channels, 2, 2)

    def forward(self, images):
        fine = self.fine(images)
        return fine, self.coarse(fine)


@METRICS.register_module()
class ToyFigures(BaseMetric):
    """Figures that move with every weight."""

    def process(self, data_batch, data_samples):
        self.results += [(sample['sample_idx'], sample['score'], sample['pred_fail'], sample['gt_fail'])
                         for sample in data_samples]

    def compute_metrics(self, results):
        rows = {row: values for row, *values in results}
        scored = [(score, *rest) for score, *rest in rows.values() if not math.isnan(score)]
        return dict(accuracy=sum(pred == true for _, pred, true in scored) / len(scored),
                    spread=math.fsum(score * (2 * true - 1) for score, _, true in scored) / len(scored),
                    rows=len(rows))


@HOOKS.register_module()
class ToySignal(Hook):
    """Sends SIGTERM to its own process in an iteration."""

    def __init__(self, iteration):
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration:
            os.kill(os.getpid(), signal.SIGTERM)


def toy_config(work_dir, **changes):
    """A config of three epochs of four steps. ``changes``: whole entries, or single values under a dotted
    name.
    """
    loader = dict(num_workers=0, batch_size=4)
    cfg = dict(
        default_scope='mmchangenet', runner_type='mmchangenet.ChangeRunner', work_dir=str(work_dir),
        experiment_name=f'toy_{uuid.uuid4().hex[:8]}', model=dict(type='ToyChangeNet'),
        train_dataloader=dict(**loader, drop_last=True, dataset=dict(type='ToyPairs'), sampler=dict(
            type='DefaultSampler',
            shuffle=True)), val_dataloader=dict(**loader, dataset=dict(type='ToyPairs', rows=10,
                                                                       test_mode=True),
                                                sampler=dict(type='DefaultSampler', shuffle=False)),
        test_dataloader=dict(**loader, dataset=dict(type='ToyPairs', rows=10, test_mode=True), sampler=dict(
            type='DefaultSampler', shuffle=False)), train_cfg=dict(
                by_epoch=True, max_epochs=3, val_interval=1), val_cfg=dict(), test_cfg=dict(),
        val_evaluator=dict(type='ToyFigures'), test_evaluator=dict(type='ToyFigures'), optim_wrapper=dict(
            type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.02)), param_scheduler=dict(
                type='LinearLR', start_factor=1.0, end_factor=0.2, begin=0, end=3,
                by_epoch=True), default_hooks=dict(
                    logger=dict(type='LoggerHook', interval=1), checkpoint=dict(
                        type='SafeCheckpointHook', interval=1, max_keep_ckpts=2, save_best='spread',
                        rule='greater')), randomness=dict(seed=3), log_level='WARNING',
        env_cfg=dict(dist_cfg=dict(backend='nccl')))
    cfg.update((name, value) for name, value in changes.items() if '.' not in name)
    cfg = Config(cfg)
    cfg.merge_from_dict({name: value for name, value in changes.items() if '.' in name})
    return cfg
