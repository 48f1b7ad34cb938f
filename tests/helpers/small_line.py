"""A line in small: two lights, images, label CSVs, a config file and trained weights."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmchangenet.checkpoint import write_checkpoint
from mmchangenet.models import SiameseClassifier

SIZE = (64, 32)  # two lightings of 32×32, one below the other
MODEL = dict(type='SiameseClassifier',
             input_size=SIZE,
             data_preprocessor=dict(type='mmchangenet.PairDataPreprocessor',
                                    mean=[120.0, 110.0, 100.0],
                                    std=[60.0] * 3),
             backbone=dict(type='mmpretrain.ResNet',
                           depth=18,
                           stem_channels=16,
                           base_channels=16,
                           out_indices=(1, 2, 3),
                           _scope_='mmpretrain'),
             neck=dict(type='LearnableDifference', embed_dim=32, num_modules=3),
             head=dict(type='ChangeClsHead', margin=0.5))
PIPELINE = [
    dict(type='LoadLightings'),
    dict(type='PairedResize', size=(32, 32)),
    dict(type='LayOutLightings', layout='linear'),
    dict(type='PackChangeInputs')
]


def write_images(root, generator):
    """Twelve boards; in the odd ones a square is another colour than on the golden one."""
    for side in ('board', 'golden'):
        (root / side).mkdir()
    for number in range(12):
        for light in ('Top', 'Side'):
            image = generator.integers(0, 256, (40, 40, 3), np.uint8)
            cv2.imwrite(str(root / 'golden' / f'R{number}_{light}.png'), image)
            if number % 2:
                image[10:30, 10:30] = 255 - image[10:30, 10:30]
            cv2.imwrite(str(root / 'board' / f'R{number}_{light}.png'), image)


@pytest.fixture(scope='session')
def line(tmp_path_factory):
    """``root``, ``config`` and ``checkpoint`` files, ``csv``, and the ``network`` in evaluation mode."""
    root = tmp_path_factory.mktemp('line')
    write_images(root, np.random.default_rng(0))
    rows = [f'board,golden,{"missing" if number % 2 else "PASS"},R{number}' for number in range(12)]
    (root / 'labels.csv').write_text('\n'.join(['input_path,golden_path,label,object_name', *rows]))
    dataset = dict(type='LightingPairDataset',
                   data_root=str(root),
                   ann_file='labels.csv',
                   data_prefix=dict(img_path=''),
                   image_ext='.png',
                   input_map=dict(Top=0, Side=1),
                   pipeline=PIPELINE)
    loader = dict(batch_size=4, num_workers=0, sampler=dict(type='PairSampler', shuffle=False),
                  collate_fn=dict(type='pseudo_collate'), dataset=dict(dataset, test_mode=True))
    Config(
        dict(default_scope='mmchangenet',
             model=MODEL,
             train_dataloader=dict(dataset=dataset),
             test_dataloader=loader,
             test_evaluator=dict(type='InspectionMetric'),
             test_cfg=dict(),
             default_hooks=dict(logger=dict(type='LoggerHook')),
             custom_imports=dict(
                 imports=['mmchangenet.datasets', 'mmchangenet.evaluation', 'mmchangenet.models']),
             visualizer=dict(type='Visualizer',
                             vis_backends=[dict(type='LocalVisBackend')]))).dump(root / 'config.py')
    torch.manual_seed(0)
    network = SiameseClassifier(**{key: value for key, value in MODEL.items() if key != 'type'})
    for module in network.modules():  # as after training: running statistics and scores that differ
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    network.neck.fuse_norm.weight.data.mul_(10)
    network.head.layers[-1].weight.data.mul_(10)
    write_checkpoint(dict(state_dict=network.state_dict(), meta=dict(threshold=dict(value=0.25))),
                     root / 'trained.pth')
    return SimpleNamespace(root=root, config=str(root / 'config.py'), checkpoint=str(root / 'trained.pth'),
                           csv=str(root / 'labels.csv'), network=network.eval(), size=SIZE)
