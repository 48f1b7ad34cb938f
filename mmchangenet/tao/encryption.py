"""Files under a passphrase: AES-256-GCM with a key from scrypt. This is our own container, not the toolkit's.

``magic (8 bytes) | log2 of scrypt's n (1) | salt (16) | nonce (12) | ciphertext and tag``
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmchangenet.files import replacing

MAGIC = b'MMCNETL1'
LOG_N, BLOCK, PARALLEL = 15, 8, 1  # scrypt: 32 MB, about a tenth of a second
MOST_LOG_N = 20
SALT, NONCE = 16, 12
ENDING = '.etlt'


class EncryptionError(ValueError):
    """A file is not one of ours, was changed, or the passphrase is another one."""


def write_encrypted(content: bytes, file: str | Path, passphrase: str) -> None:
    """Write a file, whole or not at all.

    Args:
        content: what it holds.
        file: where to.
        passphrase: what it takes to read it.

    Raises:
        ImportError: when the package cryptography is not installed.
    """
    salt, nonce = os.urandom(SALT), os.urandom(NONCE)
    header = MAGIC + bytes([LOG_N]) + salt + nonce
    sealed = _cipher(passphrase, salt, LOG_N).encrypt(nonce, content, header)
    with replacing(file) as stream:
        stream.write(header + sealed)


def read_encrypted(file: str | Path, passphrase: str) -> bytes:
    """The content of a file that ``write_encrypted`` wrote.

    Args:
        file: the file.
        passphrase: the one that it was written with.

    Returns:
        Its content.

    Raises:
        EncryptionError: when it is no such file, was changed, or the passphrase is wrong.
        ImportError: when the package cryptography is not installed.
    """
    with open(file, 'rb') as stream:
        data = stream.read()
    start = len(MAGIC) + 1 + SALT + NONCE
    if not data.startswith(MAGIC) or len(data) < start or data[len(MAGIC)] > MOST_LOG_N:
        raise EncryptionError(f'{file} was not encrypted by this project; containers of the toolkit cannot '
                              'be read here')
    header, log_n = data[:start], data[len(MAGIC)]
    salt, nonce = header[len(MAGIC) + 1:-NONCE], header[-NONCE:]
    cipher = _cipher(passphrase, salt, log_n)
    from cryptography.exceptions import InvalidTag
    try:
        return cipher.decrypt(nonce, data[start:], header)
    except InvalidTag as error:
        raise EncryptionError(
            f'{file} cannot be decrypted: the key is another one, or the file was changed') from error


def _cipher(passphrase: str, salt: bytes, log_n: int) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    except ImportError as error:
        raise ImportError(
            "encryption needs the package cryptography: pip install 'mmchangenet[optional]'") from error
    return AESGCM(Scrypt(salt=salt, length=32, n=2**log_n, r=BLOCK, p=PARALLEL).derive(passphrase.encode()))
