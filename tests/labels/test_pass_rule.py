"""Which labels are PASS: one rule, in doubt not."""

import pytest

from mmchangenet.labels.pass_rule import PassRule, look_alikes, no_pass_message


@pytest.mark.parametrize(('label', 'passed'), [
    ('PASS', True), ('pass', True), (' Pass\t', True), ('Passive', False), ('', False), ('P A S S', False),
    ('OK', False),
    ('paß', False), ('pa\u017fs', False), ('ＰＡＳＳ', False), ('PASS\u200b', False), ('РASS', False)])
def test_pass_in_any_case_and_nothing_else(label, passed):
    assert PassRule().is_pass(label) is passed


def test_further_labels_mean_pass():
    rule = PassRule(['OK', 'good', 0, 'ＰＡＳＳ'])
    assert [rule.is_pass(label)
            for label in ('ok', 'GOOD', '0', 'PASS', 'ＰＡＳＳ', 'NG', '1')] == [True] * 5 + [False] * 2
    assert rule.rewritten(['OK', 'NG', 'pass', 'PASS']) == ['PASS', 'NG', 'PASS', 'PASS']


@pytest.mark.parametrize(('label', 'doubtful'), [
    ('ＯＫ', True), ('OK\u200b', True), ('\ufeffPass', True), ('ok', False), ('NG\u200b', False),
    ('虚焊', False)])
def test_what_only_looks_like_pass_is_doubtful(label, doubtful):
    assert PassRule(['OK']).is_doubtful(label) is doubtful


@pytest.mark.parametrize('labels', ['OK', [''], [' '], [True], [None], [1.5], 3, None])
def test_what_is_no_list_of_labels(labels):
    with pytest.raises(ValueError, match='pass_labels='):
        PassRule(labels)


def test_the_labels_found_are_listed_with_their_counts():
    message = no_pass_message({'NG': 2, 'OK': 98, 'OK\u200b': 1})
    assert "the labels are 'OK' (98x), 'NG' (2x), 'OK\\u200b' (1x)" in message
    assert 'pass_labels=["OK"]' in message
    assert no_pass_message({f'label {i}': 1 for i in range(1000)}).count('(1x)') == 20


def test_labels_that_look_alike():
    assert look_alikes({'missing', 'Missing', 'missing\u200b', 'bridge'}) == [['Missing', 'missing',
                                                                               'missing\u200b']]
