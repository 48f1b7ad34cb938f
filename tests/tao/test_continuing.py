"""A training that is continued follows the spec as it now is."""

import json
from pathlib import Path

import pytest

pytest.importorskip('mmchangenet.engine.resuming', reason='needs resuming by the config as it now is')


@pytest.mark.parametrize('policy, rates', [
    ('linear', [0.01 * (1 - epoch / 6) for epoch in (3, 4)]), ('step', [0.01 * 0.1**3, 0.01 * 0.1**4])])
def test_more_epochs_have_the_schedule_of_the_spec(policy, rates, run, shallow_fan, capsys):
    """Three epochs, continued to five at another rate: the last two are those of a schedule of five."""
    settings = [f'train.optim.policy={policy}']
    assert run('train', 'train.num_epochs=3', *settings) == 0
    capsys.readouterr()
    assert run('train', 'train.num_epochs=5', 'train.optim.lr=0.01', *settings) == 0
    shown = capsys.readouterr().out
    assert 'changed since the checkpoint' in shown and 'lr' in shown
    lines = [json.loads(line) for file in sorted(Path('out/train').rglob('scalars.json'))
             for line in file.read_text().splitlines()]
    assert [line['lr'] for line in lines if 'lr' in line][3:] == pytest.approx(rates)
