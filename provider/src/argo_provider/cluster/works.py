"""Invocations on their way to a node. The same few executables come again and again: each is written and read once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from argo_provider.cluster import messages
from argo_provider.cluster.messages import Work
from argo_provider.storage.cache import IdentityCache, LruCache
from argo_proxy.protocol.messages import Executable, Invocation

_KEPT_BYTES = 8 * 1024 * 1024
_EXTRA_BYTES = 1024  # that one takes beside its text


class _Invocation(msgspec.Struct):
    """As `Invocation`, its executable as it goes over the bus."""

    activation_id: str
    transaction_id: str
    executable: msgspec.Raw
    arguments: dict[str, Any] | list[Any]
    api_key: str | None = None


class _Work(msgspec.Struct):
    """As `Work`."""

    invocation: _Invocation
    attempt: int
    replica: str
    journaled: bool = False


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[_Work])


class WorkWriter:
    """The replica's side. Executables are known by who they are: the same one comes with nearly every invocation."""

    def __init__(self) -> None:
        self._written: IdentityCache[Executable, msgspec.Raw] = IdentityCache(_KEPT_BYTES)

    def write(self, invocation: Invocation, attempt: int, replica: str, *, journaled: bool) -> bytes:
        """A `Work`, encoded."""
        arguments = invocation.arguments
        sent = _Invocation(
            invocation.activation_id,
            invocation.transaction_id,
            self._executable(invocation.executable),
            dict(arguments) if isinstance(arguments, Mapping) else arguments,
            invocation.api_key,
        )
        return _encoder.encode(_Work(sent, attempt, replica, journaled))

    def _executable(self, executable: Executable) -> msgspec.Raw:
        written = self._written.get(executable)
        if written is None:
            text = messages.encode(executable)
            written = msgspec.Raw(text)
            self._written.put(executable, written, len(text) + _EXTRA_BYTES)
        return written


class WorkReader:
    """The node's side. Executables are known by their bytes."""

    def __init__(self) -> None:
        self._read: LruCache[bytes, Executable] = LruCache(_KEPT_BYTES)

    def read(self, content: bytes, now: float) -> list[Work]:
        """The works of a message, accepted `now` (monotonic seconds). ValueError for what is no such message."""
        return [
            Work(self._invocation(work.invocation, now), work.attempt, work.replica, work.journaled)
            for work in _decoder.decode(content)
        ]

    def _invocation(self, sent: _Invocation, now: float) -> Invocation:
        executable = self._executable(bytes(sent.executable))
        return Invocation(sent.activation_id, sent.transaction_id, executable, sent.arguments, sent.api_key, now)

    def _executable(self, written: bytes) -> Executable:
        executable = self._read.get(written)
        if executable is None:
            executable = messages.decode(written, Executable)
            self._read.put(written, executable, 2 * len(written) + _EXTRA_BYTES)
        return executable
