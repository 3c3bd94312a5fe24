"""A pool, and a driver under it, that do what the test says and remember what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.events import NoEvents
from argo_proxy.pool.job import Claim, Job
from argo_proxy.pool.limits import PoolLimits
from argo_proxy.pool.pool import SandboxPool, Unserved
from argo_proxy.pool.serving import ServingLimits
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable, Execution, Invocation
from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.port import (
    Answer,
    Answered,
    CollectedLogs,
    Gone,
    SandboxCreationError,
    SandboxKind,
    SandboxSpec,
)

OK = Answered(200, b'{"ok":true}', 11)


class ScriptedSandbox:
    """`answer` is what /run gives, `init_answer` what /init gives; `gate` holds /run back while it is closed."""

    kind = SandboxKind.FAKE

    def __init__(self, number: int, spec: SandboxSpec) -> None:
        self.id = f"fake-{number}"
        self.spec = spec
        self.init_answer: Answer = Answered(200, b"{}", 2)
        self.answer: Answer = OK
        self.logs = CollectedLogs(())
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Semaphore(0)
        self.bodies: list[bytes] = []
        self.waits: list[float] = []
        self.running = 0
        self.most_running = 0
        self.destroyed = False
        self.exit: Callable[[Gone], None] | None = None

    def hold(self) -> None:
        """Keep every /run from now on until the gate opens; `entered` counts them."""
        self.gate = asyncio.Event()
        self.entered = asyncio.Semaphore(0)

    async def init(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        self.bodies.append(body)
        return self.init_answer

    async def run(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        self.bodies.append(body)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.entered.release()
        await self.gate.wait()
        self.running -= 1
        return self.answer

    async def collect_logs(self, *, limit: int, wait: float) -> CollectedLogs:
        self.waits.append(wait)
        return self.logs

    async def stats(self) -> Any:
        raise NotImplementedError

    async def destroy(self) -> None:
        self.destroyed = True

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        self.exit = callback


class ScriptedDriver:
    """`prepare` may change each sandbox as it is made; `error` makes creation fail; `gate` holds it back."""

    kind = SandboxKind.FAKE

    def __init__(self) -> None:
        self.sandboxes: list[ScriptedSandbox] = []
        self.prepare: Callable[[ScriptedSandbox], None] = lambda _: None
        self.error: SandboxCreationError | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def create(self, spec: SandboxSpec) -> ScriptedSandbox:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        sandbox = ScriptedSandbox(len(self.sandboxes) + 1, spec)
        self.prepare(sandbox)
        self.sandboxes.append(sandbox)
        return sandbox

    def ready(self, runtime: object, image: object) -> bool:
        return True


SHAPE = Shape(SandboxKind.FAKE, "nodejs:20", 256)
CATALOGUE = Catalogue([Runtime("nodejs:20", "nodejs", Path("/runtime"), ("node",))])


class Ends(NoEvents):
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def ended(self, shape: Shape, reason: str) -> None:
        self.reasons.append(reason)


class Bench:
    """A pool with nobody who decides: the test does."""

    def __init__(self, driver: Any, limits: PoolLimits | None = None) -> None:
        self.driver = driver
        self.tasks: set[asyncio.Task[None]] = set()
        self.failures: list[SandboxCreationError] = []
        self.loaded: list[str] = []
        self.ends = Ends()
        self.pool = SandboxPool(
            {SandboxKind.FAKE: driver},
            CATALOGUE,
            self.load,
            spawn=self.spawn,
            changed=lambda: None,
            start_failed=lambda entry, error: self.failures.append(error),
            limits=limits or PoolLimits(serving=ServingLimits(load_seconds=5, log_seconds=0.5)),
            events=self.ends,
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def settle(self) -> None:
        while self.tasks:
            await asyncio.gather(*self.tasks)

    async def load(self, digest: str) -> bytes:
        self.loaded.append(digest)
        if digest == "missing":
            raise KeyError(digest)
        return b"code of it"

    def job(self, *, claim: Claim | None = None, shape: Shape = SHAPE, **changes: Any) -> Job:
        fields: dict[str, Any] = {"code_digest": "sha256:1", "binary": False, "timeout_ms": 60_000} | changes
        executable = Executable("a", "/a/f", "0.0.1", "1", "nodejs:20", "main", **fields)
        loop = asyncio.get_running_loop()
        answered, finished = loop.create_future(), loop.create_future()
        invocation = Invocation("id", "tid", executable, {"x": 1})
        return Job(invocation, shape, claim=claim, answered=answered, finished=finished, now=loop.time())

    async def started(self, shape: Shape = SHAPE) -> SandboxEntry:
        entry = self.pool.start(shape, ("a", "/a/f", "1"))
        await self.settle()
        return entry

    async def serve(self, entry: SandboxEntry, job: Job) -> Execution | Unserved:
        served = await self.pool.serve(entry, job, cold=self.pool.assign(entry, job))
        await self.settle()
        return served

    def serving(self, entry: SandboxEntry, job: Job) -> asyncio.Future[Execution | Unserved]:
        """The same, begun and not awaited."""
        return asyncio.ensure_future(self.pool.serve(entry, job, cold=self.pool.assign(entry, job)))

    async def warmed(self, shape: Shape = SHAPE) -> SandboxEntry:
        entry = await self.started(shape)
        await self.serve(entry, self.job(shape=shape))
        return entry
