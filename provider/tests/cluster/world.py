"""Replicas and nodes in one process, over a real bus and scripted sandboxes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from argo_provider.cluster.agent import NodeAgent
from argo_provider.cluster.beats import Beats
from argo_provider.cluster.bus import Bus, BusOptions
from argo_provider.cluster.nodes import NodeTable
from argo_provider.cluster.queues import WorkQueue
from argo_provider.cluster.remote import RemotePlacement
from argo_provider.cluster.state import StateBuckets
from argo_provider.events import EventBus
from argo_provider.placement.local import LocalPlacement
from argo_provider.placement.provisioning import Provisioner
from argo_provider.scheduling.settings import PoolSettings
from argo_provider.scheduling.tasks import TaskScope
from argo_proxy.pool.events import NoEvents
from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.fake import FakeDriver
from argo_proxy.sandboxes.port import SandboxKind

PATIENCE = 30.0
LEASE = 15.0  # nothing here waits for it to end: silence is said
CATALOGUE = Catalogue([Runtime("nodejs:20", "nodejs", Path("/runtime"), ("node",))])


class Node:
    """A node; `stop` is `kill -9`, as far as others can tell."""

    def __init__(self, name, bus, placement, driver, tasks):
        self.name = name
        self.placement = placement
        self.driver = driver
        self._bus = bus
        self._tasks = tasks

    async def silence(self):
        await self._tasks.close(grace=1.0)
        for subscription in [*self._bus._client._subs.values()]:
            await subscription.unsubscribe()  # the bus must know, before anything else is sent there
        await self._bus.flush()
        await self._bus.close()


class World:
    """A cluster under a name of its own."""

    def __init__(self, url, stack):
        self._options = BusOptions(url, f"t{uuid.uuid4().hex[:12]}", "a key of the tests")
        self._stack = stack

    async def replica(self, name="r1"):
        bus, queue, state = await self._join(name)
        tasks = TaskScope()
        self._stack.push_async_callback(tasks.close, grace=1.0)
        placement = RemotePlacement(bus, name, queue, NoEvents(), tasks.spawn)
        table = NodeTable(LEASE, placement.node_lost, lambda _: None)
        await placement.start(table)
        await state.listen(table.told, table.heard)
        placement.table = table
        return placement

    async def node(self, name, script, **settings):
        bus, queue, state = await self._join(name)
        driver = FakeDriver(script)
        pool = PoolSettings(**{"memory_mb": 512, "drain_seconds": 0.1, **settings})
        placement = LocalPlacement({SandboxKind.FAKE: driver}, CATALOGUE, load, settings=pool)
        await self._stack.enter_async_context(placement)
        provisioner = Provisioner({SandboxKind.FAKE: driver}, CATALOGUE)
        provisioner.reports = [await driver.probe()]
        await provisioner.run()
        tasks = TaskScope()
        self._stack.push_async_callback(tasks.close, grace=1.0)
        await NodeAgent(bus, name, placement, queue, EventBus(), tasks.spawn).start()
        limit = pool.queue_limit
        beats = Beats(state, name, "0.1.0", placement, provisioner, lease=LEASE, queue_limit=limit, at_hand=at_hand)
        tasks.spawn(beats.run())
        return Node(name, bus, placement, driver, tasks)

    async def heard(self, placement, *names):
        """Until the replica has heard how these nodes are."""
        async with asyncio.timeout(PATIENCE):
            while not all((node := placement.table.get(name)) and node.beat for name in names):
                await asyncio.sleep(0.01)

    async def _join(self, name):
        bus = await Bus.connect(self._options, name)
        self._stack.push_async_callback(bus.close)
        queue = WorkQueue(bus)
        await queue.open()
        return bus, queue, await StateBuckets.open(bus, LEASE)


CODE = f"sha256:{'c' * 64}"


def at_hand(most):
    """What every node says it has."""
    return [CODE][:most]


async def load(digest):
    return b""


@asynccontextmanager
async def world(url) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(url, stack)
