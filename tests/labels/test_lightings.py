"""Names of lightings: a stated rule, one place."""

import pytest

from mmchangenet.labels.lightings import check_lighting_names, image_names, ordered_lightings


@pytest.mark.parametrize('name', [
    'Top', 'SolderLight', 'UV 365nm', 'Seite_2', 'ring-light+45.5', 'Top(2)', 'Ä', '光', 'ไฟบน', '7'])
def test_names_in_use_are_accepted(name):
    check_lighting_names([name, 'other'])
    assert image_names('R1', ordered_lightings({name: 0}), '.png') == [f'R1_{name}.png']


@pytest.mark.parametrize('name', [
    '', ' a', 'a ', 'a/b', 'a\\b', '..', "a': open('x', 'w').write('y'), 'b",
    '{{ fileDirname }}', '{{$HOME:x}}', '{{_base_.x}}',
    '_delete_', '_base_', 'a"b', 'a\nb',
    'a\0', 'a:b', 'a*', '$a', '\ud800', 'a\u200b', '\ufeffa', 'x' * 65, 'x' * 10**6, 1, None, True])
def test_others_are_refused_by_the_rule(name):
    with pytest.raises(ValueError, match=r'is no lighting name.* starts with a letter or a digit') as raised:
        check_lighting_names(['Top', name], 'runtime.json: lightings')
    assert str(raised.value).startswith('runtime.json: lightings: ') and len(str(raised.value)) < 500
    with pytest.raises(ValueError, match='is no lighting name'):
        ordered_lightings({'Top': 0, name: 1})


def test_a_lighting_is_there_once():
    with pytest.raises(ValueError, match="'Top' is there 2 times"):
        check_lighting_names(['Top', 'Side', 'Top'])


def test_without_lightings_there_is_one_image_without_suffix():
    assert ordered_lightings(None) is None
    assert image_names('R1', None, '.jpg') == ['R1.jpg']
