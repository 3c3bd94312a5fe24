"""A sequence of hello functions, from the service's core: as one chain, natively one by one, and in containers.

All three go through the same use cases and keep the same records, in memory; only the network before the service and
the disk behind it are left out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from argo_provider.entities.access import ResolvedAction
from argo_provider.events import EventBus
from argo_provider.invocation.activator import Activator, Runners
from argo_provider.invocation.call import Call
from argo_provider.invocation.chains import Chains
from argo_provider.invocation.compositions import Compositions
from argo_provider.invocation.sequences import Sequences, Steps
from argo_provider.invocation.throttle import Throttle, ThrottleDefaults
from argo_provider.model.activation import Activation, Status
from argo_provider.model.clock import Clock
from argo_provider.model.entities import Action, Exec
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.limits import DEFAULT_SYSTEM_LIMITS, ActionLimits
from argo_provider.model.names import FullName
from argo_provider.optimizer.model import Route
from argo_provider.placement.local import LocalPlacement
from argo_provider.placement.port import OrdinaryRouter
from argo_provider.scheduling.settings import PoolSettings
from argo_provider.scheduling.tasks import TaskScope
from argo_provider.storage.memory import memory_stores
from argo_proxy.protocol.messages import Executable
from argo_proxy.runtimes import load_catalogue
from argo_proxy.sandboxes.fake import FakeDriver
from argo_proxy.sandboxes.niuk.driver import NiukDriver
from argo_proxy.sandboxes.niuk.slot import Compiled, InitRequest
from argo_proxy.sandboxes.niuk.walls import WallSettings
from argo_proxy.sandboxes.port import SandboxDriver, SandboxKind

from . import niuks, rivals
from .parts import MAIN, JavaParts, Missing

Lap = Callable[[], Awaitable[float]]
"""Runs the sequence once; how long it took, seconds."""

LENGTHS = (2, 8)
_MOST = max(LENGTHS)
_POOL_MB = 4096
_IDENTITY = NamespaceRecord(niuks.NAMESPACE, niuks.NAMESPACE, "key", b"x" * 32, 0).identity


@dataclass(frozen=True, slots=True)
class _Library:
    library: niuks.Library

    async def find(self, request: InitRequest) -> Compiled | None:
        del request
        return Compiled(self.library)


@dataclass(frozen=True)
class _Always(OrdinaryRouter):
    way: Route

    def route(self, executable: Executable) -> Route:
        del executable
        return self.way


@asynccontextmanager
async def natively(program: Path, java: JavaParts, *, chained: bool) -> AsyncIterator[dict[int, Lap]]:
    """By length; each component is a function of its own."""
    async with niuks.folder() as folder, niuks.confined(program, java.library) as launcher:
        settings = WallSettings(launcher.installation, folder, (java.library.path.parent,))
        driver = NiukDriver(settings, _Library(java.library), launcher=launcher, waiting=0)
        report = await driver.probe()
        if not report.available:
            raise Missing(f"no NIUk here: {report.reason}; fix: {report.fix}")
        try:
            # Whatever falls short would be run ordinarily: by none that there is, so that it is seen.
            drivers: dict[SandboxKind, SandboxDriver] = {SandboxKind.FAKE: FakeDriver(), SandboxKind.NIUK: driver}
            async with _core(drivers, Route(SandboxKind.NIUK.value), java, chained=chained) as laps:
                yield laps
        finally:
            await driver.close()


@asynccontextmanager
async def in_containers(java: JavaParts) -> AsyncIterator[tuple[dict[int, Lap], str]]:
    """In two containers that take turns, or two processes, with the reason why no containers."""
    async with (
        rivals.container_or_process(rivals.JAVA) as (rival, why),
        _core({rival.driver.kind: rival.driver}, Route(), java, chained=False, functions=2) as laps,
    ):
        yield laps, why


@asynccontextmanager
async def _core(
    drivers: dict[SandboxKind, SandboxDriver], way: Route, java: JavaParts, *, chained: bool, functions: int = _MOST
) -> AsyncIterator[dict[int, Lap]]:
    jar = await asyncio.to_thread(java.jar.read_bytes)

    async def load(_: str) -> bytes:
        return jar

    tasks, stores, events, clock = TaskScope(), memory_stores(), EventBus(), Clock()
    settings = PoolSettings(memory_mb=_POOL_MB)
    catalogue = load_catalogue()
    async with LocalPlacement(drivers, catalogue, load, settings=settings, router=_Always(way)) as placement:
        throttle = Throttle(ThrottleDefaults(), clock)
        activator = Activator(placement, stores.activations, throttle, events, clock, tasks.spawn)
        steps = Steps(stores.entities, activator.start, _prepared, DEFAULT_SYSTEM_LIMITS, clock)
        together = Chains(stores.entities, activator, steps, events) if chained else None
        compositions = Compositions(steps, activator.submit_conductor)
        activator.use(Runners(Sequences(steps, together).run, compositions.run, {}))

        async def run(action: Action) -> Activation:
            target = ResolvedAction(action, action.parameters)
            done = await activator.start(Call(_IDENTITY, target, {"name": "bench"}, "bench")).done
            strange = done.annotations.get("argo.sandbox") == SandboxKind.FAKE.value
            if strange or done.response.status is not Status.SUCCESS:
                raise RuntimeError(f"{action.name} answered {str(done.response.result)[:500]}")
            return done

        async def lap(action: Action) -> float:
            began = time.perf_counter()
            await run(action)
            return time.perf_counter() - began

        hellos = [_hello(f"hello{number}") for number in range(functions)]
        stored = await stores.entities.commit(hellos)
        for action in stored:
            assert isinstance(action, Action)
            await run(action)
        laps: dict[int, Lap] = {}
        for length in LENGTHS:
            names = tuple(hellos[number % functions].name for number in range(length))
            whole = Action(FullName(niuks.NAMESPACE, f"all{length}"), Exec("sequence", components=names))
            laps[length] = _bound(lap, whole)
        yield laps
        await tasks.close(grace=niuks.START_SECONDS)


def _bound(lap: Callable[[Action], Awaitable[float]], action: Action) -> Lap:
    return lambda: lap(action)


def _hello(name: str) -> Action:
    execution = Exec(rivals.JAVA, code_digest="bench", binary=True, main=MAIN)
    return Action(FullName(niuks.NAMESPACE, name), execution, limits=ActionLimits(timeout=niuks.LIMIT_MS))


async def _prepared(_: str) -> None:
    return None
