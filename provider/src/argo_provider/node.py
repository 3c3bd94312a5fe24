"""A node of a cluster: one machine's sandboxes, taking work from a bus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import structlog

from argo_provider import __version__, clustered, hosting
from argo_provider.app import open_stores, ready_to_stop
from argo_provider.cluster.products import BusProducts
from argo_provider.events import EventBus
from argo_provider.machine import open_machine
from argo_provider.model.clock import Clock
from argo_provider.scheduling.tasks import TaskScope
from argo_provider.settings import Settings
from argo_provider.telemetry.metrics import Metrics
from argo_proxy.runtimes import load_catalogue

log = structlog.get_logger(__name__)

_CLOSE_SECONDS = 5.0


async def run_node(settings: Settings) -> None:
    """Be a node until SIGTERM or SIGINT, then drain."""
    stop = ready_to_stop(settings)
    async with working(settings) as drain:
        hosting.settle_collector()
        hosting.settle_scheduling()
        await stop.wait()
        log.info("draining", seconds=settings.pool.drain_seconds)
        await drain()
    log.info("stopped")


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """A node that takes work; what is given drains it. What it learns of functions stays in its data folder."""
    async with AsyncExitStack() as stack:
        stack.enter_context(hosting.alone_over(settings.data_dir))
        tasks, events = TaskScope(), EventBus()
        connection, record = await clustered.connect_node(settings, stack)
        if not settings.server.api_host:  # where functions reach the API: what the replicas say
            settings = replace(settings, server=replace(settings.server, api_host=record.api_host))
        stores = await stack.enter_async_context(open_stores(replace(settings, store=None)))
        machine = await open_machine(
            settings,
            load_catalogue(),
            stores,
            connection.blobs,
            events,
            Metrics(),
            Clock(),
            tasks.spawn,
            stack,
            await BusProducts.open(connection.bus),
        )
        stack.push_async_callback(tasks.close, grace=_CLOSE_SECONDS)
        await machine.optimizer.start(tasks.spawn)
        if settings.runtimes.provision:
            tasks.spawn(machine.provisioner.run())
        beats = await clustered.serve_node(settings, connection, machine, events, tasks.spawn)
        log.info("ready", node=clustered.node_name(settings), version=__version__)

        async def drain() -> None:
            beats.draining = True
            beats.say()
            await machine.placement.drain(settings.pool.drain_seconds)

        yield drain
