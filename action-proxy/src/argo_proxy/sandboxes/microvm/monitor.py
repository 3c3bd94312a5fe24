"""QEMU's monitor protocol, as much of it as saving a machine takes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from argo_proxy import jsontext

_LONGEST_LINE = 1 << 20


class MonitorError(Exception):
    """QEMU refused a command, or ended."""


class Monitor:
    """One connection to a QEMU. Open it with `open_monitor`."""

    def __init__(self, stream: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._stream = stream
        self._reader = reader
        self._writer = writer

    async def greet(self) -> None:
        """The handshake, once."""
        await self._read()
        await self.execute("qmp_capabilities")

    async def execute(self, command: str, **arguments: Any) -> Any:
        """The command's return value. Raises MonitorError. The caller limits the time."""
        self._writer.write(jsontext.encode({"execute": command, "arguments": arguments}) + b"\n")
        await self._writer.drain()
        while True:
            answer = await self._read()
            if "error" in answer:
                raise MonitorError(f"{command}: {answer['error'].get('desc', answer['error'])}")
            if "return" in answer:
                return answer["return"]

    async def pass_descriptor(self, name: str, stream: socket.socket) -> None:
        """Hand `stream` to QEMU, which knows it as `fd:name` from then on."""
        message = jsontext.encode({"execute": "getfd", "arguments": {"fdname": name}}) + b"\n"
        await asyncio.to_thread(socket.send_fds, self._stream, [message], [stream.fileno()])
        while "return" not in (answer := await self._read()):
            if "error" in answer:
                raise MonitorError(f"getfd: {answer['error'].get('desc', answer['error'])}")

    async def _read(self) -> dict[str, Any]:
        try:
            line = await self._reader.readline()
            answer = jsontext.decode(line)
        except (OSError, ValueError) as error:
            raise MonitorError(f"QEMU ended, or speaks no QMP: {error}") from error
        if not isinstance(answer, dict):
            raise MonitorError("QEMU speaks no QMP")
        return answer

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def open_monitor(stream: socket.socket) -> AsyncIterator[Monitor]:
    """Greet the QEMU behind `stream`, and close it in the end. Raises OSError, MonitorError.

    The caller limits the time.
    """
    stream.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=stream, limit=_LONGEST_LINE)
    monitor = Monitor(stream, reader, writer)
    try:
        await monitor.greet()
        yield monitor
    finally:
        await monitor.close()
