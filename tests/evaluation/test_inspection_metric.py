"""InspectionMetric gives the reference's figures and those a line chooses its threshold by."""

import math
import multiprocessing
import pickle

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from sklearn.metrics import average_precision_score, roc_auc_score

from mmchangenet.evaluation import InspectionMetric
from mmchangenet.thresholds import false_alarm_rate_at, recall_at


def evaluate(samples, batch=3, size=None, **options):
    metric = InspectionMetric(**options)
    evaluator = Evaluator(metric)
    for start in range(0, len(samples), batch):
        evaluator.process(samples[start:start + batch])
    return metric, evaluator.evaluate(len(samples) if size is None else size)


def text(metric):
    return '\n'.join(map(str, metric.tables))


def test_figures_at_the_margin_are_percent_of_all_rows_and_defect_accuracy_of_the_defects(rows_of_every_kind):
    _, figures = evaluate(rows_of_every_kind)
    assert figures['total_accuracy'] == 75.0
    assert figures['false_alarm'] == 12.5
    assert figures['false_negative'] == 12.5
    assert figures['defect_accuracy'] == 75.0
    assert figures['false_alarm_rate'] == 25.0


def test_auroc_and_average_precision_are_those_of_scikit_learn(rows_of_every_kind):
    _, figures = evaluate(rows_of_every_kind)
    truth, scores = [0] * 4 + [1] * 4, [0.1, 0.2, 0.3, 0.8, 0.45, 0.7, 0.9, 0.95]
    assert figures['auroc'] == pytest.approx(roc_auc_score(truth, scores))
    assert figures['average_precision'] == pytest.approx(average_precision_score(truth, scores))


def test_a_reported_threshold_gives_its_recall_and_false_alarm_rate_through_the_strict_rule(make_sample):
    rng = np.random.default_rng(0)
    for scores in (rng.random(300), np.round(rng.random(300), 1), np.full(300, 0.5)):
        is_fail = rng.random(300) < 0.5
        scores = scores.astype(np.float32)
        _, figures = evaluate([make_sample(i, float(score), 'missing' if fail else 'PASS')
                               for i, (score, fail) in enumerate(zip(scores, is_fail, strict=True))])
        for recall in (1.0, 0.99, 0.95):
            threshold = figures[f'threshold_at_{100 * recall:g}_recall']
            assert recall_at(scores, is_fail, threshold) >= recall
            alarms = 100 * false_alarm_rate_at(scores, is_fail, threshold)
            assert figures[f'false_alarm_rate_at_{100 * recall:g}_recall'] == alarms


def test_recalls_can_be_chosen(rows_of_every_kind):
    _, figures = evaluate(rows_of_every_kind, recalls=[0.5, 0.999])
    assert figures['threshold_at_50_recall'] == pytest.approx(0.85)
    assert {key
            for key in figures
            if key.startswith('threshold')} == {'threshold_at_50_recall', 'threshold_at_99.9_recall'}
    with pytest.raises(ValueError, match='for 99 % give 0.99'):
        InspectionMetric(recalls=[99])


def test_recall_by_defect_name(rows_of_every_kind):
    metric, figures = evaluate(rows_of_every_kind)
    assert {key: value for key, value in figures.items() if key.startswith('recall/')} == {
        'recall/missing': 50.0, 'recall/shifted': 100.0, 'recall/bridge': 100.0}
    assert '  missing      2       1    50.00 %' in text(metric)


def test_val_loss_is_the_weighted_mean_over_rows_whatever_the_batches(rows_of_every_kind):
    losses = [evaluate(rows_of_every_kind, batch)[1]['val_loss'] for batch in (1, 3, 10)]
    assert losses == [pytest.approx((0 + 1 + 2 + 3 + 4 + 5 + 6 + 2 * 7) / 9)] * 3


def test_rows_without_losses_give_no_val_loss(make_sample):
    assert 'val_loss' not in evaluate([make_sample(0, 0.1, 'PASS'), make_sample(1, 0.9, 'missing')])[1]


def test_rows_without_a_score_are_counted_listed_and_in_no_figure(rows_of_every_kind):
    metric, figures = evaluate(rows_of_every_kind)
    _, without = evaluate(rows_of_every_kind[:8])
    assert figures == {**without, 'rows': 10.0, 'unscored': 2.0}
    assert metric.rows.errors == {8: 'cannot read 8.jpg', 9: 'cannot read 9.jpg'}
    assert '2 of 10 rows have no score' in text(metric) and 'cannot read 9.jpg' in text(metric)


@pytest.mark.parametrize('score', [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_no_score(make_sample, score):
    metric, figures = evaluate(
        [make_sample(0, 0.1, 'PASS'),
         make_sample(1, score, 'missing'),
         make_sample(2, 0.9, 'missing')])
    assert figures['unscored'] == 1 and figures['auroc'] == 1 and math.isnan(metric.rows.score[1])
    assert str(score) in metric.rows.errors[1]


@pytest.mark.parametrize('label, undefined, why', [
    ('PASS', {'auroc', 'average_precision', 'defect_accuracy', 'threshold_at_100_recall', 'false_alarm_rate_at_100_recall'},
     'undefined (no FAIL row)'),
    ('missing', {'auroc', 'false_alarm_rate', 'false_alarm_rate_at_100_recall'}, 'undefined (no PASS row)')])
@pytest.mark.parametrize('count', [1, 5])
def test_undefined_figures_are_nan_and_the_report_says_why(make_sample, label, undefined, why, count):
    metric, figures = evaluate([make_sample(i, 0.1 * i, label) for i in range(count)])
    assert {key for key, value in figures.items() if math.isnan(value) and '_9' not in key} == undefined
    assert all(isinstance(value, float) for value in figures.values())
    assert text(metric).count(why) >= len(undefined)


def test_no_scored_row_leaves_every_figure_undefined(make_sample):
    metric, figures = evaluate([make_sample(0, math.nan, 'PASS', error='broken')])
    assert math.isnan(figures['auroc']) and math.isnan(figures['total_accuracy']) and figures['unscored'] == 1
    assert 'undefined (no FAIL and no PASS row)' in text(metric)


def test_rows_without_labels_are_only_counted(make_sample):
    metric, figures = evaluate([make_sample(i, 0.1 * i) for i in range(3)])
    assert figures == dict(rows=3.0, unscored=0.0)
    assert 'no label' in text(metric)
    assert metric.rows.score.tolist() == pytest.approx([0, 0.1, 0.2])


def test_more_classes_have_class_figures_and_an_unknown_name_counts_as_fail_and_is_reported(make_sample):
    metric, figures = evaluate([
        make_sample(0, 0.1, 'PASS', pred_label='PASS'), make_sample(1, 0.9, 'missing', pred_label='missing'),
        make_sample(2, 0.8, 'missing', pred_label='bridge'), make_sample(3, 0.2, 'bridge', pred_label='PASS'),
        make_sample(4, 0.7, 'scratch', pred_label='bridge', unknown_label=True),
        make_sample(5, 0.3, 'scratch', pred_label='PASS', unknown_label=True)])
    assert figures['defect_accuracy'] == 60.0 and figures['recall/scratch'] == 50.0
    assert figures['class_accuracy'] == 50.0
    assert {key: value for key, value in figures.items() if key.startswith('class_recall/')} == {
        'class_recall/PASS': 100.0, 'class_recall/missing': 50.0, 'class_recall/bridge': 0.0}
    assert figures['unknown_label'] == 2
    assert 'does not know' in text(metric) and '  scratch      2' in text(metric)


def test_rows_come_in_the_order_of_the_dataset_whatever_the_sampler_did(rows_of_every_kind):
    order = np.random.default_rng(0).permutation(10)
    shuffled, figures = evaluate([rows_of_every_kind[i] for i in order])
    plain, expected = evaluate(rows_of_every_kind)
    assert figures == expected
    assert shuffled.rows.sample_idx.tolist() == shuffled.rows.position.tolist() == list(range(10))
    np.testing.assert_array_equal(shuffled.rows.score, plain.rows.score)
    assert shuffled.rows.label_names().tolist() == plain.rows.label_names().tolist()
    assert shuffled.rows.errors == plain.rows.errors


def test_rows_that_a_sampler_added_count_once(rows_of_every_kind):
    _, padded = evaluate(rows_of_every_kind + rows_of_every_kind[:2], size=10)
    assert padded == evaluate(rows_of_every_kind)[1]


def test_rows_of_several_csvs_keep_their_order_and_are_all_counted(make_sample):
    first = [make_sample(i, 0.1 * i, 'PASS') for i in range(3)]
    second = [make_sample(i, 0.1 * i, 'missing') for i in range(2)]
    metric, figures = evaluate([*first, *second, *first[:1]], size=5)
    assert figures['rows'] == 5 and metric.rows.position.tolist() == [0, 1, 2, 3, 4]
    assert metric.rows.sample_idx.tolist() == [0, 1, 2, 0, 1]
    assert metric.rows.label_names().tolist() == ['PASS'] * 3 + ['missing'] * 2


def test_a_second_evaluation_starts_anew(rows_of_every_kind):
    metric = InspectionMetric()
    evaluator = Evaluator(metric)
    results = []
    for _ in range(2):
        evaluator.process(rows_of_every_kind)
        results.append(evaluator.evaluate(10))
    assert results[0] == results[1]


def test_a_prefix_is_put_before_the_keys(rows_of_every_kind):
    assert 'inspection/auroc' in evaluate(rows_of_every_kind, prefix='inspection')[1]


def test_the_margin_is_shown_where_samples_tell_it(make_sample):
    sample = make_sample(0, 0.1, 'PASS')
    sample.margin = 0.25
    assert 'at the margin 0.25:' in text(evaluate([sample])[0])


def test_a_head_that_sets_no_score_is_named_as_the_cause(make_sample):
    sample = make_sample(0, 0.1, 'PASS')
    del sample.score
    with pytest.raises(KeyError, match="'score'.*predict"):
        evaluate([sample])


def run_process(rank, world, init_file, parts, size, results):
    torch.distributed.init_process_group('gloo',
                                         init_method=f'file://{init_file}',
                                         rank=rank,
                                         world_size=world)
    metric, figures = evaluate(parts[rank], batch=2, size=size)
    results.put((rank, figures, pickle.dumps(metric.rows)))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def in_two_processes(parts, size, folder):
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    processes = [
        context.Process(target=run_process, args=(rank, 2, folder / 'init', parts, size, results))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    answers = sorted(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(60)
    return [figures for _, figures, _ in answers], [pickle.loads(rows) for *_, rows in answers]


@pytest.mark.parametrize('several_csvs', [False, True])
def test_two_processes_give_the_figures_and_rows_of_one(rows_of_every_kind, tmp_path, several_csvs):
    samples = rows_of_every_kind[:9]
    if several_csvs:
        for row in samples[5:]:
            row.set_metainfo(dict(sample_idx=row.sample_idx - 5))
    padded = [*samples, samples[0]]  # as DefaultSampler gives every process as many
    figures, rows = in_two_processes([padded[0::2], padded[1::2]], 9, tmp_path)
    single, expected = evaluate(samples)
    assert figures == [expected, expected]
    assert rows[1] is None, 'the main process writes what there is to write'
    for name in ('position', 'sample_idx', 'score', 'gt_fail', 'pred_fail'):
        np.testing.assert_array_equal(getattr(rows[0], name), getattr(single.rows, name))
    assert rows[0].label_names().tolist() == single.rows.label_names().tolist()
    assert rows[0].errors == single.rows.errors
