"""Specs that are wrong or hostile give the right answer or one message; none runs code, none takes long."""

import json
import os
import sys
from pathlib import Path

import pytest

from mmchangenet.checkpoint import read_checkpoint, write_checkpoint
from mmchangenet.tao import SpecError, spec_to_config
from mmchangenet.tao.command import main
from mmchangenet.tao.spec import read_spec

sys.path.insert(0, str(Path(__file__).parents[1] / 'stress'))
from hostile_specs import CODE, MARK, cases, outcome

COUNT = int(os.environ.get('MMCHANGENET_HOSTILE_SPECS', 400))


def test_mutated_published_specs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    counts = dict.fromkeys(('accepted', 'refused'), 0)
    for case in cases(COUNT, seed=1):
        counts[outcome(case, tmp_path)] += 1
    assert min(counts.values()) > COUNT // 10, counts


@pytest.mark.parametrize('text', CODE)
def test_text_stays_text_in_a_run(text, run, shallow_fan, boards, monkeypatch):
    """In a name, a folder, a passphrase and the settings of a training; the configs left behind hold it as it
    is.
    """
    if not text.isprintable() or '${' in text:
        pytest.skip('no such folder or passphrase can be given')
    monkeypatch.setenv('HOME', 'of the environment')
    folder = f'out {text}'.replace('/', '|')
    assert run('train', f'results_dir={json.dumps(folder)}', f'encryption_key={json.dumps(text)}',
               f'dataset.classify.input_map={{{json.dumps(text)}: 0}}') == 2, 'no lighting has such a name'
    assert run('train', f'results_dir={json.dumps(folder)}', f'encryption_key={json.dumps(text)}') == 0
    saved = json.loads(Path(folder, 'train/visual_changenet_train.json').read_text())
    assert saved['work_dir'] == f'{folder}/train'
    assert not list(Path().rglob(MARK))


@pytest.mark.parametrize(
    'content, message',
    [(b'[' * 3000 + b']' * 3000, 'nested more than 40 deep'), (b'a: &a [*a]', 'stands for nothing'),
     (b'x' * 300_000, 'more than 200,000 bytes'),
     (b'train: ' + b'${a}' * 300, 'more than 200 interpolations'),
     (b'\n'.join([
         b'a0: &a0 [x,x,x,x,x,x,x,x]', *(f'a{n + 1}: &a{n + 1} [{",".join([f"*a{n}"] * 8)}]'.encode()
                                         for n in range(9))
     ]), 'more than 20,000 values'), (b'a: !!python/object/apply:os.system ["touch PWNED"]', 'is not YAML'),
     (b'\xff', 'is not YAML')])
def test_files_that_are_too_much(content, message, in_own_folder):
    Path('spec.yaml').write_bytes(content)
    with pytest.raises(SpecError, match=message):
        read_spec('spec.yaml')


def test_the_meta_of_a_checkpoint_is_not_run(run, shallow_fan):
    """The config text that a checkpoint carries is read, and never executed."""
    assert run('train') == 0
    file = 'out/train/model_epoch_000.pth'
    checkpoint = read_checkpoint(file)
    for text in (f'open({MARK!r}, "w").write("x")', f'model = dict(input_size=open({MARK!r}, "w"))',
                 '(' * 5000, 3, ['x'], {}):
        checkpoint['meta'].update(cfg=text,
                                  experiment_name=text,
                                  dataset_meta=text,
                                  threshold=dict(value=0.5))
        write_checkpoint(checkpoint, 'changed.pth')
        assert run('evaluate', 'evaluate.checkpoint=changed.pth') == 0
        assert not Path(MARK).exists()


def test_cells_of_a_csv_are_not_run(run, shallow_fan, boards):
    """Class names of the training data become part of checkpoints."""
    rows = (boards / 'train.csv').read_text().splitlines()
    header = rows[0].split(',')
    table = [dict(zip(header, row.split(','), strict=True)) for row in rows[1:]]
    names = iter(f'"{code.replace(chr(34), chr(34) * 2)}"' for code in CODE[:2] * len(table))
    for row in table:
        if row['label'] != 'PASS':
            row['label'] = next(names)
    Path('hostile.csv').write_text('\n'.join([rows[0], *(','.join(row.values()) for row in table)]) + '\n')
    settings = ('dataset.classify.train_dataset.csv_path=hostile.csv', '~dataset.classify.validation_dataset',
                'model.classify.difference_module=learnable', 'train.classify.loss=ce',
                'dataset.classify.num_classes=3', 'model.decode_head.decoder_params.embed_dim=8')
    assert run('train', *settings) == 0
    names = read_checkpoint('out/train/model_epoch_000.pth')['meta']['dataset_meta']['classes']
    assert set(names) == {'PASS', *CODE[:2]} and not list(Path().rglob(MARK))


def test_a_hostile_name_of_a_lighting_is_refused(in_own_folder, capsys):
    """The key that was run as Python."""
    Path('spec.yaml').write_text(
        "dataset: {classify: {train_dataset: {csv_path: a, images_dir: b}, input_map: "
        "{\"a': open('PWNED','w').write('x'), 'b\": 0}}}\n")
    assert main(['train', '-e', 'spec.yaml', 'results_dir=out']) == 2
    assert 'is no lighting name' in capsys.readouterr().err and not Path(MARK).exists()
    with pytest.raises(SpecError, match='is no lighting name'):
        spec_to_config('spec.yaml')
