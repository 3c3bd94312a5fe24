"""Secrets at rest: columns whose text or bytes are encrypted where the operator gave a key.

AES-256-GCM with a fresh nonce a value. What is stored names the key it was sealed under, so keys can be changed: the
first of the list seals, all of them open, and values that were written without a key stay readable until their next
write. The seal belongs to the engine's dialect, because column types know nothing else of where they are used.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Dialect, LargeBinary, Text
from sqlalchemy.types import TypeDecorator

from argo_provider.errors import StorageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12
_MARK = b"\x00argo-sealed:"  # no JSON text begins so
_ID_BYTES = 4


class Seal:
    """Encrypts and decrypts; without keys it lets everything through as it is."""

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._keys = {_key_id(key): _cipher(key) for key in keys}
        self._first = next(iter(self._keys), None)

    @property
    def has_keys(self) -> bool:
        return self._first is not None

    @classmethod
    def parse(cls, text: str) -> Seal:
        """Keys in base64, 32 bytes each, white space between. Raises ValueError."""
        keys = []
        for number, word in enumerate(text.split(), 1):
            try:
                key = base64.b64decode(word, validate=True)
            except binascii.Error:
                key = b""
            if len(key) != KEY_BYTES:
                raise ValueError(f"Storage key {number} is not {KEY_BYTES} bytes in base64 (openssl rand -base64 32).")
            keys.append(key)
        return cls(keys)

    def close(self, data: bytes) -> bytes:
        if self._first is None:
            return data
        nonce = os.urandom(_NONCE_BYTES)
        return _MARK + self._first + nonce + self._keys[self._first].encrypt(nonce, data, self._first)

    def open(self, data: bytes) -> bytes:
        """StorageError where the key is not here, or the value was changed."""
        if not data.startswith(_MARK):
            return data
        sealed = data[len(_MARK) :]
        key_id, nonce, body = sealed[:_ID_BYTES], sealed[_ID_BYTES:][:_NONCE_BYTES], sealed[_ID_BYTES + _NONCE_BYTES :]
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # megabytes, where nothing is sealed

        key = self._keys.get(key_id)
        if key is None:
            raise StorageError(
                f"What is stored was sealed with the key {key_id.hex()}, which is not among the keys of this service:"
                " add it to ARGO_SECRETS_STORAGE_KEYS."
            )
        try:
            return key.decrypt(nonce, body, key_id)
        except InvalidTag as error:
            raise StorageError("A stored value is damaged: it does not match its seal.") from error


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"argo-storage-key" + key).digest()[:_ID_BYTES]


OPEN = Seal()


def install(dialect: Dialect, seal: Seal) -> None:
    """Have all columns of this dialect's engine use `seal`; before the first statement."""
    dialect.argo_seal = seal  # type: ignore[attr-defined]


def seals(dialect: Dialect) -> bool:
    """Whether this dialect's values differ from what columns are given."""
    return _seal_of(dialect).has_keys


def _seal_of(dialect: Dialect) -> Seal:
    seal: Seal = getattr(dialect, "argo_seal", OPEN)
    return seal


class SealedBytes(TypeDecorator[bytes]):
    """Bytes that may be a secret."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else _seal_of(dialect).close(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else _seal_of(dialect).open(bytes(value))


class SealedText(TypeDecorator[str]):
    """JSON text that may hold a secret; sealed it is base64 behind a mark, as text columns want it."""

    impl = Text
    cache_ok = True
    _MARK = "argo-sealed:"

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        seal = _seal_of(dialect)
        if value is None or seal is OPEN:
            return value
        sealed = seal.close(value.encode())
        return self._MARK + base64.b64encode(sealed).decode() if sealed.startswith(_MARK) else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or not value.startswith(self._MARK):
            return value
        return _seal_of(dialect).open(base64.b64decode(value[len(self._MARK) :])).decode()
