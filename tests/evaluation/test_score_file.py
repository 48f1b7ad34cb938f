"""The score file holds the label CSV's own rows in order, each with its score."""

import math

import numpy as np
import pandas as pd
import pytest
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmchangenet.evaluation import InspectionMetric, ScoreFileHook
from mmchangenet.structures import ChangeDataSample


class CsvDataset(BaseDataset):
    """Rows of a CSV with the interface that score files need."""

    def __init__(self, text, path, indices=None):
        path.write_text(text, encoding='utf-8')
        super().__init__(str(path), indices=indices, test_mode=True)

    def load_data_list(self):
        return pd.read_csv(self.ann_file, dtype=str, keep_default_na=False).to_dict('records')

    def label_frame(self):
        return pd.DataFrame([self.get_data_info(i) for i in range(len(self))]).drop(columns='sample_idx')

    def prepare_data(self, idx):
        label = self.get_data_info(idx)['label']
        return ChangeDataSample(metainfo=dict(sample_idx=idx, label=label), gt_fail=int(label != 'PASS'))


class NumberedScores(BaseModel):
    """Scores rows 0.1, 0.2, … in the order they come; rows labelled ``unreadable`` get none."""

    count = 0

    def forward(self, samples, mode):
        for sample in samples:
            self.count += 1
            sample.score = math.nan if sample.label == 'unreadable' else float(np.float32(self.count / 10))
            sample.pred_fail = int(sample.score > 0.25)
        return samples

    def test_step(self, data):
        return self(data, 'predict')


def run_test(dataset, folder, order=None, evaluator=None, out_file='scores.csv', model=None):
    loader = DataLoader(dataset, batch_size=2, sampler=order, collate_fn=list)
    runner = Runner(model or NumberedScores(),
                    str(folder / 'work'),
                    test_dataloader=loader,
                    test_cfg={},
                    default_scope='mmengine',
                    test_evaluator=[evaluator or InspectionMetric()],
                    custom_hooks=[ScoreFileHook(str(folder / out_file))],
                    experiment_name=f'test_{folder.name}')
    runner.test()
    return (folder / out_file).read_text(encoding='utf-8').splitlines()


CSV = 'operator,input_path,golden_path,label,object_name\nJörg,b 1,g,PASS,007\n"a, b",b 2,g,NA,1e5\nNone,b 3,g,unreadable,R3\n'


def test_own_columns_rows_and_spelling_come_back_with_the_score(tmp_path):
    assert run_test(CsvDataset(CSV, tmp_path / 'a.csv'), tmp_path) == [
        'operator,input_path,golden_path,label,object_name,siamese_score', 'Jörg,b 1,g,PASS,007,0.100000001',
        '"a, b",b 2,g,NA,1e5,0.200000003', 'None,b 3,g,unreadable,R3,']


def test_a_shuffled_loader_changes_nothing_in_the_order_of_the_rows(tmp_path):
    lines = run_test(CsvDataset(CSV, tmp_path / 'a.csv'), tmp_path, order=[1, 0, 2])
    assert [line.split(',')[-1] for line in lines[1:]] == ['0.200000003', '0.100000001', '']


def test_a_subset_writes_its_own_rows(tmp_path):
    lines = run_test(CsvDataset(CSV, tmp_path / 'a.csv', indices=[2, 0]), tmp_path)
    assert [line.split(',')[0] for line in lines[1:]] == ['None', 'Jörg']


def test_several_csvs_follow_each_other(tmp_path):
    other = CsvDataset('label,object_name\nPASS,X\nshifted,Y\n', tmp_path / 'b.csv')
    lines = run_test(ConcatDataset([CsvDataset(CSV, tmp_path / 'a.csv'), other]), tmp_path)
    assert lines[4:] == [',,,PASS,X,0.400000006', ',,,shifted,Y,0.5']


def test_several_csvs_that_are_shuffled_are_refused(tmp_path):
    other = CsvDataset('label,object_name\nPASS,X\nshifted,Y\n', tmp_path / 'b.csv')
    with pytest.raises(ValueError, match='shuffle=False'):
        run_test(ConcatDataset([CsvDataset(CSV, tmp_path / 'a.csv'), other]), tmp_path, order=[4, 3, 2, 1, 0])


def test_an_own_score_column_is_replaced_in_its_place(tmp_path):
    lines = run_test(CsvDataset('siamese_score,label\n5,PASS\n6,missing\n', tmp_path / 'a.csv'), tmp_path)
    assert lines == ['siamese_score,label', '0.100000001,PASS', '0.200000003,missing']


def test_a_folder_that_is_not_there_is_made(tmp_path):
    run_test(CsvDataset(CSV, tmp_path / 'a.csv'), tmp_path, out_file='deep/down/scores.csv')


@pytest.mark.parametrize('wrap', [lambda dataset: RepeatDataset(dataset, 2), list])
def test_a_dataset_whose_rows_cannot_be_told_is_refused_before_the_test(tmp_path, wrap):
    with pytest.raises(ValueError, match='cannot be written as a score file'):
        run_test(wrap(CsvDataset(CSV, tmp_path / 'a.csv')), tmp_path)


def test_a_missing_metric_is_told_before_the_test(tmp_path):
    class Other(InspectionMetric):
        def __init__(self):
            super().__init__()
            del self.rows

    with pytest.raises(LookupError, match='add dict'):
        run_test(CsvDataset(CSV, tmp_path / 'a.csv'), tmp_path, evaluator=Other())


def test_a_test_that_ends_early_leaves_what_was_scored(tmp_path):
    class Stops(NumberedScores):
        def forward(self, samples, mode):
            if self.count:
                raise RuntimeError('no power')
            return super().forward(samples, mode)

    with pytest.raises(RuntimeError, match='no power'):
        run_test(CsvDataset(CSV, tmp_path / 'a.csv'), tmp_path, model=Stops())
    assert (tmp_path / 'scores.csv.rows.csv').read_text() == '0,0.100000001\n1,0.200000003\n'
    assert not (tmp_path / 'scores.csv').exists()


@pytest.mark.parametrize('out', ['a.csv', 'work', 'stopped.csv'])
def test_an_output_that_would_be_lost_or_would_lose_is_refused_before_the_test(tmp_path, out):
    (tmp_path / 'work').mkdir()
    (tmp_path / 'stopped.csv.partial').write_text('scores')
    data = CsvDataset(CSV, tmp_path / 'a.csv')
    with pytest.raises(ValueError, match='overwritten|is a folder|stopped run'):
        run_test(data, tmp_path, out_file=out)
    assert (tmp_path / 'a.csv').read_text() == CSV
