"""The gallery shows what a test got wrong, worst first, on a page that needs nothing else."""

import math
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
from mmengine.dataset import BaseDataset, ConcatDataset
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmchangenet.evaluation import InspectionMetric
from mmchangenet.structures import ChangeDataSample
from mmchangenet.visualization import GalleryHook
from mmchangenet.visualization.gallery import light_names

LIGHTS = ('SolderLight', 'WhiteLight')


class PairDataset(BaseDataset):
    """Pairs with image files under two lights; each row is (label, score)."""

    def __init__(self, folder, rows):
        self.folder, self.rows = folder, rows
        super().__init__(test_mode=True)

    def load_data_list(self):
        return [self._row(number, label, score) for number, (label, score) in enumerate(self.rows)]

    def _row(self, number, label, score):
        name = f'R<{number}>'
        row = dict(label=label or '',
                   score=score,
                   object_name=name,
                   input_path='board & co',
                   golden_path='golden')
        for side, path in (('compare', row['input_path']), ('golden', row['golden_path'])):
            row[f'{side}_files'] = [str(self.folder / path / f'{name}_{light}.png') for light in LIGHTS]
            for file in row[f'{side}_files']:
                Path(file).parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(file, np.random.default_rng(number).integers(0, 255, (24, 32, 3), dtype=np.uint8))
        return row if label is None else row | dict(gt_fail=int(label != 'PASS'))

    def prepare_data(self, idx):
        row = self.get_data_info(idx)
        sample = ChangeDataSample(metainfo=dict(sample_idx=idx, label=row['label']), score=row['score'],
                                  pred_fail=int(row['score'] > 0.5))
        if math.isnan(row['score']):
            sample.set_metainfo(dict(error='image <broken>'))
        if 'gt_fail' in row:
            sample.gt_fail = row['gt_fail']
        return sample


class Scored(BaseModel):
    """A network whose samples come with their scores."""

    def __init__(self):
        super().__init__()
        self.head = nn.Module()
        self.head.margin = 0.5

    def forward(self, samples):
        return samples

    def test_step(self, samples):
        return self(samples)


class Page(HTMLParser):
    """Collects what a page refers to and what it says."""

    def __init__(self, path):
        super().__init__()
        self.links, self.text, self.open = [], '', []
        self.feed(path.read_text(encoding='utf-8'))

    def handle_starttag(self, tag, attributes):
        if tag not in ('meta', 'img', 'br'):
            self.open.append(tag)
        self.links += [unquote(value) for key, value in attributes if key in ('src', 'href')]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


ROWS = [('PASS', 0.1), ('missing', 0.3), ('PASS', 0.6), ('missing', 0.05), ('shifted', 0.9), ('PASS', 0.95),
        ('PASS', math.nan)]


def draw(folder, rows=ROWS, dataset=None, **options):
    dataset = dataset or PairDataset(folder / 'data', rows)
    loader = DataLoader(dataset, batch_size=2, collate_fn=list)
    runner = Runner(Scored(),
                    str(folder / 'work'),
                    test_dataloader=loader,
                    test_cfg={},
                    default_scope='mmengine',
                    test_evaluator=[InspectionMetric()],
                    custom_hooks=[GalleryHook(str(folder / 'show'), **options)],
                    experiment_name=f'gallery_{folder.name}')
    runner.test()
    return folder / 'show'


@pytest.fixture(scope='module')
def show(tmp_path_factory):
    """The folder of a test of ROWS."""
    return draw(tmp_path_factory.mktemp('shown'))


def pictures(folder):
    return sorted(path.name for path in folder.glob('*.jpg'))


def test_escapes_and_false_alarms_have_a_picture_each_worst_first(show):
    assert pictures(show / 'escapes') == [
        '001_score0.0500_board-co_R-3_missing.jpg', '002_score0.3000_board-co_R-1_missing.jpg'
    ]
    assert pictures(show / 'false_alarms') == [
        '001_score0.9500_board-co_R-5_PASS.jpg', '002_score0.6000_board-co_R-2_PASS.jpg'
    ]
    assert cv2.imread(str(show / 'escapes/001_score0.0500_board-co_R-3_missing.jpg')).shape[1] >= 640


def test_the_page_is_whole_and_leads_to_every_picture_and_nowhere_else(show):
    page = Page(show / 'index.html')
    assert page.open == [], 'every element is closed'
    local = {link for link in page.links if not link.startswith('#')}
    assert local == {'score_histogram.png', 'recall_false_alarm.png',
                     *(str(path.relative_to(show)) for path in show.glob('*/*.jpg'))}
    assert all((show / link).is_file() for link in local)


def test_the_page_has_the_figures_and_the_rows_without_a_score(show):
    text = Page(show / 'index.html').text
    assert 'AUROC' in text and 'At a wanted defect recall' in text and 'board & co' in text and 'R<3>' in text
    assert 'image <broken>' in text


def test_a_cap_on_the_pictures_is_said_on_the_page(tmp_path):
    show = draw(tmp_path, max_images=1)
    assert pictures(show / 'escapes') == ['001_score0.0500_board-co_R-3_missing.jpg']
    text = Page(show / 'index.html').text
    assert 'Escapes (2)' in text and 'Only the first 1 of 2 are drawn' in text


def test_pictures_of_an_earlier_test_are_removed_and_nothing_else(tmp_path):
    old, own = tmp_path / 'show/escapes/009_score0.1000_x.jpg', tmp_path / 'show/escapes/mine.jpg'
    old.parent.mkdir(parents=True)
    old.touch()
    own.touch()
    draw(tmp_path)
    assert not old.exists() and own.exists()


@pytest.mark.parametrize('rows', [[('PASS', 0.1), ('missing', 0.9)], [('PASS', 0.9)], [('missing', 0.1)], [('PASS', math.nan)]])
def test_nothing_wrong_or_one_class_only_still_gives_a_page(tmp_path, rows):
    assert (draw(tmp_path, rows) / 'index.html').is_file()


def test_rows_without_labels_have_no_galleries_but_a_page_that_says_so(tmp_path):
    show = draw(tmp_path, [(None, 0.1), (None, 0.9)])
    assert not list(show.glob('*/*.jpg')) and 'no label' in Page(show / 'index.html').text


def test_an_image_that_cannot_be_read_any_more_is_told_in_its_picture(tmp_path):
    dataset = PairDataset(tmp_path / 'data', ROWS)
    Path(dataset.get_data_info(3)['compare_files'][0]).write_bytes(b'no image')
    assert len(pictures(draw(tmp_path, dataset=dataset) / 'escapes')) == 2


def test_rows_of_several_csvs_show_their_own_images(tmp_path):
    parts = [
        PairDataset(tmp_path / 'a', ROWS[:3]),
        PairDataset(tmp_path / 'b', [('PASS', 0.2), ('bridge', 0.4)])
    ]
    show = draw(tmp_path, dataset=ConcatDataset(parts))
    assert pictures(show / 'escapes') == [
        '001_score0.3000_board-co_R-1_missing.jpg', '002_score0.4000_board-co_R-1_bridge.jpg'
    ]


def test_lightings_are_named_after_their_files():
    assert light_names(dict(object_name='R_1',
                            compare_files=['a/R_1_SolderLight.jpg',
                                           'a/R_1_White_2.jpg'])) == ['SolderLight', 'White_2']
    assert light_names(dict(object_name='R1', compare_files=['a/R1.jpg'])) == ['']


def test_file_names_are_safe_everywhere(show):
    for name in pictures(show / 'escapes'):
        assert re.fullmatch(r'[A-Za-z0-9._-]+', name)
