"""One NIUk: a host process that serves many functions of one namespace."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from argo_proxy.sandboxes.niuk import frames, reports
from argo_proxy.sandboxes.niuk.chaining import ChainRun, Performed
from argo_proxy.sandboxes.niuk.client import CallServer, NiukClient, NiukGone
from argo_proxy.sandboxes.niuk.frames import Artifact, Init
from argo_proxy.sandboxes.niuk.launching import HostProcess, Launcher
from argo_proxy.sandboxes.niuk.opening import open_socket
from argo_proxy.sandboxes.niuk.stock import HostStock, launch

_LOAD_SECONDS = 60.0
_ANSWER_SECONDS = 10.0
_GROW_SECONDS = 60.0
_EXIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Library:
    """A function library on this machine, named by the SHA-256 of its content."""

    path: Path
    digest: bytes


@dataclass(frozen=True, slots=True)
class NativeFunction:
    """A function as a NIUk takes it: a library, the code that an engine library runs, and what INIT says of it."""

    name: str  # what `run` names; one revision of one action with one environment
    library: Library
    code: bytes = b""  # source or archive, for an engine
    address: str = ""
    request: bytes = b"{}"
    heap_limit: int = 0
    init_timeout_ms: int = 60_000
    run_timeout_ms: int = 60_000
    log_limit: int = 10 * 1024 * 1024
    defaults: bytes = b""
    call_environment: bytes = b""
    policy: frames.IsolatePolicy = field(default_factory=frames.IsolatePolicy)

    def init(self) -> Init:
        return Init(
            function=self.name,
            library=self.library.digest,
            address=self.address,
            code=hashlib.sha256(self.code).digest() if self.code else frames.NO_HASH,
            request=self.request,
            heap_limit=self.heap_limit,
            init_timeout_ms=self.init_timeout_ms,
            run_timeout_ms=self.run_timeout_ms,
            log_limit=self.log_limit,
            defaults=self.defaults,
            call_environment=self.call_environment,
            policy=self.policy,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """How a NIUk ended by itself."""

    exit_code: int | None
    in_flight: tuple[str, ...]  # functions that had invocations in flight: one of them did it, most likely
    last_words: str
    out_of_memory: bool


class NiukProcess:
    """Start it with `start`. When it ends by itself, `on_gone` is called at once with the functions that had
    invocations in flight, and `on_end` once the rest is known; after that it is of no more use.

    Methods raise `NiukGone` when the process ended, `NiukRefused` when the host says no.
    """

    def __init__(
        self, identity: str, namespace: str, host: HostProcess, client: NiukClient, *, shares_files: bool
    ) -> None:
        self.id = identity
        self.namespace = namespace
        self._host = host
        self._client = client
        self._shares_files = shares_files
        self._loading: dict[bytes, asyncio.Lock] = {}
        self._loaded: set[bytes] = set()
        self._in_flight: Counter[str] = Counter()
        self._chained: dict[int, ChainRun] = {}
        self._stopping = False
        self._on_gone: Callable[[NiukProcess, tuple[str, ...]], None] | None = None
        self._on_end: Callable[[NiukProcess, Ended], None] | None = None
        self._burial: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        launcher: Launcher,
        namespace: str,
        *,
        on_gone: Callable[[NiukProcess, tuple[str, ...]], None],
        on_end: Callable[[NiukProcess, Ended], None],
        on_notice: Callable[[NiukProcess, reports.Notice], None],
        on_call: CallServer | None = None,
        stock: HostStock | None = None,
    ) -> NiukProcess:
        """Start a host, or take a waiting one, and shake hands.

        Raises OSError, TimeoutError, `SandboxCreationError`, `NiukError`.
        """
        launched = await (stock.take() if stock else launch(launcher))
        identity, host, ours = launched.identity, launched.host, launched.stream
        made: list[NiukProcess] = []

        def tell(notice: reports.Notice) -> None:
            for process in made:
                on_notice(process, notice)

        try:
            client = await open_socket(
                ours,
                namespace,
                seconds=launcher.start_seconds,
                local=launcher.shares_files,
                on_call=on_call,
                on_notice=tell,
            )
            if launcher.is_copy:
                await client.reseed(time.time_ns(), os.urandom(64), seconds=_ANSWER_SECONDS)
        except NiukGone as error:
            await host.end()
            raise NiukGone(f"{error}: {host.last_words}") from error
        except BaseException:
            await host.end()
            raise
        process = cls(identity, namespace, host, client, shares_files=launcher.shares_files)
        made.append(process)
        process._on_gone, process._on_end = on_gone, on_end
        client.tell_when_gone(process._lost)
        return process

    @property
    def pid(self) -> int:
        """The outermost process on this machine."""
        return self._host.pid

    @property
    def shares_files(self) -> bool:
        """Whether it runs beside this machine's files; else it is a machine of its own."""
        return self._shares_files

    @property
    def in_flight(self) -> int:
        """Invocations in flight."""
        return self._in_flight.total() + len(self._chained)

    @property
    def chains(self) -> bool:
        """Whether it takes chains."""
        return self._client.chains

    async def define(self, function: NativeFunction) -> reports.Ready:
        """Load what the function needs and make its first isolate. The same function again is fine."""
        await self._load(function.library)
        if function.code:
            await self._once(
                hashlib.sha256(function.code).digest(),
                lambda: self._client.load_bytes(Artifact.CODE, function.code, seconds=_LOAD_SECONDS),
            )
        return await self._client.init(function.init())

    async def invoke(self, run: frames.Run) -> Performed:
        """Run a function that was defined here."""
        self._in_flight[run.function] += 1
        try:
            return await self._client.run(run)
        finally:
            self._in_flight[run.function] -= 1

    async def chain(self, chain: frames.Chain) -> ChainRun:
        """Run functions that were defined here one after the other. Close what comes of it."""
        run = await self._client.chain(chain)
        self._chained[id(run)] = run
        run.ended = self._chain_ended
        return run

    async def grow(self, function: str, isolates: int) -> None:
        """Have so many isolates of a function, those that serve included."""
        await self._client.grow(function, isolates, seconds=_GROW_SECONDS)

    def resize(self, function: str, isolates: int) -> None:
        """The same, without waiting for it."""
        self._client.resize(function, isolates)

    async def drop(self, function: str) -> None:
        """Forget a function; its isolates go as they become free."""
        await self._client.drop(function, seconds=_ANSWER_SECONDS)

    async def stats(self) -> bytes:
        """Figures as a JSON object; its keys are listed in PROTOCOL.md."""
        return await self._client.stats(seconds=_ANSWER_SECONDS)

    async def ping(self) -> reports.Pong:
        """The host's wall clock, when all it does is answer."""
        return await self._client.ping(seconds=_ANSWER_SECONDS)

    async def reseed(self, entropy: bytes, *, unix_ns: int) -> None:
        """Give a guest restored from a snapshot randomness and time of its own."""
        await self._client.reseed(unix_ns, entropy, seconds=_ANSWER_SECONDS)

    async def stop(self, *, grace: float = 0.0) -> None:
        """Let what runs finish for `grace` seconds, then end the process and free what it held. Idempotent."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            await self._client.shutdown(grace=grace)
            await self._host.wait(seconds=_EXIT_SECONDS)
        self._client.close()
        await self._host.end()

    async def _load(self, library: Library) -> None:
        if self._shares_files:
            request = frames.Load(library.digest, Artifact.LIBRARY, path=str(library.path))
            await self._once(library.digest, lambda: self._client.load_path(request, seconds=_LOAD_SECONDS))
        elif library.digest not in self._loaded:
            data = await asyncio.to_thread(library.path.read_bytes)
            await self._once(
                library.digest, lambda: self._client.load_bytes(Artifact.LIBRARY, data, seconds=_LOAD_SECONDS)
            )

    async def _once(self, digest: bytes, load: Callable[[], Awaitable[reports.Loaded]]) -> None:
        async with self._loading.setdefault(digest, asyncio.Lock()):
            if digest not in self._loaded:
                await load()
                self._loaded.add(digest)

    def _chain_ended(self, run: ChainRun) -> None:
        self._chained.pop(id(run), None)

    def _lost(self) -> None:
        if not self._stopping:
            ran = {run.running for run in self._chained.values() if run.running}
            suspects = tuple({name for name, count in self._in_flight.items() if count} | ran)
            if self._on_gone is not None:
                self._on_gone(self, suspects)
            self._burial = asyncio.ensure_future(self._bury(suspects))

    async def _bury(self, suspects: tuple[str, ...]) -> None:
        await self._host.wait(seconds=_EXIT_SECONDS)
        out_of_memory = await asyncio.to_thread(self._host.out_of_memory)
        ended = Ended(self._host.exit_code, suspects, self._host.last_words, out_of_memory)
        await self._host.end()
        if self._on_end is not None and not self._stopping:
            self._on_end(self, ended)
