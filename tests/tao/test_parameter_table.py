"""The documentation's table is that of the code."""

from pathlib import Path

from mmchangenet.tao.parameter_table import parameter_table

PAGE = Path(__file__).parents[2] / 'docs/visual_changenet_specs.md'


def test_the_page_shows_the_table_of_the_code():
    assert PAGE.read_text(encoding='utf-8').endswith(parameter_table()), (
        'run python -m mmchangenet.tao.parameter_table and put its output at the end of the page')
