"""The NIUk of one namespace, whichever process that is: started on demand, again after a crash, replaced on notice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from argo_proxy.sandboxes.niuk import frames, reports
from argo_proxy.sandboxes.niuk.chaining import ChainRun, Performed
from argo_proxy.sandboxes.niuk.client import CallServer, NiukError, NiukGone, NiukRefused
from argo_proxy.sandboxes.niuk.crashes import CrashLedger
from argo_proxy.sandboxes.niuk.frames import Status
from argo_proxy.sandboxes.niuk.launching import Launcher
from argo_proxy.sandboxes.niuk.process import Ended, NativeFunction, NiukProcess
from argo_proxy.sandboxes.niuk.stock import HostStock
from argo_proxy.sandboxes.port import SandboxCreationError

_log = structlog.get_logger(__name__)
_REPLACED_GRACE = 600.0  # an action's longest time: what runs well in a replaced process is let finish
_CLOSE_SECONDS = 5.0


class NiukBanned(NiukError):
    """The function crashed the NIUk too often: run it elsewhere."""


@dataclass(frozen=True, slots=True)
class Crash:
    """A NIUk that ended by itself, for whoever decides on tiers."""

    namespace: str
    ended: Ended
    banned: tuple[str, ...]  # functions that are no longer consolidated after this


class NiukHouse:
    """Functions live here by name; processes come and go underneath.

    A `NiukLoad`: `held_mb` is what whoever looks at it has `seen`, `added` counts the slots since.
    """

    def __init__(
        self,
        namespace: str,
        launcher: Launcher,
        *,
        on_crash: Callable[[Crash], None] | None = None,
        on_call: CallServer | None = None,
        stock: HostStock | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.namespace = namespace
        self.held_mb = 0.0
        self.added = 0
        self._launcher = launcher
        self._on_crash = on_crash
        self._on_call = on_call
        self._stock = stock
        self._clock = clock
        self._ledger = CrashLedger()
        self._functions: dict[str, NativeFunction] = {}
        self._defined: set[str] = set()  # in the current process
        self._sizes: dict[str, int] = {}  # isolates that each function keeps, also in the next process
        self._process: NiukProcess | None = None
        self._starting = asyncio.Lock()
        self._defining: dict[str, asyncio.Lock] = {}
        self._leaving: dict[asyncio.Task[None], NiukProcess] = {}
        self._closed = False

    @property
    def process(self) -> NiukProcess | None:
        """The process that takes new invocations, if one runs."""
        return self._process

    @property
    def functions(self) -> tuple[str, ...]:
        return tuple(self._functions)

    def seen(self, held_mb: float) -> None:
        """It holds so much now."""
        self.held_mb, self.added = held_mb, 0

    async def start(self) -> NiukProcess:
        """Start the process if none runs. Raises OSError, TimeoutError, `NiukError`, `SandboxCreationError`."""
        return await self._running()

    async def define(self, function: NativeFunction) -> reports.Ready | None:
        """Make the function ready; None if it was.

        Raises `NiukBanned`, `NiukRefused` with the library's words, `NiukGone`, OSError, `SandboxCreationError`.
        """
        if self._ledger.is_banned(function.name):
            raise NiukBanned(f"{function.name} ended this NIUk too often")
        self._functions[function.name] = function
        try:
            return await self._ensure_defined(await self._running(), function)
        except NiukRefused:
            self._functions.pop(function.name, None)
            raise

    async def invoke(self, run: frames.Run) -> Performed:
        """Run a defined function, in a fresh process if the last one ended. Raises as `define` does, and `NiukGone`
        when the process ended under it."""
        function = self._functions.get(run.function)
        if function is None:
            raise NiukRefused(Status.UNKNOWN, b'{"error":"no such function"}')
        process = self._process
        if process is None or run.function not in self._defined:
            if self._ledger.is_banned(run.function):
                raise NiukBanned(f"{run.function} ended this NIUk too often")
            process = await self._running()
            await self._ensure_defined(process, function)
        return await process.invoke(run)

    def chains(self, name: str) -> bool:
        """Whether `name` may be a step of a chain now: it is ready in a process that takes chains."""
        return self._process is not None and self._process.chains and name in self._defined

    async def chain(self, chain: frames.Chain) -> ChainRun:
        """Run functions that are ready one after the other. Raises `NiukGone`, ValueError. Close what comes of it."""
        process = self._process
        if process is None:
            raise NiukGone("no process runs")
        return await process.chain(chain)

    def resize(self, name: str, isolates: int) -> None:
        """Let a function keep so many isolates from now on; missing ones are made behind what runs."""
        self._sizes[name] = isolates
        if self._process is not None and name in self._defined:
            self._process.resize(name, isolates)

    async def grow(self, name: str, isolates: int) -> None:
        """Have so many isolates of a function, where it runs now; elsewhere they come with its invocations."""
        if self._process is not None and name in self._defined:
            await self._process.grow(name, isolates)

    async def drop(self, name: str) -> None:
        """Forget a function."""
        if self._functions.pop(name, None) is None:
            return
        self._defining.pop(name, None)
        self._sizes.pop(name, None)
        if self._process is not None and name in self._defined:
            self._defined.discard(name)
            await self._process.drop(name)

    async def close(self, *, grace: float = 0.0) -> None:
        """End the process and those that were being replaced."""
        self._closed = True
        current, self._process = self._process, None
        processes = [current] if current is not None else []
        stops = [process.stop(grace=grace) for process in (*processes, *self._leaving.values())]
        await asyncio.gather(*stops)
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=_CLOSE_SECONDS)

    async def _running(self) -> NiukProcess:
        async with self._starting:
            if self._closed:
                raise NiukGone("this NIUk is closed")
            if self._process is None:
                await asyncio.sleep(self._ledger.pause(self._clock()))
                self._defined.clear()
                self._process = await self._start()
            return self._process

    async def _start(self) -> NiukProcess:
        try:
            return await NiukProcess.start(
                self._launcher,
                self.namespace,
                on_gone=self._gone,
                on_end=self._ended,
                on_notice=self._noticed,
                on_call=self._on_call,
                stock=self._stock,
            )
        except (OSError, TimeoutError, NiukError, SandboxCreationError):
            self._ledger.crashed((), self._clock())
            raise

    async def _ensure_defined(self, process: NiukProcess, function: NativeFunction) -> reports.Ready | None:
        async with self._defining.setdefault(function.name, asyncio.Lock()):
            if process is self._process and function.name in self._defined:
                return None
            ready = await process.define(function)
            if process is self._process:
                self._defined.add(function.name)
                process.resize(function.name, self._sizes.get(function.name, 1))
            return ready

    def _gone(self, process: NiukProcess, suspects: tuple[str, ...]) -> None:
        self._ledger.crashed(suspects, self._clock())
        if process is self._process:
            self._process = None

    def _ended(self, process: NiukProcess, ended: Ended) -> None:
        banned = tuple(name for name in ended.in_flight if self._ledger.is_banned(name))
        for name in banned:
            self._functions.pop(name, None)
        _log.warning(
            "niuk ended",
            namespace=self.namespace,
            niuk=process.id,
            exit_code=ended.exit_code,
            last_words=ended.last_words[-500:],
            banned=banned,
        )
        if self._on_crash is not None:
            self._on_crash(Crash(self.namespace, ended, banned))

    def _noticed(self, process: NiukProcess, notice: reports.Notice) -> None:
        if process is not self._process:
            return
        _log.warning("niuk replaced", namespace=self.namespace, function=notice.function, reason=notice.reason)
        self._process = None  # the next invocation starts a fresh one; this one finishes what it has
        leaving = asyncio.ensure_future(process.stop(grace=_REPLACED_GRACE))
        self._leaving[leaving] = process
        leaving.add_done_callback(self._leaving.pop)
