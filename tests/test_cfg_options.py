"""``--cfg-options`` of all tools."""

import argparse

import pytest

from mmchangenet.cfg_options import CfgOptions


@pytest.fixture
def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions)
    return lambda *options: parser.parse_args(['--cfg-options', *options]).cfg_options


@pytest.mark.parametrize(('text', 'value'), [
    ('my images', 'my images'), ('/data/line 3/my (old) images', '/data/line 3/my (old) images'),
    ("'my images'", 'my images'), (' a  b ', 'a  b'), ('5', 5), (' 1e-3', 1e-3), ('True', True),
    ('None', None),
    ('a,b', ['a', 'b']), ('[8, 8]', [8, 8]), ('( 8 , 8 )', (8, 8)),
    ('[(1, 2), [a b, c], d e]', [(1, 2), ['a b', 'c'], 'd e']),
    ('a=b', 'a=b'), ('', ''), ('[OK]', ['OK']),
])
def test_values(parse, text, value):
    assert parse(f'data.key={text}', 'other=1') == {'data.key': value, 'other': 1}


def test_options_add_up():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions)
    assert parser.parse_args(['--cfg-options', 'a=1', '--cfg-options', 'b=2']).cfg_options == dict(a=1, b=2)


@pytest.mark.parametrize(('option', 'said'),
                         [('key', "'key' is not KEY=VALUE"), ('=3', "'=3' is not KEY=VALUE"),
                                              ('key=1,(2', 'brackets')])
def test_what_is_no_option_is_a_short_message(parse, capsys, option, said):
    with pytest.raises(SystemExit) as error:
        parse(option)
    assert error.value.code == 2 and said in capsys.readouterr().err
