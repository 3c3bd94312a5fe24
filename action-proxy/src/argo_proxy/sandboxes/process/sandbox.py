"""One confined process, the channel to the runtime in it, and what it prints."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from argo_proxy.protocol.channel import RuntimeChannel, UnixAddress
from argo_proxy.protocol.logs import STDERR, STDOUT, LogCapture
from argo_proxy.sandboxes.port import Answer, CollectedLogs, Gone, SandboxKind, SandboxStats, TimedOut
from argo_proxy.sandboxes.process.cgroups import ControlGroup
from argo_proxy.sandboxes.process.confinement import SOCKET_NAME
from argo_proxy.sandboxes.process.proc import tree_stats

_EXIT_SECONDS = 3.0
_LAST_WORDS_SECONDS = 0.5


class ProcessEvents(asyncio.SubprocessProtocol):
    """What the event loop tells of a process: its output goes to the log capture, its end to `ended`."""

    def __init__(self, logs: LogCapture) -> None:
        self._logs = logs
        self.ended = asyncio.Event()
        self.on_end: Callable[[], None] | None = None

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._logs.feed(STDOUT if fd == 1 else STDERR, data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd > 0:
            self._logs.end(STDOUT if fd == 1 else STDERR)

    def process_exited(self) -> None:
        self.ended.set()
        if self.on_end is not None:
            self.on_end()


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a sandbox holds of this machine besides its process."""

    folder: Path  # its own, with the socket folder in it
    socket_folder: Path
    group: ControlGroup | None
    release: Callable[[], None]  # gives the user id back


class ProcessSandbox:
    """A `Sandbox`. Made by `ProcessDriver.create`, with its process already running."""

    kind = SandboxKind.PROCESS

    def __init__(
        self,
        identity: str,
        transport: asyncio.SubprocessTransport,
        events: ProcessEvents,
        logs: LogCapture,
        holdings: Holdings,
    ) -> None:
        self._id = identity
        self._transport = transport
        self._events = events
        self._logs = logs
        self._holdings = holdings
        self._channel = RuntimeChannel(UnixAddress(holdings.socket_folder / SOCKET_NAME))
        self._in_flight = 0
        self._sealed = False
        self._exit_callback: Callable[[Gone], None] | None = None
        self._destruction: asyncio.Task[None] | None = None
        events.on_end = self._ended
        if events.ended.is_set():
            self._ended()

    @property
    def id(self) -> str:
        return self._id

    @property
    def pid(self) -> int:
        return self._transport.get_pid()

    async def init(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        return await self._post("/init", body, timeout, limit)

    async def run(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        self._logs.run_started()
        return await self._post("/run", body, timeout, limit)

    async def collect_logs(self, *, limit: int, wait: float) -> CollectedLogs:
        return await self._logs.collect(limit=limit, wait=wait)

    async def stats(self) -> SandboxStats:
        group = self._holdings.group
        if group is None:
            return await asyncio.to_thread(tree_stats, self.pid)
        return await asyncio.to_thread(lambda: SandboxStats(group.memory_bytes(), group.cpu_seconds(), group.pids()))

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        self._exit_callback = callback

    async def destroy(self) -> None:
        if self._destruction is None:
            self._destruction = asyncio.get_running_loop().create_task(self._destroy(), name=f"destroy {self._id}")
        await asyncio.shield(self._destruction)

    async def _post(self, path: str, body: bytes, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        self._in_flight += 1
        try:
            if not self._sealed:
                began = asyncio.get_running_loop().time()
                if not await self._seal(timeout):
                    return await self._explain(Gone(sent=False) if self._events.ended.is_set() else TimedOut())
                timeout -= asyncio.get_running_loop().time() - began
            answer = await self._channel.post(path, body, timeout=timeout, limit=limit)
        finally:
            self._in_flight -= 1
        return await self._explain(answer) if isinstance(answer, Gone) else answer

    async def _seal(self, timeout: float) -> bool:  # noqa: ASYNC109
        """Before any user code arrives: wait for the launcher's socket, then let nothing be written beside it."""
        if not await self._channel.reachable(timeout=timeout):
            return False
        await asyncio.to_thread(_seal, self._holdings.socket_folder)
        self._sealed = True
        return True

    async def _explain(self, answer: Answer) -> Answer:
        """Why the runtime is gone: its exit code if it has ended (or does right away), and whether for its memory."""
        if not isinstance(answer, Gone):
            return answer
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._events.ended.wait()
        group = self._holdings.group
        out_of_memory = group is not None and await asyncio.to_thread(group.out_of_memory)
        return replace(answer, out_of_memory=out_of_memory, exit_code=self._transport.get_returncode())

    def _ended(self) -> None:
        self._channel.close()
        callback, self._exit_callback = self._exit_callback, None
        if callback is not None and self._in_flight == 0 and self._destruction is None:
            group = self._holdings.group
            callback(
                Gone(
                    out_of_memory=group is not None and group.out_of_memory(),
                    exit_code=self._transport.get_returncode(),
                )
            )

    async def _destroy(self) -> None:
        self._channel.close()
        if not self._events.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                self._transport.kill()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EXIT_SECONDS):
                    await self._events.ended.wait()
        freed = await asyncio.to_thread(free, self._holdings.folder, self._holdings.group)
        self._transport.close()
        if freed:
            self._holdings.release()


def free(folder: Path, group: ControlGroup | None) -> bool:
    """Remove the group with all that still runs in it, and the folder. Blocks. False if something would not end."""
    ended = group is None or group.destroy(within=_EXIT_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    return ended


def _seal(socket_folder: Path) -> None:
    """The folder lies on a disk of this machine: from now on only its owner before, us, may make files there."""
    info = socket_folder.parent.stat()
    with contextlib.suppress(PermissionError):
        shutil.chown(socket_folder, info.st_uid, info.st_gid)
    socket_folder.chmod(0o711)
