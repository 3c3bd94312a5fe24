"""The use cases of invoking over stores in memory and a scripted placement."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from argo_provider.events import EventBus
from argo_provider.invocation.activator import Activator, Runners
from argo_provider.invocation.compositions import Compositions
from argo_provider.invocation.fire import Fire
from argo_provider.invocation.invoke import Invoke, Request
from argo_provider.invocation.journal import Recovery
from argo_provider.invocation.promised import Promised
from argo_provider.invocation.sequences import Sequences, Steps
from argo_provider.invocation.throttle import Throttle, ThrottleDefaults
from argo_provider.model.clock import Clock
from argo_provider.model.entities import Action, Entity, Exec
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.kinds import KindInfo, KindTable
from argo_provider.model.limits import DEFAULT_SYSTEM_LIMITS
from argo_provider.model.names import FullName
from argo_provider.placement.fake import FakePlacement
from argo_provider.scheduling.tasks import TaskScope
from argo_provider.storage.memory import memory_stores
from argo_provider.storage.port import Stores


@dataclass
class World:
    """Everything between the edge and the sandboxes."""

    stores: Stores
    placement: FakePlacement
    invoke: Invoke
    fire: Fire
    activator: Activator
    recovery: Recovery
    prepared: list[str]

    identity = NamespaceRecord("me", "me", "key", b"x" * 32, 0).identity

    async def put(self, *entities: Entity) -> None:
        await self.stores.entities.commit(entities)

    async def action(self, name: str, result: Any = None, **fields: Any) -> None:
        """An action that answers `result`; without one it answers its arguments."""
        await self.put(Action(FullName("me", name), Exec("nodejs:20"), **fields))
        if result is not None:
            self.placement.on(f"/me/{name}", result)

    async def sequence(self, name: str, *components: str) -> None:
        parts = tuple(FullName("me", component) for component in components)
        await self.put(Action(FullName("me", name), Exec("sequence", components=parts)))

    async def run(self, name: str, payload: Any = None, wait_ms: int | None = 5000) -> Any:
        """The activation, or Accepted."""
        return await self.invoke(Request(self.identity, FullName("me", name), payload or {}, "tid", wait_ms))


@pytest.fixture
async def world():
    stores, placement, clock, events = memory_stores(), FakePlacement(), Clock(), EventBus()
    await stores.namespaces.create(NamespaceRecord("me", "me", "key", b"x" * 32, 0))
    kinds = KindTable([KindInfo("nodejs:20", "nodejs", "argo/nodejs", default=True)])
    throttle = Throttle(ThrottleDefaults(), clock)
    tasks = TaskScope()
    prepared: list[str] = []

    async def prepare(kind: str) -> None:
        prepared.append(kind)

    activator = Activator(placement, stores.activations, throttle, events, clock, tasks.spawn)
    steps = Steps(stores.entities, activator.start, prepare, DEFAULT_SYSTEM_LIMITS, clock)
    compositions = Compositions(steps, activator.submit_conductor)
    activator.use(Runners(Sequences(steps).run, compositions.run, {}))
    promised = Promised(stores.activations, activator.start, tasks.spawn)
    invoke = Invoke(stores.entities, stores.activations, activator, throttle, kinds, clock, prepare, promised=promised)
    fire = Fire(stores.entities, stores.activations, invoke, throttle, clock, events)
    recovery = Recovery(stores, promised, clock, prepare, tasks.spawn)
    yield World(stores, placement, invoke, fire, activator, recovery, prepared)
    placement.release()
    async with asyncio.timeout(5):
        await tasks.close(grace=2)
