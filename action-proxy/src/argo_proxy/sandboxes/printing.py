"""What a sandbox prints, where it comes over sockets instead of pipes."""

from __future__ import annotations

import asyncio

from argo_proxy.protocol.logs import LogCapture


class Printed(asyncio.Protocol):
    """Feeds one stream of a sandbox into its logs, to its end."""

    def __init__(self, logs: LogCapture, stream: str) -> None:
        self._logs = logs
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        self._logs.feed(self._stream, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._logs.end(self._stream)
