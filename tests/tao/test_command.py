"""The command visual_changenet, from training to export, and what it says when something is wrong."""

import csv
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from mmengine.config import Config
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmchangenet.checkpoint import load_for_scoring, read_checkpoint
from mmchangenet.models.backbones import vit_trunk
from mmchangenet.registry import MODELS
from mmchangenet.tao.command import main, parse_args
from mmchangenet.tao.encryption import read_encrypted
from mmchangenet.tao.hooks.numbered_checkpoint_hook import LATEST, OLDER

ROOT = Path(__file__).parents[2]
SPECS = Path(__file__).parent / 'specs'
@pytest.fixture(autouse=True)
def own_folder(in_own_folder, shallow_fan):
    """All of it with narrow networks."""


def tool(name, *arguments):
    """Run one of tools/ in this process."""
    spec = importlib.util.spec_from_file_location(f'tool_{name}', ROOT / 'tools' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    saved, sys.argv = sys.argv, [name, *map(str, arguments)]
    try:
        return module.main()
    finally:
        sys.argv = saved


def table(file):
    with open(file, newline='') as stream:
        return list(csv.DictReader(stream))


def weights(file):
    return read_checkpoint(file)['state_dict']


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.slow
def test_the_pages_specs_run_and_agree_with_the_plain_tools(data_overrides, tmp_path):
    """The published FAN specs with only paths, epochs and sizes overridden."""
    paths = [
        *data_overrides(16), 'results_dir=out', 'evaluate.results_dir=out/evaluate',
        'inference.results_dir=out/inference'
    ]
    epochs = ['train.num_epochs=1', 'train.validation_interval=1', 'train.checkpoint_interval=1']
    assert main(
        ['train', '-e',
         str(SPECS / 'fan_train.yaml'), *paths, *epochs, 'train.pretrained_model_path=null']) == 0
    latest = Path('out/train', LATEST)
    assert {path.name for path in Path('out/train').glob('*.pth')} == {
        'model_epoch_000.pth', LATEST, OLDER, 'best_val_loss_model_epoch_000.pth'}
    named = [f'evaluate.checkpoint={latest}', f'inference.checkpoint={latest}']
    shaped = [
        item for item in paths if 'image_' not in item and 'train' not in item and 'validation' not in item
    ]
    shaped.append('dataset.classify.output_shape=[16,16]')
    for action in ('evaluate', 'inference'):
        assert main([action, '-e', str(SPECS / 'fan_evaluate.yaml'), *shaped, *named]) == 0
    assert main([
        'export', '-e',
        str(SPECS / 'fan_export.yaml'), f'export.checkpoint={latest}', 'export.onnx_file=out/net.onnx',
        'export.input_width=16', 'export.input_height=64'
    ]) == 0

    # the same through the plain tools, from the configs left behind
    assert tool('train', 'out/train/visual_changenet_train.json', '--work-dir', 'plain') == 0
    assert equal(weights(latest), weights(Path('plain', LATEST)))
    assert tool('test', 'out/inference/visual_changenet_inference.json', latest, '--work-dir', 'tested',
                '--out', 'plain.csv') == 0
    scores = [row['siamese_score'] for row in table('out/inference/inference.csv')]
    assert scores == [row['siamese_score'] for row in table('plain.csv')]

    check_figures(json.loads(Path('out/evaluate/figures.json').read_text()),
                  table('out/inference/inference.csv'), 0.005)
    check_export('out/net.onnx', 'out/inference/visual_changenet_inference.json', latest, opset=12)
    assert len(list(Path('out/evaluate/pictures').glob('*.jpg'))) == 32, 'every batch'
    assert Path('out/evaluate/gallery/index.html').is_file()


@pytest.mark.slow
@pytest.mark.parametrize('architecture, size', [('euclidean', 14), ('learnable', 16)])
def test_the_pages_vit_spec_with_a_shallow_transformer(architecture, size, data_overrides, monkeypatch):
    """The published ViT spec as it is, and its learnable twin; four lightings in a grid."""
    shallow = dict(width=64, depth=4, num_heads=1, hidden_dim=128, swiglu=True)
    monkeypatch.setitem(vit_trunk.VARIANTS, 'nv_large', shallow)
    run_spec = [
        str(SPECS / 'vit_train.yaml'), *data_overrides(size), 'results_dir=out',
        'train.num_epochs=1', 'train.validation_interval=1', 'train.checkpoint_interval=1',
        'train.pretrained_model_path=null', 'model.backbone.pretrained_backbone_path=null',
        'dataset.classify.workers=0', f'export.input_width={2 * size}', f'export.input_height={2 * size}'
    ]
    if architecture == 'learnable':
        run_spec += ['model.classify.difference_module=learnable', 'train.classify.loss=ce']
    latest = f'out/train/{LATEST}'
    for action, more in (('train', []), ('evaluate', [f'evaluate.checkpoint={latest}']), ('inference', [
            f'inference.checkpoint={latest}'
    ]), ('export', [f'export.checkpoint={latest}', 'export.onnx_file=net.onnx', 'export.opset_version=17'])):
        assert main([action, '-e', *run_spec, *more]) == 0
    assert tool('test', 'out/inference/visual_changenet_inference.json', latest, '--work-dir', 'tested',
                '--out', 'plain.csv') == 0
    assert table('plain.csv') == table('out/inference/inference.csv')
    check_figures(json.loads(Path('out/evaluate/figures.json').read_text()),
                  table('out/inference/inference.csv'), 0.005)
    check_export('net.onnx', 'out/inference/visual_changenet_inference.json', latest, opset=17)


def check_figures(figures, rows, margin):
    """The reference's four, from the scores."""
    fail = np.array([row['label'] != 'PASS' for row in rows])
    called = np.array([np.float32(row['siamese_score']) > np.float32(margin) for row in rows])
    reference = dict(total_accuracy=np.mean(fail == called),
                     false_alarm=np.mean(~fail & called),
                     false_negative=np.mean(fail & ~called),
                     defect_accuracy=np.mean(called[fail]))
    assert figures['reference'] == pytest.approx({name: 100 * value for name, value in reference.items()})
    assert figures['eval_margin'] == margin and 'auroc' in figures['all']


def check_export(file, config, checkpoint, opset):
    config = Config.fromfile(config)
    model = MODELS.build(config.model).eval()
    load_for_scoring(model, checkpoint, config)
    graph = onnx.load(file)
    assert graph.opset_import[0].version == opset
    assert [value.name for value in graph.graph.input] == ['input_1', 'input_2']
    assert [value.name for value in graph.graph.output] == ['output']
    images = torch.randn(2, 3, 3, *model.input_size, generator=torch.Generator().manual_seed(0))
    session = onnxruntime.InferenceSession(str(file), providers=['CPUExecutionProvider'])
    output, = session.run(None, dict(input_1=images[0].numpy(), input_2=images[1].numpy()))
    with torch.no_grad():
        expected = model(dict(compare=images[0], golden=images[1]))
    np.testing.assert_allclose(output, expected.numpy(), atol=1e-4)


def test_names_resuming_and_a_new_beginning(run, capsys):
    assert run('train', 'train.checkpoint_interval=1', 'train.num_epochs=2',
               'train.optim.monitor_name=auroc') == 0
    names = {path.name for path in Path('out/train').glob('*.pth')}
    assert {'model_epoch_000.pth', 'model_epoch_001.pth', LATEST} <= names
    assert any(name.startswith('best_auroc_model_epoch_') for name in names)
    first = weights('out/train/model_epoch_000.pth')

    assert run('train', 'train.num_epochs=1') == 2
    assert 'has finished 2 epochs, but train.num_epochs is 1' in capsys.readouterr().err
    assert run('train', 'train.num_epochs=2') == 0, 'there is nothing left to do'
    assert 'all 2 epochs are finished already' in capsys.readouterr().out
    assert run('train', 'train.num_epochs=3', 'train.checkpoint_interval=3') == 0
    assert read_checkpoint(f'out/train/{LATEST}')['meta']['epoch'] == 3 and Path(
        'out/train/model_epoch_002.pth').is_file()

    # the path wins over the latest
    assert run('train', 'train.num_epochs=2',
               'train.resume_training_checkpoint_path=out/train/model_epoch_000.pth') == 0
    assert read_checkpoint(f'out/train/{LATEST}')['meta']['epoch'] == 2

    # a damaged latest is passed over, and without it a training begins anew
    Path('out/train', LATEST).unlink()
    Path('out/train', LATEST).write_bytes(b'\x80 cut off')
    assert run('train', 'train.num_epochs=2') == 0
    assert 'passed over for resuming' in capsys.readouterr().out
    Path('out/train', LATEST).unlink()
    assert run('train', 'train.num_epochs=1', 'train.optim.lr=0.0') == 0
    assert not equal(first, weights('out/train/model_epoch_000.pth'))


def test_everything_that_training_can_be_told(run):
    """Augmentation, TensorBoard, another optimizer and schedule, frozen pretrained weights."""
    assert run('train') == 0
    start = weights('out/train/model_epoch_000.pth')
    augmentation = 'dataset.classify.augmentation_config.augment=true'
    assert run('train', 'results_dir=second', augmentation, 'train.tensorboard.enabled=true',
               'train.optim.optim=sgd', 'train.optim.policy=step',
               'train.pretrained_model_path=out/train/model_epoch_000.pth', 'train.num_epochs=2',
               'model.backbone.freeze_backbone=true', 'train.tensorboard.infrequent_logging_frequency=2',
               'train.seed=-1', 'train.sync_batchnorm=true') == 0
    trained = weights('second/train/model_epoch_001.pth')
    changed = {name.split('.')[0] for name in start if not torch.equal(start[name], trained[name])}
    assert changed == {'neck'}, 'the backbone keeps its weights and statistics'

    events = EventAccumulator(str(next(Path('second/train').rglob('events.out.*')).parent),
                              size_guidance=dict(images=0))
    events.Reload()
    assert {'loss', 'lr', 'val_loss', 'auroc', 'false_alarm'} <= set(events.Tags()['scalars'])
    assert [image.step for image in events.Images('train/pair_0')] == [2]
    assert any('neck' in tag for tag in events.Tags()['histograms'])


def test_evaluation_without_a_train_section_and_with_a_batch_size(run, tmp_path, capsys):
    assert run('train') == 0
    spec = (tmp_path / 'tiny.yaml').read_text()
    start, end = spec.index('train:'), spec.index('model:')
    (tmp_path / 'tiny.yaml').write_text(spec[:start] + spec[end:])
    assert run('evaluate', f'evaluate.checkpoint=out/train/{LATEST}', 'evaluate.vis_after_n_batches=2',
               'evaluate.batch_size=16') == 0
    shown = capsys.readouterr()
    assert 'total accuracy' in shown.out and 'no GPU here' in shown.out or torch.cuda.is_available()
    assert len(list(Path('out/evaluate/pictures').glob('*.jpg'))) == 16
    assert run('inference', f'inference.checkpoint=out/train/{LATEST}',
               'inference.vis_after_n_batches=99') == 0
    check_figures(json.loads(Path('out/evaluate/figures.json').read_text()),
                  table('out/inference/inference.csv'), 0.02)
    assert not list(Path('out/inference/pictures').glob('*.jpg'))


def test_inference_without_labels_keeps_the_rows_and_their_order(run, boards, tmp_path):
    assert run('train') == 0
    rows = table(boards / 'test.csv')[::-3]
    with open('unlabelled.csv', 'w', newline='') as file:
        writer = csv.DictWriter(file, ['note', 'input_path', 'golden_path', 'object_name'])
        writer.writeheader()
        writer.writerows(
            {'note': number, **{name: row[name]
                                for name in ('input_path', 'golden_path', 'object_name')}}
            for number, row in enumerate(rows))
    assert run('inference', f'inference.checkpoint=out/train/{LATEST}',
               'dataset.classify.infer_dataset.csv_path=unlabelled.csv') == 0
    scored = table('out/inference/inference.csv')
    assert [row['note'] for row in scored] == [str(number) for number in range(len(rows))]
    assert list(scored[0]) == ['note', 'input_path', 'golden_path', 'object_name', 'siamese_score']
    assert len(list(Path('out/inference/pictures').glob('*.jpg'))) == len(rows)


def test_a_folder_in_a_name_and_an_empty_label_are_taken_as_by_the_toolkit(run, boards, capsys):
    """The folder wherever it does not lead elsewhere, the empty label on inference only."""
    assert run('train') == 0
    (images := Path('images')).mkdir()
    rows = table(boards / 'test.csv')[:6]
    for row in rows:
        board = row['input_path'].replace('/', '-')
        for side in ('input_path', 'golden_path'):
            (images / side).mkdir(exist_ok=True)
            if not (place := images / side / board).exists():
                place.symlink_to(boards / 'images' / row[side])
            row[side] = side
        row['object_name'] = f'{board}/{row["object_name"]}'
    rows[2]['label'] = ''
    write_table('nested.csv', rows)
    given = [f'dataset.classify.{name}_dataset.{key}' for name in ('infer', 'test')
             for key in ('csv_path=nested.csv', 'images_dir=images')]
    assert run('inference', f'inference.checkpoint=out/train/{LATEST}', *given) == 0
    scored = table('out/inference/inference.csv')
    assert [row['object_name'] for row in scored] == [row['object_name'] for row in rows]
    assert [row['label'] for row in scored] == [row['label'] for row in rows]
    assert all(float(row['siamese_score']) >= 0 for row in scored)
    assert len(list(Path('out/inference/pictures').glob('*.jpg'))) == len(rows)
    capsys.readouterr()
    assert run('evaluate', f'evaluate.checkpoint=out/train/{LATEST}', *given) == 2
    shown = capsys.readouterr().err
    assert 'line 4' in shown and 'empty cell' in shown and 'a folder in' not in shown
    rows[2].update(label='PASS')
    write_table('nested.csv', rows)
    assert run('evaluate', f'evaluate.checkpoint=out/train/{LATEST}', *given) == 0
    rows[1].update(object_name='../x')
    write_table('nested.csv', rows)
    assert run('evaluate', f'evaluate.checkpoint=out/train/{LATEST}', *given) == 2
    assert 'leads elsewhere' in capsys.readouterr().err


def write_table(file, rows):
    with open(file, 'w', newline='') as target:
        writer = csv.DictWriter(target, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_encrypted_exports_and_what_is_refused(run, capsys):
    assert run('train') == 0
    checkpoint = f'export.checkpoint=out/train/{LATEST}'
    size = ('export.input_width=16', 'export.input_height=16')
    assert run('export', checkpoint, *size, 'export.onnx_file=out/net.etlt', 'export.verbose=true',
               'export.batch_size=2', 'export.input_channel=3') == 0
    assert 'input_1' in capsys.readouterr().out
    assert b'input_1' not in Path('out/net.etlt').read_bytes()
    graph = onnx.load_from_string(read_encrypted('out/net.etlt', 'secret')).graph
    assert graph.input[0].name == 'input_1' and graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2
    for overrides, message in (
            ((*size, 'export.onnx_file=out/net.etlt'), 'out/net.etlt exists'),
            ((*size, 'export.onnx_file=new.onnx', 'export.opset_version=5'), 'the lowest that works is'),
            ((*size, 'export.onnx_file=new.onnx', 'export.input_channel=1'), '1 is not one of 3'),
            ((*size, 'export.onnx_file=new.onnx', 'export.batch_size=0'), '0 is refused'),
            ((*size, 'export.onnx_file=new.etlt', 'encryption_key=null'), 'needs encryption_key')):
        assert run('export', checkpoint, *overrides) == 2
        error = capsys.readouterr().err
        assert message in error and 'Traceback' not in error
    assert not list(Path().glob('new.*'))
    assert tool('model_converters/decrypt_etlt', 'out/net.etlt', 'net.onnx', '--key', 'secret') == 0
    onnx.checker.check_model(onnx.load('net.onnx'))


def test_an_engine_without_tensorrt(run, capsys):
    assert run('evaluate', 'evaluate.trt_engine=net.engine') == 2
    error = capsys.readouterr().err
    assert 'trt_engine net.engine cannot be run here, missing:' in error and 'tensorrt' in error
    Path('net.onnx').touch()
    named = ('gen_trt_engine.trt_engine=net.engine', 'gen_trt_engine.tensorrt.max_batch_size=4')
    assert run('gen_trt_engine', *named) == 2
    assert 'gen_trt_engine.onnx_file (tiny.yaml): has to be given' in capsys.readouterr().err
    assert run('gen_trt_engine', *named, 'gen_trt_engine.onnx_file=net.onnx') == 2
    error = capsys.readouterr().err
    assert 'on a computer that has them run: trtexec --onnx=net.onnx --saveEngine=net' in error


@pytest.mark.parametrize('arguments, message', [
    (['train', '-e', 'missing.yaml'], 'there is no spec missing.yaml'),
    (['train', '-e', 'tiny.yaml', 'task=segment'], 'classification is what this tool does'),
    (['evaluate', '-e', 'tiny.yaml'], 'evaluate.checkpoint'),
    (['evaluate', '-e', 'tiny.yaml', 'evaluate.checkpoint=missing.pth'], 'missing.pth'),
    (['train', '-e', 'tiny.yaml', 'train.num_nodes=2'],
        'set NODE_RANK, MASTER_ADDR, MASTER_PORT on every node'),
])
def test_mistakes_are_messages(arguments, message, run, data_overrides, capsys):
    assert main([*arguments[:3], *data_overrides(16), 'results_dir=out', *arguments[3:]]) == 2
    error = capsys.readouterr().err
    assert message in error and 'Traceback' not in error


@pytest.mark.parametrize('action', ['train', 'evaluate', 'inference', 'export'])
def test_help(action, capsys):
    with pytest.raises(SystemExit) as left:
        main([action, '-h'])
    assert left.value.code == 0 and '--experiment_spec' in capsys.readouterr().out


@pytest.mark.parametrize(
    'arguments', [['train', 'train.num_epochs=3', '-e', 'spec.yaml', 'results_dir=x'],
                  ['train', '-e', 'spec.yaml', '-r', 'x', '-g', '2', '-k', 'a:b'],
                  ['train', '--gpu_ids', '0,1', '--experiment_spec', 'spec.yaml', '~task', '+train.seed=3']])
def test_overrides_on_both_sides_and_options_of_older_launchers(arguments):
    args = parse_args(arguments)
    assert args.spec == 'spec.yaml'
    expected = {
        'x': 'results_dir=x', '2': 'train.num_gpus=2', 'a:b': "encryption_key='a:b'",
        '0,1': 'train.gpu_ids=[0,1]'
    }
    wanted = [
        expected.get(item, item) for item in arguments[1:] if not item.startswith('-') and item != 'spec.yaml'
    ]
    assert sorted(args.overrides) == sorted(wanted)


def test_an_option_that_is_none_is_named(capsys):
    with pytest.raises(SystemExit):
        parse_args(['train', '-e', 'a.yaml', '--epochs=3'])
    assert 'there is no option --epochs=3' in capsys.readouterr().err


def test_a_default_spec_runs_once_its_blanks_are_filled(data_overrides, capsys):
    assert main(['default_specs', 'results_dir=mine']) == 0
    size = [
        'results_dir=out', *data_overrides(16), 'dataset.classify.input_map={WhiteLight:0}',
        'dataset.classify.workers=0', 'train.num_epochs=1', 'dataset.classify.batch_size=8',
        'model.decode_head.decoder_params.embed_dim=8'
    ]
    assert main(['train', '-e', 'mine/experiment.yaml', *size]) == 0
    assert main(['default_specs', 'results_dir=mine']) == 2, 'nothing is overwritten'
    assert 'mine/experiment.yaml exists' in capsys.readouterr().err


def test_the_experiment_left_behind_is_the_same_run(run, capsys):
    assert run('train', '--release', '5.5', 'train.optim.weight_decay=0.5') == 0
    first = weights('out/train/model_epoch_000.pth')
    text = Path('out/train/experiment.yaml').read_text()
    assert "release: '5.5'" in text and 'secret' not in text
    capsys.readouterr()
    assert main(['train', '-e', 'out/train/experiment.yaml', 'results_dir=again']) == 0
    assert 'defaults of release 5.5 as asked for' in capsys.readouterr().out
    assert equal(first, weights('again/train/model_epoch_000.pth'))


def test_the_best_checkpoints_by_the_specs_checkpointer(run):
    top = ['train.checkpointer.enable_topk=true', 'train.checkpointer.monitor=val_far', 'train.num_epochs=3',
           'train.checkpointer.save_top_k=2', 'train.checkpointer.filename=model_best_{epoch:03d}']
    assert run('train', *top, 'train.checkpointer.replace_periodic=true') == 0
    best = sorted(path.name for path in Path('out/train').glob('model_best_*.pth'))
    assert len(best) == 2 and not list(Path('out/train').glob('model_epoch_*'))
    kept = read_checkpoint(f'out/train/{best[0]}')['message_hub']['runtime_info']['best_checkpoints']
    assert 1 <= len(kept) <= 2 and Path('out/train', LATEST).is_file()
    assert run('evaluate', f'evaluate.checkpoint=out/train/{LATEST}') == 0
    for name, message in (('a/{epoch}', 'is no file name'), ('{nowhere}', 'is none of epoch, step, val_far'),
                          ('{epoch:0999d}', 'is no file name')):
        assert run('train', *top, 'results_dir=other', f"train.checkpointer.filename='{name}'") == 2, message


def test_why_a_run_fails_is_in_its_status(run, tmp_path):
    assert run('evaluate', 'evaluate.checkpoint=missing.pth') == 2
    lines = [json.loads(line) for line in Path('out/evaluate/status.json').read_text().splitlines()]
    assert [line['status']
            for line in lines] == ['STARTED', 'FAILURE'] and 'missing.pth' in lines[-1]['message']


def test_a_network_in_int8(run, capsys):
    learnable = ['model.classify.difference_module=learnable', 'train.classify.loss=ce',
                 'model.decode_head.decoder_params.embed_dim=8']
    assert run('train', *learnable) == 0
    assert run('quantize', *learnable, f'quantize.model_path=out/train/{LATEST}') == 0
    assert 'out/quantize/int8 is ready' in capsys.readouterr().out and Path(
        'out/quantize/int8/runtime.json').is_file()


def test_labels_by_other_names_are_named_and_can_be_mapped(run, boards, capsys):
    """A column of OK and NG: not a word is a defect before somebody says so."""
    for split in ('train', 'val', 'test'):
        lines = (boards / f'{split}.csv').read_text().splitlines()
        place = lines[0].split(',').index('label')
        rows = [line.split(',') for line in lines[1:]]
        named = [[*row[:place], 'OK' if row[place] == 'PASS' else 'NG', *row[place + 1:]] for row in rows]
        Path(f'{split}.csv').write_text('\n'.join([lines[0], *(','.join(row) for row in named)]) + '\n')
    data = [f'dataset.classify.{name}_dataset.csv_path={split}.csv' for name, split in (
        ('train', 'train'), ('validation', 'val'), ('test', 'test'))]
    assert run('train', *data) == 2
    error = capsys.readouterr().err
    assert "'OK' (" in error and "'NG' (" in error and 'pass_labels' in error
    mapped = 'dataset.classify.pass_labels=[OK]'
    assert run('train', *data, mapped) == 0
    assert run('evaluate', *data, f'evaluate.checkpoint=out/train/{LATEST}') == 2
    assert run('evaluate', *data, mapped, f'evaluate.checkpoint=out/train/{LATEST}') == 0


def test_a_csv_with_the_index_that_pandas_writes(run, boards):
    assert run('train') == 0
    lines = (boards / 'test.csv').read_text().splitlines()
    Path('indexed.csv').write_text(
        '\n'.join([f',{lines[0]}', *(f'{n},{line}' for n, line in enumerate(lines[1:]))]) + '\n')
    assert run('inference', f'inference.checkpoint=out/train/{LATEST}',
               'dataset.classify.infer_dataset.csv_path=indexed.csv') == 0
    scored = table('out/inference/inference.csv')
    assert [row[''] for row in scored] == [str(number) for number in range(len(lines) - 1)]
