"""The engine's multiplexed stream of a container's output: frames of an 8-byte header and up to 4 GiB of text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from argo_proxy.protocol.logs import STDERR, STDOUT, LogCapture

_HEADER_BYTES = 8
_STREAMS = {1: STDOUT, 2: STDERR}


class FrameSplitter:
    """Takes the frames apart, handing text on as it comes: no frame is ever held whole. Pure but for `emit`."""

    __slots__ = ("_emit", "_header", "_left", "_stream")

    def __init__(self, emit: Callable[[str, bytes], None]) -> None:
        self._emit = emit
        self._header = b""
        self._left = 0
        self._stream = STDOUT

    def feed(self, data: bytes) -> None:
        while data:
            data = self._text(data) if self._left else self._head(data)

    def _text(self, data: bytes) -> bytes:
        part, rest = data[: self._left], data[self._left :]
        self._left -= len(part)
        self._emit(self._stream, part)
        return rest

    def _head(self, data: bytes) -> bytes:
        missing = _HEADER_BYTES - len(self._header)
        self._header += data[:missing]
        if len(self._header) == _HEADER_BYTES:
            self._stream = _STREAMS.get(self._header[0], STDOUT)
            self._left = int.from_bytes(self._header[4:], "big")
            self._header = b""
        return data[missing:]


class OutputReader(asyncio.Protocol):
    """Feeds a log capture from the engine, and tells when the engine ends the stream."""

    def __init__(self, logs: LogCapture) -> None:
        self._logs = logs
        self._ended = False
        self._on_end: Callable[[], None] | None = None
        self._frames = FrameSplitter(logs.feed)

    def tell(self, on_end: Callable[[], None]) -> None:
        """`on_end` is called once: when the stream ends, or at once if it has ended."""
        self._on_end = on_end
        if self._ended:
            on_end()

    def data_received(self, data: bytes) -> None:
        self._frames.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._logs.end(STDOUT)
        self._logs.end(STDERR)
        self._ended = True
        if self._on_end is not None:
            self._on_end()
