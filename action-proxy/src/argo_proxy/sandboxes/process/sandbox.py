"""One confined process, the runtime in it, and what it prints."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from argo_proxy.protocol.channel import UnixAddress
from argo_proxy.protocol.logs import STDERR, STDOUT, LogCapture
from argo_proxy.sandboxes.conversation import Conversation
from argo_proxy.sandboxes.destruction import Destruction
from argo_proxy.sandboxes.folders import SandboxFolder
from argo_proxy.sandboxes.port import Answer, CollectedLogs, Gone, Residence, SandboxKind, SandboxStats
from argo_proxy.sandboxes.process.cgroups import ControlGroup
from argo_proxy.sandboxes.process.proc import stats_of
from argo_proxy.sandboxes.process.resizing import MemoryLimits, resize
from argo_proxy.sandboxes.process.spawning import Spawned

_EXIT_SECONDS = 3.0


class ProcessEvents(asyncio.SubprocessProtocol):
    """What the event loop tells of a process: its output goes to the log capture, its end to `on_end`."""

    def __init__(self, logs: LogCapture) -> None:
        self._logs = logs
        self._ended = False
        self._on_end: Callable[[], None] | None = None

    def tell(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        if self._ended:
            on_end()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._logs.feed(STDOUT if fd == 1 else STDERR, data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd > 0:
            self._logs.end(STDOUT if fd == 1 else STDERR)

    def process_exited(self) -> None:
        self._ended = True
        if self._on_end is not None:
            self._on_end()


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a sandbox holds of this machine besides its process."""

    folder: SandboxFolder
    group: ControlGroup | None
    release: Callable[[], None]  # gives the user id back
    open_network: Callable[[], None] | None = None  # where its user was held to some networks

    def free(self) -> bool:
        """Remove the group with all that still runs in it, and the folder. Blocks. False if something would not end."""
        ended = self.group is None or self.group.destroy(within=_EXIT_SECONDS)
        if self.open_network is not None:
            self.open_network()
        self.folder.remove()
        return ended


class ProcessSandbox:
    """A `Sandbox`. Made by `ProcessDriver.create`, with its process already running."""

    kind = SandboxKind.PROCESS

    def __init__(
        self,
        identity: str,
        process: tuple[Spawned, ProcessEvents],
        logs: LogCapture,
        holdings: Holdings,
        limits: Callable[[int], MemoryLimits],
    ) -> None:
        """`limits`: what follows from so many MB of memory."""
        self._id = identity
        self._limits = limits
        self._resized: MemoryLimits | None = None  # what it is to have before any user code comes
        self._process, events = process
        self._holdings = holdings
        address = UnixAddress(holdings.folder.socket)
        self._conversation = Conversation(address, logs, seal=self._seal, autopsy=self._autopsy)
        self._destruction = Destruction(self._id, self._destroy)
        events.tell(self._conversation.ended)

    @property
    def id(self) -> str:
        return self._id

    @property
    def pid(self) -> int:
        """The outermost process on this machine; its end is the end of all in the sandbox."""
        return self._process.pid

    def resize(self, memory_mb: int) -> None:
        self._resized = self._limits(memory_mb)

    async def init(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        return await self._conversation.init(body, timeout, limit)

    def run(self, body: bytes, *, timeout: float, limit: int) -> Coroutine[Any, Any, Answer]:
        return self._conversation.run(body, timeout, limit)

    def collect_logs(self, *, limit: int, wait: float) -> Coroutine[Any, Any, CollectedLogs]:
        return self._conversation.collect(limit=limit, wait=wait)

    async def recorded(self, *, limit: int) -> bytes:
        return await self._conversation.recorded(limit)

    async def stats(self) -> SandboxStats:
        return await stats_of(self._holdings.group, self.pid)

    async def residence(self) -> Residence | None:
        group = self._holdings.group
        return None if group is None else Residence(group.processes(), group.memory_folder)

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        self._conversation.on_exit(callback)

    async def destroy(self) -> None:
        await self._destruction.ended()

    async def _seal(self) -> None:
        await asyncio.to_thread(self._make_final)

    def _make_final(self) -> None:
        holdings = self._holdings
        if self._resized is not None and holdings.group is not None:
            resize(holdings.group, holdings.folder, self._resized)
        holdings.folder.seal()

    async def _autopsy(self) -> Gone:
        group = self._holdings.group
        out_of_memory = group is not None and await asyncio.to_thread(group.out_of_memory)
        return Gone(out_of_memory=out_of_memory, exit_code=self._process.returncode)

    async def _destroy(self) -> None:
        self._conversation.close()
        if not self._conversation.is_over:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._conversation.until_over(_EXIT_SECONDS)
        freed = await asyncio.to_thread(self._holdings.free)
        self._process.close()
        if freed:
            self._holdings.release()
