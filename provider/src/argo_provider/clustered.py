"""Wires a member of a cluster: a replica of the API over the nodes' placement, or the agent of one machine."""

from __future__ import annotations

import asyncio
import platform
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog

from argo_provider import __version__
from argo_provider.cluster import messages
from argo_provider.cluster.agent import NodeAgent
from argo_provider.cluster.artifacts import ObjectBlobStore
from argo_provider.cluster.beats import Beats
from argo_provider.cluster.bus import Bus, BusOptions
from argo_provider.cluster.counts import SharedCounts
from argo_provider.cluster.errors import ClusterError
from argo_provider.cluster.fan import EventFan
from argo_provider.cluster.messages import PROTOCOL, About, ClusterRecord
from argo_provider.cluster.nodes import NodeTable
from argo_provider.cluster.queues import WorkQueue
from argo_provider.cluster.readiness import ClusterReadiness
from argo_provider.cluster.remote import RemotePlacement
from argo_provider.cluster.showing import Showing
from argo_provider.cluster.sight import Sight
from argo_provider.cluster.state import (
    StateBuckets,
    check_clock,
    check_protocol,
    join_as_node,
    refuse_twin,
)
from argo_provider.errors import ArgoError
from argo_provider.events import EventBus
from argo_provider.invocation.throttle import Throttle
from argo_provider.machine import Machine
from argo_provider.placement.port import PlacementSnapshot
from argo_provider.settings import Settings
from argo_provider.settings.address import api_url
from argo_provider.storage.port import Leases, Stores
from argo_provider.system.alarms import Alarms
from argo_proxy.pool.events import PoolEvents
from argo_proxy.runtimes import Catalogue

log = structlog.get_logger(__name__)

REPLICA_LEASE_SECONDS = 6.0
ALARMS_LEASE_SECONDS = 6.0
_RENEW_SECONDS = 1.0
_LEAST_KEY = 16
_FOR_EVER_SECONDS = 3_000_000_000.0
_NAME = re.compile(r"\A[A-Za-z0-9_-]{1,64}\Z")

Spawn = Callable[[Coroutine[Any, Any, None]], object]


@dataclass(frozen=True, slots=True)
class Connection:
    """A member's ways to the bus."""

    bus: Bus
    state: StateBuckets
    queue: WorkQueue
    blobs: ObjectBlobStore


async def connect(settings: Settings, member: str, stack: AsyncExitStack) -> Connection:
    """ClusterError where the settings are half of a cluster's, or the bus is not what a cluster needs."""
    bus = await Bus.connect(options(settings), member)
    stack.push_async_callback(bus.close)
    queue = WorkQueue(bus, settings.bus.stream_replicas)
    await queue.open()
    state = await StateBuckets.open(bus, settings.cluster.lease_seconds)
    blobs = await ObjectBlobStore.open(bus.js, f"argo_{bus.cluster}_artifacts")
    return Connection(bus, state, queue, blobs)


def options(settings: Settings) -> BusOptions:
    """ClusterError for what is missing or cannot be."""
    bus, cluster = settings.bus, settings.cluster
    if bus.url is None:
        raise ClusterError("no bus is given, and members of a cluster meet on one", "add --bus nats://HOST:4222")
    if cluster.key is None:
        raise ClusterError(
            "no cluster key is given, and without it anybody on the bus could send work",
            "head -c 32 /dev/urandom | base64 > cluster.key; export ARGO_CLUSTER_KEY_FILE=cluster.key on every member",
        )
    if len(cluster.key.reveal()) < _LEAST_KEY:
        raise ClusterError(
            f"the cluster key has less than {_LEAST_KEY} characters", "make one: head -c 32 /dev/urandom | base64"
        )
    if not _NAME.match(cluster.name):
        raise ClusterError(
            f"cluster.name is '{cluster.name}'",
            "write letters, digits, - and _ only: it names subjects",
        )
    return BusOptions(
        bus.url.reveal(),
        cluster.name,
        cluster.key.reveal(),
        bus.credentials,
        bus.tls_ca,
        bus.tls_cert,
        bus.tls_key,
    )


def check_replica(settings: Settings) -> None:
    """A store that others share and no bus, or the other way round. ClusterError."""
    if settings.store is not None and settings.bus.url is None:
        raise ClusterError(
            "a shared database is given, but no bus: two replicas would run the same work twice",
            "add --bus nats://HOST:4222, or leave --store out and keep all in the data folder",
        )
    if settings.bus.url is not None and settings.store is None:
        raise ClusterError(
            "a bus is given, but no database that the replicas share",
            "add --store postgresql+asyncpg://USER@HOST/NAME, or leave --bus out",
        )


class Replica:
    """One of the replicas. `join`, then `place`, then `run` what goes on beside requests."""

    def __init__(self, settings: Settings, connection: Connection, name: str) -> None:
        self.name = name
        self.blobs = connection.blobs
        self._settings = settings
        self._connection = connection
        self._bus = connection.bus
        self.table: NodeTable
        self.readiness: ClusterReadiness
        self.placement: RemotePlacement
        self.sight: Sight

    @classmethod
    async def connect(cls, settings: Settings, stack: AsyncExitStack) -> Replica:
        name = f"r{uuid.uuid4().hex[:12]}"
        connection = await connect(settings, name, stack)
        return cls(settings, connection, name)

    async def join(self, leases: Leases) -> None:
        """ClusterError if the bus is another cluster's, another version's, or of another time."""
        own = uuid.uuid4().hex
        if not await leases.hold("cluster", own, _FOR_EVER_SECONDS):
            own = await leases.holder("cluster") or own
        state, now = self._connection.state, int(time.time() * 1000)
        mine = ClusterRecord(own, PROTOCOL, __version__, now, api_url(self._settings.server))
        found = record = await state.found(mine)
        if record.id != own:
            raise ClusterError(
                f"the cluster '{self._bus.cluster}' on this bus keeps its data in another database",
                "give that database with --store, or this cluster a name of its own: ARGO_CLUSTER_NAME=NAME",
            )
        if record.protocol < PROTOCOL:
            await self._check_alone(record, leases)
            record = replace(record, protocol=PROTOCOL, version=__version__)
        check_protocol(record, __version__)
        check_clock(await state.clock_ahead_ms(self.name))
        record = replace(record, api_host=mine.api_host)
        if record != found:
            await state.say_record(record)
        await self._renew(leases)

    async def _check_alone(self, record: ClusterRecord, leases: Leases) -> None:
        """An upgrade begins with the replicas, all of them: ClusterError while one of the old version serves."""
        if await leases.holder(_of_protocol(record.protocol)) is not None:
            raise ClusterError(
                f"this is argofn {__version__} (protocol {PROTOCOL}), and replicas of argofn {record.version}"
                f" (protocol {record.protocol}) are serving",
                f"stop them first (their leases end after {REPLICA_LEASE_SECONDS:g} s), then the nodes",
            )

    async def _renew(self, leases: Leases) -> None:
        """Ours, and the one that all replicas of this version have in common."""
        await leases.hold(self.name, self.name, REPLICA_LEASE_SECONDS)
        shared = _of_protocol(PROTOCOL)
        await leases.hold(shared, shared, REPLICA_LEASE_SECONDS)

    async def place(
        self, catalogue: Catalogue, pool: PoolEvents, events: EventBus, spawn: Spawn, stack: AsyncExitStack
    ) -> None:
        """From here on `placement` gives work to the nodes, and `sight` looks at them."""

        def kind_of_image(image: str) -> str | None:
            runtime = catalogue.for_image(image)
            return None if runtime is None else runtime.kind

        placement = RemotePlacement(self._bus, self.name, self._connection.queue, pool, spawn)
        self.placement = placement
        self.table = NodeTable(self._settings.cluster.lease_seconds, placement.node_lost, kind_of_image)
        self.readiness = ClusterReadiness(self.table)
        self.sight = Sight(self._bus, self.table, events)
        await placement.start(self.table)
        stack.push_async_callback(self._connection.queue.leave, self.name)
        stack.callback(placement.stop)
        await self._connection.state.listen(self._told, self.table.heard)
        spawn(self._expire_forever())

    def snapshot(self) -> PlacementSnapshot:
        """With the sandboxes of the namespaces that were looked at."""
        return replace(self.placement.snapshot(), sandboxes=self.sight.sandboxes())

    def _told(self, about: About) -> None:
        self.table.told(about)
        self.readiness.told(about)

    async def _expire_forever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.cluster.lease_seconds / 8)
            self.table.expire()

    def run(
        self,
        stores: Stores,
        throttle: Throttle,
        events: EventBus,
        alarms: Alarms,
        recover: Callable[[], Awaitable[None]],
        spawn: Spawn,
    ) -> None:
        """What goes on beside requests."""
        spawn(self._live_forever(stores.leases, recover))
        counts = SharedCounts(self._bus, self.name)
        spawn(counts.run(throttle))
        spawn(EventFan(self._bus, self.name, events, lambda: counts.alone).run())
        spawn(_Timekeeper(self._bus, self.name, stores.leases, alarms).run(spawn))

    async def _live_forever(self, leases: Leases, recover: Callable[[], Awaitable[None]]) -> None:
        """Renew our lease, and take up what replicas left whose own has ended."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                await self._renew(leases)
                await recover()
            except ArgoError as error:  # a full queue of records, too: whatever it is, it must be tried again
                log.warning("lease_not_renewed", reason=error.text)

    async def leave(self, leases: Leases) -> None:
        """What we still have is another's from now on."""
        with suppress(ArgoError):
            await leases.release(self.name, self.name)


def _of_protocol(protocol: int) -> str:
    """The name of the lease that tells whether replicas of that protocol live."""
    return f"protocol {protocol}"


class _Timekeeper:
    """Alarms fire on the one replica that holds their lease."""

    def __init__(self, bus: Bus, replica: str, leases: Leases, alarms: Alarms) -> None:
        self._bus = bus
        self._subject = bus.subject("alarms")
        self._replica = replica
        self._leases = leases
        self._alarms = alarms
        self._firing: asyncio.Task[None] | None = None
        self._held_until = 0.0

    async def run(self, spawn: Spawn) -> None:
        def changed(content: bytes) -> None:
            replica, namespace, trigger = messages.decode(content, tuple[str, str, str])
            if self._firing is not None and replica != self._replica:
                spawn(self._alarms.look_again(namespace, trigger))

        self._alarms.changed = lambda key: self._bus.send(self._subject, messages.encode((self._replica, *key)))
        await self._bus.listen(self._subject, changed)
        try:
            while True:
                await self._renew()
                await asyncio.sleep(_RENEW_SECONDS)
        finally:
            self._stop()

    async def _renew(self) -> None:
        asked = time.monotonic()
        try:
            held = await self._leases.hold("alarms", self._replica, ALARMS_LEASE_SECONDS)
        except ArgoError:
            held = asked < self._held_until  # until then nobody else can have it
        else:
            self._held_until = asked + ALARMS_LEASE_SECONDS - 2 * _RENEW_SECONDS if held else 0.0
        if held and self._firing is None:
            try:
                await self._alarms.load()
            except ArgoError as error:
                log.warning("alarms_not_loaded", reason=error.text)
                return  # in a second again
            self._firing = asyncio.create_task(self._alarms.run(), name="alarms")
            log.info("alarms_fire_here", replica=self._replica)
        elif not held:
            self._stop()

    def _stop(self) -> None:
        if self._firing is not None:
            self._firing.cancel()
            self._firing = None


def node_name(settings: Settings) -> str:
    """The name of this node. ClusterError if it cannot be part of a subject."""
    name = settings.cluster.node or platform.node().replace(".", "-")
    if not _NAME.match(name):
        raise ClusterError(f"'{name}' cannot be a node's name", "give one of letters, digits, - and _: --name NAME")
    return name


async def connect_node(settings: Settings, stack: AsyncExitStack) -> tuple[Connection, ClusterRecord]:
    """Wait for the cluster, and join it. ClusterError."""
    name, lease = node_name(settings), settings.cluster.lease_seconds
    connection = await connect(settings, name, stack)

    def waiting() -> None:
        log.warning("no_cluster_yet", bus_name=settings.cluster.name, fix="argofn serve --store … --bus …")

    record = await join_as_node(connection.state, name, __version__, wait=waiting)
    await refuse_twin(connection.state, name, lease)
    return connection, record


async def serve_node(
    settings: Settings, connection: Connection, machine: Machine, events: EventBus, spawn: Spawn
) -> Beats:
    """Take work from now on; what is returned says how the node is, and drains it."""
    name = node_name(settings)
    agent = NodeAgent(connection.bus, name, machine.placement, connection.queue, events, spawn)
    beats = Beats(
        connection.state,
        name,
        __version__,
        machine.placement,
        machine.provisioner,
        lease=settings.cluster.lease_seconds,
        queue_limit=settings.pool.queue_limit,
        at_hand=connection.blobs.at_hand,
    )

    async def drain(content: bytes) -> bytes:
        beats.draining = messages.decode(content, bool)
        beats.say()
        log.info("node_draining" if beats.draining else "node_takes_work", node=name)
        return messages.encode(agent.in_flight)

    await connection.bus.answer(connection.bus.subject("node", name, "drain"), drain)
    await Showing(connection.bus, name, machine.placement, machine.optimizer.shown()).start()
    # Replicas hear that this is another life of the node before it asks for what the queue gives it once more.
    beats.draining = True
    beats.say()
    beats.draining = False
    await agent.start()
    spawn(beats.run())
    spawn(beats.watch_clock())
    return beats
