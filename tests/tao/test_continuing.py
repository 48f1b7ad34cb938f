"""A training that is continued follows the spec as it now is."""

import json
from pathlib import Path

import pytest

from mmchangenet.tao.hooks.numbered_checkpoint_hook import LATEST


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


@pytest.mark.parametrize('name', ['model_epoch_001.pth', 'interrupted.pth'])
def test_a_run_that_was_killed_before_it_renewed_the_latest_goes_on_from_the_newest(name, run, shallow_fan,
                                                                                   capsys):
    """The file of the second epoch is there, and the latest is still that of the first."""
    folder = Path('out/train')
    assert run('train', 'train.num_epochs=1') == 0
    first = (folder / LATEST).stat().st_mtime_ns
    (folder / 'kept').hardlink_to(folder / LATEST)
    assert run('train', 'train.num_epochs=2') == 0
    (folder / 'model_epoch_001.pth').rename(folder / name)
    (folder / 'last_checkpoint').write_text(str(folder / name))
    (folder / 'kept').replace(folder / LATEST)
    assert (folder / LATEST).stat().st_mtime_ns == first
    capsys.readouterr()
    assert run('train', 'train.num_epochs=2') == 0
    assert 'all 2 epochs are finished already' in capsys.readouterr().out
