"""A pipeline over the real policy, with a technology and a placement that do what the test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from argo_provider.events import Event, EventBus
from argo_provider.optimizer.builds import Builds, BuildState
from argo_provider.optimizer.model import FailureKind, FunctionId, Route, State
from argo_provider.optimizer.pipeline import Pipeline, Surroundings
from argo_provider.optimizer.policy import Policy
from argo_provider.optimizer.ports import Artefact, BuildFailed, Desk, Subject, Weight
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.shelf import Shelf
from argo_provider.storage.memory.documents import MemoryDocumentStore
from argo_provider.storage.port import DocumentStore
from argo_proxy.protocol.messages import Executable, Execution, Outcome, OutcomeKind, Phases

F = FunctionId("guest", "/guest/f")
SOON = OptimizerSettings(
    hot_per_minute=0.5,
    repay_times=0,
    hot_per_hour=1,
    instant_per_hour=0.5,
    observe_invocations=2,
    observe_share=1,
    canary_invocations=2,
    canary_invocations_least=2,
    canary_share=0.5,
    cool_down_seconds=0,
)
PATIENCE = 20.0


def executable(revision: str = "1", **changes: Any) -> Executable:
    fields: dict[str, Any] = {"kind": "java:17", "main": "Main", "code_digest": "sha256:aa", "binary": True} | changes
    return Executable(F.namespace, F.path, "0.0.1", revision, **fields)


@dataclass
class Craft:
    """A `NativeTechnology`. `builds` waits for `allow`; `failures` are raised by the next builds, first in first out."""

    records: bool = True
    name: str = "niuk"
    unmet: tuple[str, ...] = ()
    failures: list[BuildFailed] = field(default_factory=list)
    allow: asyncio.Event = field(default_factory=asyncio.Event)
    built: list[Subject] = field(default_factory=list)
    learnt: list[bytes] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)
    adopted: dict[FunctionId, Artefact] = field(default_factory=dict)
    forgotten: list[FunctionId] = field(default_factory=list)
    cancelled: int = 0
    there: bool = True

    async def ready_to_record(self) -> None: ...

    async def read(self, subject: Subject) -> tuple[str, ...]:
        return self.unmet

    async def learn(self, subject: Subject, recordings: list[bytes]) -> None:
        self.learnt += recordings

    async def missed(self, subject: Subject, reply: str) -> str:
        if "missing" not in reply:
            return ""
        self.misses.append(reply)
        return "class a.B"

    async def build(self, subject: Subject, desk: Desk) -> Artefact:
        desk.say("compiling")
        try:
            await self.allow.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failures:
            raise self.failures.pop(0)
        self.built.append(subject)
        return Artefact(subject.fingerprint, Path("/f.so"), "00", 10)

    def adopt(self, subject: Subject, artefact: Artefact) -> bool:
        if self.there:
            self.adopted[subject.function] = artefact
        return self.there

    def disown(self, function: FunctionId) -> None:
        self.adopted.pop(function, None)

    async def forget(self, function: FunctionId) -> None:
        self.forgotten.append(function)


@dataclass
class FakeWays:
    """`outcome` is what comes of a native /init."""

    outcome: Outcome = Outcome(OutcomeKind.SUCCESS, {})
    prepared: list[Route] = field(default_factory=list)
    closed: list[tuple[str, int]] = field(default_factory=list)
    others: int = 0
    warm_ones: int = 1
    weights: list[Weight] = field(default_factory=list)
    gate: asyncio.Event | None = None  # holds the preparation of ordinary sandboxes back

    async def prepare(self, executable: Executable, route: Route, *, slots: int = 1) -> Execution:
        self.prepared.append(route)
        if self.gate is not None and route == Route():
            await self.gate.wait()
        outcome = self.outcome if route.technology else Outcome(OutcomeKind.SUCCESS, {})
        return Execution(outcome, Phases(cold=True), 0.0, 0.0)

    async def recorded(self, path: str) -> list[bytes]:
        return [b"{}"]

    async def weigh(self, most: int) -> list[Weight]:
        weighed, self.weights = self.weights[:most], self.weights[most:]
        return weighed

    def load(self, executable: Executable) -> int:
        return self.others

    def warm(self, executable: Executable, variant: str = "") -> int:
        return self.warm_ones

    def close_way(self, namespace: str, path: str, variant: str, *, keep: int = 0) -> None:
        self.closed.append((variant, keep))


class Moving:
    """Everything together; call `close` at the end."""

    def __init__(
        self,
        folder: Path,
        *,
        documents: DocumentStore | None = None,
        policy: Policy | None = None,
        craft: Craft | None = None,
    ) -> None:
        self.documents: DocumentStore = documents or MemoryDocumentStore()
        self.craft = craft or Craft()
        self.ways = FakeWays()
        self.policy = policy or Policy(SOON)
        self.actions: dict[FunctionId, Executable] = {}
        self.published: list[Event] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.events = EventBus()
        self.events.listen(self.published.append)
        self.builds = Builds(self.documents, folder, spawn=self.spawn, changed=lambda _: None)
        self.shelf = Shelf(self.documents)
        technologies = {"java": self.craft, "nodejs": self.craft}
        around = Surroundings(technologies, self.builds, self.shelf, self.events, self._lookup, self.spawn)
        self.pipeline = Pipeline(self.policy, SOON, around)
        self.pipeline.attach(self.ways)
        self.now = executable()
        self.routes: list[Route] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _lookup(self, function: FunctionId) -> Executable | None:
        return self.actions.get(function)

    async def start(self) -> None:
        await self.pipeline.start(self.policy.resume(time.time()))

    async def close(self) -> None:
        await self.pipeline.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def state(self) -> State:
        explained = self.pipeline.explain(F)
        assert explained is not None
        return explained.state

    @property
    def reason(self) -> str:
        explained = self.pipeline.explain(F)
        assert explained is not None
        return explained.reason

    def invoke(self, times: int = 1, *, run_ms: float = 5.0, kind: OutcomeKind = OutcomeKind.SUCCESS) -> list[Route]:
        """As the placement would."""
        routes = []
        for _ in range(times):
            route = self.pipeline.route(self.now)
            sandbox = route.technology or "process"
            done = Execution(Outcome(kind, {}), Phases(run=run_ms), time.time(), time.time(), sandbox=sandbox)
            self.pipeline.executed(self.now, replace(done, canary=route.canary))
            routes.append(route)
        self.routes += routes
        return routes

    def fall_short(self, shortfall: Any, words: str = '{"missing": []}', *, rerun: bool = True) -> None:
        self.pipeline.fell_short(self.now, shortfall, words, rerun=rerun)

    async def until(self, state: State, *, invoking: bool = False) -> None:
        """Time passes until it is so."""
        async with asyncio.timeout(PATIENCE):
            while self.state is not state:
                await self.pipeline.tick()
                if invoking:
                    self.invoke()
                await asyncio.sleep(0.005)

    async def until_so(self, what: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while not what():
                await self.pipeline.tick()
                await asyncio.sleep(0.005)

    async def make_building(self) -> None:
        """As far as a build that runs."""
        self.invoke()
        await self.until(State.BUILDING, invoking=True)
        await self.until_so(lambda: self.builds.records("guest"))
        await self.until_so(lambda: self.builds.records("guest")[0].state is BuildState.RUNNING)

    async def make_canary(self) -> None:
        """As far as a trial whose routes are open."""
        await self.make_building()
        self.craft.allow.set()
        await self.until(State.CANARY)
        await self.until_so(lambda: F in self.pipeline._trials)

    async def make_native(self) -> None:
        self.invoke()
        self.craft.allow.set()
        await self.until(State.NATIVE, invoking=True)


def failure(kind: FailureKind, detail: str = "") -> BuildFailed:
    return BuildFailed(kind, detail)
