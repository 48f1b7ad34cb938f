"""Several things are built before any is complained of."""

import pytest

from mmchangenet.build_all import build_all


def fail(error):
    raise error


def test_everything_is_built():
    assert build_all([lambda: 1, lambda: 2]) == [1, 2]


def test_one_error_stays_what_it_is():
    with pytest.raises(FileNotFoundError, match='a.csv'):
        build_all([lambda: fail(FileNotFoundError('a.csv')), lambda: 2])


def test_several_errors_are_one_report_that_says_nothing_twice():
    with pytest.raises(ValueError) as error:
        build_all(lambda text=text: fail(OSError(text)) for text in ('a.csv', 'b.csv', 'a.csv'))
    assert str(error.value) == 'a.csv\nb.csv'


def test_a_bug_is_raised_at_once():
    with pytest.raises(AttributeError):
        build_all([lambda: None.builder, lambda: fail(ValueError('never called'))])
