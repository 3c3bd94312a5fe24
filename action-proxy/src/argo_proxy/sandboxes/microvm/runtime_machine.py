"""A microVM of one ordinary language runtime: what a NIUk is compared with, and a wall for code nobody trusts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.sandboxes.microvm.qemu import Accelerator, Machine, command_line
from argo_proxy.sandboxes.niuk.launching import HostProcess, spawn

_ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
_LONGEST_HEAD = 64 * 1024
_LENGTH = b"content-length:"


class RuntimeMachineError(Exception):
    """The machine ended, or what answers in it speaks no HTTP."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The launcher's answer to a POST."""

    status: int
    body: bytes


class RuntimeMachine:
    """A running machine. Start it with `start_runtime`; its launcher answers /init and /run, one request at a time."""

    def __init__(self, host: HostProcess, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer

    @property
    def pid(self) -> int:
        """The VMM's process on this machine."""
        return self._host.pid

    async def post(self, path: str, body: bytes, *, seconds: float) -> Reply:
        """POST to the launcher; what is sent before the guest listens waits for it.

        Raises RuntimeMachineError, TimeoutError.
        """
        fields = f"Host: guest\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        head = f"POST {path} HTTP/1.1\r\n{fields}\r\n"
        try:
            async with asyncio.timeout(seconds):
                self._writer.write(head.encode() + body)
                await self._writer.drain()
                return await self._reply()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise RuntimeMachineError(f"no answer from the guest: {error}: {self._host.last_words}") from error

    async def _reply(self) -> Reply:
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, *fields = head.lower().split(b"\r\n")
        length = next((field for field in fields if field.startswith(_LENGTH)), None)
        if length is None or not status.startswith(b"http/1.1 "):
            raise RuntimeMachineError(f"the guest answered {head[:80]!r}")
        body = await self._reader.readexactly(int(length.removeprefix(_LENGTH)))
        return Reply(int(status.split()[1]), body)

    async def destroy(self) -> None:
        """End the machine. Idempotent."""
        self._writer.close()
        await self._host.end()


async def start_runtime(kernel: Path, image: Path, accelerator: Accelerator, *, memory_mb: int) -> RuntimeMachine:
    """Power a machine on; it is still booting when this returns. Raises OSError."""
    ours, theirs = socket.socketpair()
    with contextlib.closing(theirs):
        machine = Machine(kernel, image, theirs.fileno(), accelerator, memory_mb=memory_mb)
        try:
            host = HostProcess(await spawn(tuple(command_line(machine)), _ENVIRONMENT, theirs), lambda: None, None)
        except BaseException:
            ours.close()
            raise
    ours.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours, limit=_LONGEST_HEAD)
    return RuntimeMachine(host, reader, writer)
