"""Checkpoints are written whole, read without running code, and loaded strictly or with a list of what did
not fit."""

import io
import math
import os
import pickle
import resource
import signal
import tarfile
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from torch import nn

from mmchangenet.checkpoint import (
    CheckpointError,
    CheckpointNotWritten,
    Placeholder,
    adopt_class_names,
    adopt_threshold,
    load_fitting_weights,
    load_for_scoring,
    load_weights,
    newest_checkpoint,
    plain,
    read_checkpoint,
    state_dict_of,
    write_checkpoint,
)
from mmchangenet.files import remove_partial_files

FORMATS = {
    'zip': dict(_use_new_zipfile_serialization=True), 'legacy': dict(_use_new_zipfile_serialization=False)
}


class Malicious:
    """Runs a shell command when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command, )


def mmengine_content():
    """What MMEngine's own checkpoints hold beyond tensors."""
    history = HistoryBuffer([1.5, 0.5], [1, 2])
    return dict(meta=dict(epoch=2, iter=8, seed=np.int64(3)),
                state_dict=nn.BatchNorm1d(3).state_dict(),
                message_hub=dict(log_scalars=OrderedDict(loss=history),
                                 runtime_info=OrderedDict(best_score=np.float64(0.25)),
                                 resumed_keys=OrderedDict(loss=True)),
                extra=dict(array=np.arange(6).reshape(2, 3),
                           fortran=np.asfortranarray(np.arange(6.).reshape(2, 3)),
                           big=np.array([1, 2], '>i4'),
                           names=np.array(['a', 'bc']),
                           half=torch.ones(2, dtype=torch.bfloat16),
                           unknown=Path('somewhere'),
                           default=defaultdict(list, key=[1]),
                           parameter=nn.Parameter(torch.ones(2)),
                           data=b'\x00\xff',
                           members={1, 2}))


# -- reading -------------------------------------------------------------------------------------------------
# ------------


@pytest.mark.parametrize('options', FORMATS.values(), ids=FORMATS)
def test_code_in_a_file_is_not_run(tmp_path, options):
    witness, path = tmp_path / 'witness', tmp_path / 'evil.pth'
    torch.save(dict(state_dict=dict(weight=torch.ones(2)), extra=Malicious(f'touch {witness}')), path,
               **options)
    checkpoint = read_checkpoint(path)
    assert not witness.exists()
    assert torch.equal(checkpoint['state_dict']['weight'], torch.ones(2))
    assert isinstance(checkpoint['extra'], Placeholder)
    assert checkpoint['extra'].qualified_name in ('posix.system', 'nt.system')

    torch.load(path, weights_only=False)
    assert witness.exists(), 'the file would have run it'


def test_a_file_cannot_change_what_it_names(tmp_path):
    """A pickle can give state to anything it names, functions of torch included."""
    program = b'\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x06\x00\x00\x00marked\x88sb.'
    torch.save({}, tmp_path / 'a.pth')
    with zipfile.ZipFile(tmp_path / 'a.pth') as source, zipfile.ZipFile(tmp_path / 'evil.pth', 'w') as target:
        for entry in source.infolist():
            target.writestr(entry, program if entry.filename.endswith('data.pkl') else source.read(entry))
    with pytest.raises(CheckpointError, match='evil.pth'):
        read_checkpoint(tmp_path / 'evil.pth')
    assert not hasattr(torch._utils._rebuild_tensor_v2, 'marked')

    torch.load(tmp_path / 'evil.pth', weights_only=False)
    assert torch._utils._rebuild_tensor_v2.__dict__.pop('marked'), 'the file would have changed it'


@pytest.mark.parametrize('head', [b'\x80\x02', b'PK\x03\x04', b''])
def test_a_plain_pickle_is_not_run_either(tmp_path, head):
    witness, path = tmp_path / 'witness', tmp_path / 'evil.pth'
    path.write_bytes(head + pickle.dumps(Malicious(f'touch {witness}'), protocol=2)[2:])
    with pytest.raises(CheckpointError, match='evil.pth'):
        read_checkpoint(path)
    assert not witness.exists()


def test_a_file_of_another_pickle_protocol_is_one_message(tmp_path, recwarn):
    (tmp_path / 'other.pth').write_bytes(pickle.dumps(dict(weight=1), protocol=4))
    with pytest.raises(CheckpointError, match='other.pth is damaged or not a checkpoint'):
        read_checkpoint(tmp_path / 'other.pth')
    assert not list(recwarn)


def test_tar_and_torchscript_files_never_reach_torch(tmp_path):
    tar, script, witness = tmp_path / 'old.pth', tmp_path / 'script.pth', tmp_path / 'witness'
    with tarfile.open(tar, 'w') as archive:
        for name in ('storages', 'tensors', 'pickle'):
            data = pickle.dumps(Malicious(f'touch {witness}'), protocol=2)
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    with pytest.raises(CheckpointError, match='tar archive'):
        read_checkpoint(tar)
    with pytest.warns(FutureWarning):
        torch.jit.script(nn.Linear(2, 2)).save(script)
    with pytest.raises(CheckpointError, match='TorchScript'):
        read_checkpoint(script)
    assert not witness.exists()


@pytest.mark.parametrize('options', FORMATS.values(), ids=FORMATS)
def test_mmengines_content_is_read(tmp_path, options):
    content = mmengine_content()
    torch.save(content, tmp_path / 'epoch_2.pth', **options)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / 'epoch_2.pth', weights_only=True)

    checkpoint = read_checkpoint(tmp_path / 'epoch_2.pth')

    assert checkpoint['meta'] == dict(epoch=2, iter=8, seed=3)
    assert all(
        torch.equal(value, checkpoint['state_dict'][name]) for name, value in content['state_dict'].items())
    assert checkpoint['state_dict']._metadata == content['state_dict']._metadata
    assert checkpoint['message_hub']['runtime_info'] == dict(best_score=0.25)
    history = checkpoint['message_hub']['log_scalars']['loss']
    assert history.qualified_name == 'mmengine.logging.history_buffer.HistoryBuffer'
    np.testing.assert_array_equal(history.state['_log_history'], [1.5, 0.5])
    extra = checkpoint['extra']
    for name in ('array', 'fortran', 'big', 'names'):
        np.testing.assert_array_equal(extra[name], content['extra'][name])
    assert torch.equal(extra['half'], content['extra']['half'])
    assert torch.equal(extra['parameter'], torch.ones(2))
    assert extra['default'] == dict(key=[1])
    assert (extra['data'], extra['members']) == (b'\x00\xff', {1, 2})
    assert extra['unknown'].args == ('somewhere', )


def test_a_whole_pickled_model_is_refused_with_a_reason(tmp_path):
    for name, options in FORMATS.items():
        torch.save(nn.Linear(2, 2), tmp_path / name, **options)
        with pytest.raises(CheckpointError,
                           match='torch.nn.modules.linear.Linear and not a dict.*state_dict'):
            read_checkpoint(tmp_path / name)


def test_safetensors_are_read(tmp_path):
    save_file = pytest.importorskip('safetensors.torch').save_file
    save_file(dict(weight=torch.ones(2)), tmp_path / 'a.safetensors')
    assert torch.equal(state_dict_of(read_checkpoint(tmp_path / 'a.safetensors'))['weight'], torch.ones(2))
    (tmp_path / 'b.safetensors').write_bytes((tmp_path / 'a.safetensors').read_bytes()[:-3])
    with pytest.raises(CheckpointError, match='b.safetensors is damaged'):
        read_checkpoint(tmp_path / 'b.safetensors')


def test_what_is_no_checkpoint_is_named(tmp_path):
    whole = tmp_path / 'whole.pth'
    torch.save(mmengine_content(), whole)
    data = whole.read_bytes()
    torch.save(mmengine_content(), tmp_path / 'legacy.pth', **FORMATS['legacy'])
    legacy = (tmp_path / 'legacy.pth').read_bytes()
    with zipfile.ZipFile(tmp_path / 'other.zip', 'w') as archive:
        archive.writestr('readme.txt', 'hello')
    cases = dict(empty=(b'', r'is empty \(0 bytes\)'),
                 text=(b'epoch,loss\n1,2\n', "is not a checkpoint: it begins with b'epoch,loss"),
                 truncated=(data[:len(data) // 2], r'is cut off or damaged.*\d+ bytes'),
                 stump=(data[:10], 'is cut off or damaged'),
                 legacy_stump=(legacy[:40], 'is damaged or not a checkpoint'),
                 legacy_cut=(legacy[:-9], 'is damaged or not a checkpoint'),
                 zip=((tmp_path / 'other.zip').read_bytes(), 'is a zip archive, but not one of torch.save'))
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=f'{name} {message}'):
            read_checkpoint(tmp_path / name)
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(CheckpointError, match='holds a list and not a dict'):
        read_checkpoint(tmp_path / 'list.pth')
    with pytest.raises(FileNotFoundError, match='there is no checkpoint .*missing.pth'):
        read_checkpoint(tmp_path / 'missing.pth')


@pytest.mark.parametrize('scheme', ['https', 'http', 'file', 's3', 'petrel', 'torchvision', 'openmmlab'])
def test_nothing_is_downloaded(scheme):
    with pytest.raises(FileNotFoundError,
                       match='is not read: .*Download it, compare its SHA-256 .* local file'):
        read_checkpoint(f'{scheme}://somewhere/model.pth')


def test_changed_weights_are_noticed(tmp_path):
    """torch reads them as they are."""
    weights = torch.arange(1000.)
    torch.save(dict(weights=weights), tmp_path / 'whole.pth')
    data = bytearray((tmp_path / 'whole.pth').read_bytes())
    place = data.index(weights.numpy().tobytes())
    data[place:place + 512] = bytes(512)
    (tmp_path / 'changed.pth').write_bytes(data)
    torch.load(tmp_path / 'changed.pth')
    with pytest.raises(CheckpointError,
                       match=r'changed.pth is damaged: \S+/data/0 in it is not what was written'):
        read_checkpoint(tmp_path / 'changed.pth')


def test_files_without_checksums_are_read(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(dict(weights=torch.ones(3)), tmp_path / 'unchecked.pth')
    finally:
        torch.serialization.set_crc32_options(True)
    assert read_checkpoint(tmp_path / 'unchecked.pth')['weights'].tolist() == [1, 1, 1]


# -- writing -------------------------------------------------------------------------------------------------
# ------------


def test_what_is_written_loads_with_weights_only(tmp_path):
    content, config = mmengine_content(), Config(dict(a=1))._cfg_dict
    content['extra'].update(text=np.str_('t'), flag=np.bool_(True), odd=object(), config=config, pair=(1, 2.))
    content['message_hub']['log_scalars'] = {}
    write_checkpoint(content, tmp_path / 'a.pth')
    loaded = torch.load(tmp_path / 'a.pth', weights_only=True)
    assert loaded['meta']['seed'] == 3
    assert loaded['extra']['unknown'] == 'somewhere'
    assert loaded['extra']['text'] == 't' and loaded['extra']['flag'] is True
    assert loaded['extra']['config'] == dict(a=1)
    assert loaded['extra']['pair'] == (1, 2.)
    assert torch.equal(loaded['extra']['array'], torch.arange(6).reshape(2, 3))
    assert 'odd' not in loaded['extra']
    assert loaded['state_dict']._metadata == content['state_dict']._metadata


def test_what_is_left_out_is_named():
    content, dropped = plain(dict(hooks=[dict(function=plain, value=1)]))
    assert content == dict(hooks=[dict(value=1)])
    assert dropped == ["hooks[0]['function'] (function)"]


def test_a_failing_write_leaves_the_old_file(tmp_path):
    path = tmp_path / 'a.pth'
    write_checkpoint(dict(state_dict=dict(weight=torch.ones(2))), path)
    before = path.read_bytes()
    child = os.fork()
    if not child:
        import resource
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        write_checkpoint(dict(state_dict=dict(weight=torch.ones(5000))), path)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGXFSZ
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2, 'the old file and a partial one'
    remove_partial_files(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_while_writing_leaves_nothing(tmp_path):
    (tmp_path / 'a.pth').mkdir()
    with pytest.raises(OSError):
        write_checkpoint(dict(weight=torch.ones(2)), tmp_path / 'a.pth')
    assert [path.name for path in tmp_path.iterdir()] == ['a.pth']


# -- the newest
# ----------------------------------------------------------------------------------------------------------


def make_run(folder, numbers, pointer=None):
    for age, number in enumerate(numbers):
        path = folder / f'epoch_{number}.pth'
        write_checkpoint(dict(state_dict=dict(weight=torch.ones(2))), path)
        os.utime(path, ns=(age * 10**9, age * 10**9))
    if pointer is not None:
        (folder / 'last_checkpoint').write_text(f'/elsewhere/epoch_{pointer}.pth')


@pytest.mark.parametrize('numbers, pointer, newest', [
    ([1, 2, 10], 10, 10), ([1, 2, 10], None, 10),
    ([1, 2, 3], 2, 3),  # killed before the note of the third
    ([9, 10, 1, 2], 2, 2),  # an older run went further
    ([10, 9], 10, 10),  # copied in another order
    ([1, 2], 5, 2),  # the noted one was deleted
    ([], None, None)])
def test_the_newest_checkpoint(tmp_path, numbers, pointer, newest):
    make_run(tmp_path, numbers, pointer)
    (tmp_path / 'best_auroc_epoch_99.pth').write_bytes(b'not one to resume from')
    expected = newest and str(tmp_path / f'epoch_{newest}.pth')
    assert newest_checkpoint(tmp_path) == expected


def test_broken_files_are_passed_over(tmp_path):
    make_run(tmp_path, [1, 2, 3, 4], 4)
    (tmp_path / 'epoch_4.pth').write_bytes((tmp_path / 'epoch_4.pth').read_bytes()[:500])
    (tmp_path / 'epoch_3.pth').write_bytes(b'')
    assert newest_checkpoint(tmp_path) == str(tmp_path / 'epoch_2.pth')


# -- loading -------------------------------------------------------------------------------------------------
# ------------


class Head(nn.Linear):
    """Three classes and a margin."""

    num_classes, class_names, margin = 3, None, 0.5

    def set_class_names(self, names):
        if len(names) != self.num_classes:
            raise ValueError(f'{len(names)} names')
        self.class_names = tuple(names)


class Net(nn.Module):

    def __init__(self, width=4, layers=2):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.head = Head(width, 3)


def meta_for(arch):
    cfg = Config(
        dict(model=dict(type='Net', backbone=dict(type='FAN', arch=arch, depths=(3, 3)), margin=-1.5),
             lr=0.1))
    return dict(experiment_name=f'changenet_{arch}_20260102_030405', cfg=cfg.pretty_text)


def test_weights_that_fit_are_loaded():
    source, target = Net(), Net()
    weights = OrderedDict((f'module.{name}', value) for name, value in source.state_dict().items())
    load_weights(target, state_dict_of(dict(state_dict=weights)), 'a.pth')
    assert all(torch.equal(value, target.state_dict()[name]) for name, value in source.state_dict().items())


def test_every_misfit_is_listed_with_the_likely_config():
    weights = Net(layers=14, width=5).state_dict()
    weights['odd'] = 'not a tensor'
    del weights['layers.0.bias'], weights['layers.1.bias']
    here = Config(
        dict(model=dict(
            type='Net', backbone=dict(type='FAN', arch='small', depths=(3, 3), extra=1), margin=-1.5)))
    with pytest.raises(CheckpointError) as caught:
        load_weights(Net(), weights, 'work_dirs/a.pth', meta_for('base'), here)
    assert str(caught.value).split('\n  ') == [
        'work_dirs/a.pth does not fit the network of this config:',
        'missing in the file (2): layers.0.bias, layers.1.bias',
        'unknown to the network (25): ' + ', '.join(f'layers.{i}.{kind}' for i in range(2, 7)
                                                    for kind in ('weight', 'bias')) + ', and 15 more',
        'of another shape (3): layers.0.weight [5, 5] in the file, [4, 4] in the network, layers.1.weight '
        '[5, 5] in the file, '
        '[4, 4] in the network, head.weight [3, 5] in the file, [3, 4] in the network',
        'It was trained as changenet_base_20260102_030405: use the config changenet_base.',
        'Where that config differs from this one:', "  model.backbone.arch: 'base' there, 'small' here",
        '  model.backbone.extra: not set there, 1 here'
    ]


def test_a_dumped_config_is_never_run(tmp_path):
    witness = tmp_path / 'witness'
    meta = dict(cfg=f'import os\nos.system("touch {witness}")\nmodel = dict(a=os.system("touch {witness}"))')
    with pytest.raises(CheckpointError, match='model.a: .*os.system'):
        load_weights(Net(), Net(layers=3).state_dict(), 'a.pth', meta, dict(model=dict(a=1)))
    assert not witness.exists()


def test_a_start_takes_what_fits_and_lists_the_rest():
    source, target = Net(layers=3), Net(layers=2)
    weights = source.state_dict()
    weights['head.weight'] = torch.ones(2, 4)
    del weights['layers.0.bias']
    before = target.layers[0].bias.clone()
    missing, unexpected, misshapen = load_fitting_weights(target, weights, 'a.pth')
    assert missing == ['layers.0.bias']
    assert unexpected == ['layers.2.weight', 'layers.2.bias']
    assert misshapen == ['head.weight [2, 4] in the file, [3, 4] in the network']
    assert torch.equal(target.layers[1].weight, source.layers[1].weight)
    assert torch.equal(target.layers[0].bias, before)
    with pytest.raises(CheckpointError, match='nothing in b.pth fits'):
        load_fitting_weights(target, dict(other=torch.ones(2)), 'b.pth')


def test_a_file_without_weights_is_an_error():
    for checkpoint in ({}, dict(meta={}), dict(state_dict={}), dict(state_dict=3)):
        with pytest.raises(CheckpointError, match='no weights in the checkpoint'):
            state_dict_of(checkpoint)


def test_modules_may_adapt_weights_while_loading():
    net = Net()
    net.head.register_load_state_dict_pre_hook(
        lambda module, state, prefix, *_: state.update({f'{prefix}weight': state[f'{prefix}weight'][:3]}))
    weights = net.state_dict()
    weights['head.weight'] = torch.ones(7, 4)
    load_weights(net, weights, 'a.pth')
    assert torch.equal(net.head.weight, torch.ones(3, 4))


def test_scoring_takes_class_names_and_threshold_along(tmp_path):
    names = ('PASS', 'bridge', 'missing')
    write_checkpoint(
        dict(state_dict=Net().state_dict(),
             meta=dict(dataset_meta=dict(classes=names), threshold=dict(value=0.75))), tmp_path / 'a.pth')
    net = Net()
    load_for_scoring(net, tmp_path / 'a.pth')
    assert (net.head.class_names, net.head.margin) == (names, 0.75)

    with pytest.raises(
            CheckpointError,
            match='trained with the classes PASS, bridge, missing, but the config says PASS, a, b'):
        net.head.set_class_names(('PASS', 'a', 'b'))
        load_for_scoring(net, tmp_path / 'a.pth')


def test_class_names_have_to_fit_the_head():
    with pytest.raises(CheckpointError, match='a.pth: 2 names'):
        adopt_class_names(Net(), dict(dataset_meta=dict(classes=['PASS', 'FAIL'])), 'a.pth')


def test_networks_without_a_head_are_left_alone():
    for model in (nn.Linear(2, 2), nn.Sequential(OrderedDict(head=nn.Linear(2, 2)))):
        adopt_class_names(model, dict(dataset_meta=dict(classes=['PASS', 'a', 'b'])), 'a.pth')
        adopt_threshold(model, dict(threshold=dict(value=0.75)), 'a.pth')


def test_a_file_that_unpacks_to_much_more_than_its_size_is_refused_unread(tmp_path):
    path = tmp_path / 'bomb.pth'
    torch.save(dict(state_dict=dict(weight=torch.zeros(20 << 20))), tmp_path / 'plain.pth')
    with zipfile.ZipFile(tmp_path / 'plain.pth') as plain, zipfile.ZipFile(path, 'w',
                                                                           zipfile.ZIP_DEFLATED) as packed:
        for record in plain.infolist():
            packed.writestr(record.filename, plain.read(record))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(CheckpointError,
                       match=r'bomb.pth has \d+ bytes and unpacks to \d+: no more than 4 times its size'):
        read_checkpoint(path)


@pytest.mark.parametrize('meta', [[1], 'text', 3, torch.zeros(2)])
def test_meta_that_is_no_dict_is_one_message(tmp_path, meta):
    torch.save(dict(meta=meta, state_dict=dict(weight=torch.zeros(1))), tmp_path / 'file.pth')
    with pytest.raises(CheckpointError, match='file.pth: its meta is a .* and not a dict'):
        read_checkpoint(tmp_path / 'file.pth')


@pytest.mark.parametrize('metadata', [[1], dict(head=3), 'text'])
def test_metadata_that_is_no_dict_of_dicts_is_one_message(tmp_path, metadata):
    weights = OrderedDict(weight=torch.zeros(1))
    weights._metadata = metadata
    torch.save(dict(state_dict=weights), tmp_path / 'file.pth')
    with pytest.raises(CheckpointError, match='_metadata of state_dict is not a dict of dicts'):
        read_checkpoint(tmp_path / 'file.pth')


def test_a_mask_that_is_infinite_in_the_network_may_be_so_in_the_file():
    model = nn.Linear(2, 2)
    model.register_buffer('mask', torch.full((2, 2), -math.inf).triu(1))
    load_weights(model, model.state_dict(), 'file.pth')
    weights = model.state_dict()
    weights['bias'] = torch.tensor([0.0, math.nan])
    with pytest.raises(CheckpointError, match='file.pth has values that are no finite numbers, in bias'):
        load_weights(model, weights, 'file.pth')
    with pytest.raises(CheckpointError, match='in bias'):
        load_fitting_weights(model, weights, 'file.pth')


def test_a_full_disk_is_a_message_with_the_path(tmp_path):
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
        with pytest.raises(CheckpointNotWritten,
                           match=r'model.pth cannot be written: .*File too large.* MiB are free'):
            write_checkpoint(dict(weight=torch.zeros(10000)), tmp_path / 'model.pth')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not list(tmp_path.iterdir())
