"""Files under a passphrase."""

from pathlib import Path

import pytest

from mmchangenet.tao.encryption import EncryptionError, read_encrypted, write_encrypted


@pytest.fixture
def file(tmp_path):
    write_encrypted(b'a network', tmp_path / 'net.etlt', 'pass phrase')
    return tmp_path / 'net.etlt'


def test_there_and_back(file):
    assert read_encrypted(file, 'pass phrase') == b'a network'
    assert b'network' not in file.read_bytes()


def test_equal_contents_are_not_seen_to_be_equal(file):
    first = file.read_bytes()
    write_encrypted(b'a network', file, 'pass phrase')
    assert file.read_bytes() != first


def test_another_key(file):
    with pytest.raises(EncryptionError, match='the key is another one'):
        read_encrypted(file, 'Pass phrase')


@pytest.mark.parametrize('place', [10, 30, 40, -1])
def test_a_changed_byte(file, place):
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    with pytest.raises(EncryptionError, match='or the file was changed'):
        read_encrypted(file, 'pass phrase')


@pytest.mark.parametrize(
    'content', [b'', b'something long enough to be looked at', b'MMCNETL1', b'MMCNETL1' + b'\xff' * 60])
def test_other_files(tmp_path: Path, content):
    (tmp_path / 'other.etlt').write_bytes(content)
    with pytest.raises(EncryptionError, match='containers of the toolkit cannot be read here'):
        read_encrypted(tmp_path / 'other.etlt', 'key')
