"""Score plots are drawn whatever the scores are."""

import cv2
import numpy as np
import pytest

from mmchangenet.visualization import plot_recall_false_alarm, plot_score_histogram
from mmchangenet.visualization.plots import MOST_TICKS, _corners, _thinned


def scores_of(kind):
    rng = np.random.default_rng(0)
    is_fail = rng.random(200) < 0.3
    return {
        'usual': (rng.random(200), is_fail),
        'constant': (np.full(200, 0.5), is_fail),
        'all PASS': (rng.random(200), is_fail & False),
        'all FAIL': (rng.random(200), is_fail | True),
        'one row': (np.array([0.7]), np.array([True])),
        'no row': (np.zeros(0), np.zeros(0, bool)),
        'far apart': (np.where(is_fail, 1e4, 1e-4), is_fail),
    }[kind]


@pytest.mark.parametrize('kind', ['usual', 'constant', 'all PASS', 'all FAIL', 'one row', 'no row', 'far apart'])
def test_both_plots_are_drawn(tmp_path, kind):
    scores, is_fail = scores_of(kind)
    names = np.where(is_fail, 'missing', 'PASS')
    plot_score_histogram(tmp_path / 'histogram.png', scores, is_fail, names, 0.5)
    plot_recall_false_alarm(tmp_path / 'curve.png', scores, is_fail, 0.5)
    for name in ('histogram.png', 'curve.png'):
        assert cv2.imread(str(tmp_path / name)).std() > 1


def test_many_names_and_names_with_formulas_are_drawn(tmp_path):
    names = np.array([f'$\\nonsense{{{i}$ %s' for i in range(60)])
    plot_score_histogram(tmp_path / 'histogram.png', np.linspace(0, 1, 60), np.ones(60, bool), names, 0.5)
    assert (tmp_path / 'histogram.png').stat().st_size


def test_of_many_rows_the_lowest_are_all_drawn_and_the_highest_is():
    scores = np.random.default_rng(0).random(50_000)
    ticks = _thinned(scores)
    assert len(ticks) == MOST_TICKS and ticks.max() == scores.max()
    np.testing.assert_array_equal(ticks[:MOST_TICKS // 2], np.sort(scores)[:MOST_TICKS // 2])


def test_a_curve_keeps_the_points_where_it_turns_and_no_others():
    recall, rate = np.array([0, 1, 2, 3, 3, 3, 4, 5.]), np.array([0, 0, 0, 0, 1, 2, 3, 4.])
    kept = list(zip(*_corners(recall, rate), strict=True))
    assert kept == [(0, 0), (3, 0), (3, 2), (5, 4)]
