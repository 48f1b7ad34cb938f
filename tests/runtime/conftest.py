"""A small exported network, its config, and images to score."""


import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from networks import build_network

LIGHTS = dict(white=1, low=0)  # low first


def write_image(path, seed, size=(40, 30)):
    """A smooth random picture with its own brightness."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 5, 3)) * rng.uniform(0.2, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.resize(small.astype(np.uint8), size[::-1], interpolation=cv2.INTER_LINEAR))


@pytest.fixture(scope='session')
def line(tmp_path_factory):
    """A folder of images and a label CSV: ten parts, two goldens, of sizes that differ."""
    folder = tmp_path_factory.mktemp('line')
    rows = ['input_path,golden_path,label,object_name,note']
    for part in range(10):
        name, label = f'R{part % 2}', 'missing' if part % 3 == 0 else 'PASS'
        rows.append(f'board_{part},golden,{label},{name},"a, b"')
        for number, light in enumerate(LIGHTS):
            write_image(folder / f'board_{part}' / f'{name}_{light}.png', 100*part + number,
                        (40 + part, 30 + number))
            write_image(folder / 'golden' / f'{name}_{light}.png', 7 + part % 2 + 50 * number)
    (folder / 'labels.csv').write_text('\n'.join(rows) + '\n')
    return folder


@pytest.fixture(scope='session')
def config(line):
    """The config's part that an export reads."""
    pipeline = [
        dict(type='LoadLightings'),
        dict(type='PairedResize', size=(32, 32)),
        dict(type='LayOutLightings'),
        dict(type='PackChangeInputs')
    ]
    dataset = dict(type='LightingPairDataset',
                   data_root=str(line),
                   ann_file='labels.csv',
                   data_prefix=dict(img_path=''),
                   image_ext='.png',
                   input_map=LIGHTS,
                   test_mode=True,
                   pipeline=pipeline)
    return dict(test_dataloader=dict(batch_size=4, dataset=dataset))


@pytest.fixture(scope='session')
def networks():
    """Difference → a network."""
    with DefaultScope.overwrite_default_scope('mmchangenet'):
        small = dict(stem_channels=16, base_channels=8)
        made = {
            difference: build_network('resnet', difference, (64, 32), **small)
            for difference in ('learnable', 'euclidean')
        }
        made['learnable'].head.margin = 0.4
    return made


@pytest.fixture(scope='session')
def exported(networks, config, tmp_path_factory):
    """Difference → exported folder."""
    from mmchangenet.export.folder import export_folder
    folder = tmp_path_factory.mktemp('exported')
    with DefaultScope.overwrite_default_scope('mmchangenet'):
        for difference, model in networks.items():
            export_folder(model, config, folder / difference)
    return {difference: folder / difference for difference in networks}
