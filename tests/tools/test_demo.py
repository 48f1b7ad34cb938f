"""The demo: commands one after the other, and what their exit codes come to."""

import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / 'tools/demo.py'


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """Runs the demo on stand-ins of the tools that exit as given, and gives the names of those that ran."""
    spec = importlib.util.spec_from_file_location('demo', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, 'TOOLS', tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'analysis_tools').mkdir()

    def run(train=0, pick=0, test=0, checkpoint='best_auroc_epoch_1.pth'):
        for name, code in (('train', train), ('analysis_tools/pick_threshold', pick), ('test', test)):
            made = f"Path('work').mkdir(); Path('work/{checkpoint}').touch(); " if name == 'train' else ''
            (tmp_path / f'{name}.py').write_text(
                f"from pathlib import Path\n{made}open('ran', 'a').write('{name} ')\n"
                f'raise SystemExit({code})')
        try:
            code = module.main(['--work-dir', 'work'])
        except SystemExit as error:
            code = error.code
        return code, Path('ran').read_text().split()

    return run


ALL = ['train', 'analysis_tools/pick_threshold', 'test']


@pytest.mark.parametrize(('codes', 'expected', 'ran'), [
    (dict(), 0, ALL), (dict(test=1), 1, ALL), (dict(pick=1), 1, ALL), (dict(train=2), 2, ALL[:1]),
    (dict(pick=2), 2, ALL[:2]), (dict(test=2), 2, ALL)])
def test_its_exit_code_is_that_of_its_commands(demo, codes, expected, ran):
    assert demo(**codes) == (expected, ran)


def test_a_training_without_a_best_checkpoint_is_a_message(demo, capsys):
    assert demo(checkpoint='epoch_1.pth') == (2, ['train'])
    assert 'error: training left no best_*.pth in work' in capsys.readouterr().err
