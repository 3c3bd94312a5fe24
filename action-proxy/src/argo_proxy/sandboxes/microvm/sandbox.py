"""One microVM with an ordinary runtime in it, and what that prints."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from argo_proxy.protocol.channel import StreamsAddress
from argo_proxy.protocol.logs import STDERR, STDOUT, LogCapture
from argo_proxy.sandboxes.conversation import Conversation
from argo_proxy.sandboxes.destruction import Destruction
from argo_proxy.sandboxes.niuk.launching import HostProcess
from argo_proxy.sandboxes.port import Answer, CollectedLogs, Gone, Residence, SandboxKind, SandboxStats
from argo_proxy.sandboxes.printing import Printed
from argo_proxy.sandboxes.process.cgroups import ControlGroup
from argo_proxy.sandboxes.process.proc import stats_of

_END = re.compile(rb"(exit|signal) (\d+)( oom)?\n")
_EXIT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Our ends of a machine's virtio-serial ports, in their order."""

    requests: tuple[socket.socket, ...]
    stdout: socket.socket
    stderr: socket.socket
    status: socket.socket

    def close(self) -> None:
        for stream in (*self.requests, self.stdout, self.stderr, self.status):
            stream.close()


class _Status(asyncio.Protocol):
    """Hands on what the machine says of its launcher's end."""

    def __init__(self, tell: Callable[[bytes], None]) -> None:
        self._tell = tell

    def data_received(self, data: bytes) -> None:
        self._tell(data)


class MicrovmSandbox:
    """A `Sandbox`. Made by `MicrovmDriver.create`; its machine is still booting then, and requests wait for it."""

    kind = SandboxKind.MICROVM

    def __init__(
        self, identity: str, host: HostProcess, ports: Ports, logs: LogCapture, group: ControlGroup | None
    ) -> None:
        self._id = identity
        self._host = host
        self._logs = logs
        self._group = group
        self._turns = asyncio.Semaphore(len(ports.requests))
        self._conversation = Conversation(
            StreamsAddress(list(ports.requests)), logs, seal=_nothing_to_seal, autopsy=self._autopsy
        )
        self._story = b""
        self._transports: list[asyncio.BaseTransport] = []
        self._watch: asyncio.Task[None] | None = None
        self._destruction = Destruction(self._id, self._destroy)

    async def listen(self, ports: Ports, words: bytes) -> None:
        """Give the machine its words and hear what it says; once, before it is handed out. Raises OSError."""
        loop = asyncio.get_running_loop()
        for name, stream in ((STDOUT, ports.stdout), (STDERR, ports.stderr)):
            transport, _ = await loop.create_connection(partial(Printed, self._logs, name), sock=stream)
            self._transports.append(transport)
        status, _ = await loop.create_connection(partial(_Status, self._told), sock=ports.status)
        status.write(words)
        self._transports.append(status)
        self._watch = loop.create_task(self._until_over(), name=f"machine {self._id}")

    @property
    def id(self) -> str:
        return self._id

    @property
    def pid(self) -> int:
        """The VMM's process on this machine."""
        return self._host.pid

    async def init(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        return await self._conversation.init(body, timeout, limit)

    async def run(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        async with self._turns:
            return await self._conversation.run(body, timeout, limit)

    async def collect_logs(self, *, limit: int, wait: float) -> CollectedLogs:
        return await self._conversation.collect(limit=limit, wait=wait)

    async def stats(self) -> SandboxStats:
        """Of the VMM with its guest."""
        return await stats_of(self._group, self.pid)

    async def residence(self) -> Residence | None:
        return None if self._group is None else Residence([self.pid], self._group.memory_folder)

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        self._conversation.on_exit(callback)

    async def destroy(self) -> None:
        await self._destruction.ended()

    def _told(self, data: bytes) -> None:
        self._story = (self._story + data)[:256]
        if _END.match(self._story):
            self._over()

    def _over(self) -> None:
        for stream in (STDOUT, STDERR):
            self._logs.end(stream)
        self._conversation.ended()

    async def _until_over(self) -> None:
        while not await self._host.wait(seconds=3600):
            pass
        self._over()

    async def _autopsy(self) -> Gone:
        end = _END.match(self._story)
        out_of_memory = await asyncio.to_thread(self._host.out_of_memory)
        if end is None:
            return Gone(out_of_memory=out_of_memory, exit_code=self._host.exit_code)
        number = int(end[2])
        code = number if end[1] == b"exit" else -number
        return Gone(out_of_memory=out_of_memory or end[3] is not None, exit_code=code)

    async def _destroy(self) -> None:
        self._conversation.close()
        await self._host.end()
        if self._watch is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EXIT_SECONDS):
                    await self._watch
        for transport in self._transports:
            transport.close()


async def _nothing_to_seal() -> None:
    """The guest shares no folder with this machine."""
