"""Wires the service together: the only module that knows every adapter."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from argo_provider import __version__, clustered, hosting
from argo_provider.api import dashboard
from argo_provider.api.authentication import Authenticator
from argo_provider.api.middleware import MIDDLEWARES
from argo_provider.api.routes import routes
from argo_provider.api.state import SERVICES, Services
from argo_provider.api.straight import StraightInvocations
from argo_provider.cluster.readiness import ClusterReadiness
from argo_provider.entities.actions import Actions
from argo_provider.entities.packages import Packages
from argo_provider.entities.rules import Rules
from argo_provider.entities.triggers import Triggers
from argo_provider.errors import StorageError
from argo_provider.events import ActionChanged, Event, EventBus
from argo_provider.insight.services import Insight, Surroundings
from argo_provider.invocation.activator import Activator, Runners
from argo_provider.invocation.chains import Chains
from argo_provider.invocation.compositions import Compositions
from argo_provider.invocation.fire import Fire
from argo_provider.invocation.invoke import Invoke
from argo_provider.invocation.journal import Recovery
from argo_provider.invocation.promised import Promised
from argo_provider.invocation.sequences import Sequences, Steps
from argo_provider.invocation.throttle import Throttle, ThrottleDefaults
from argo_provider.machine import open_machine
from argo_provider.model.clock import Clock
from argo_provider.model.kinds import KindInfo, KindTable
from argo_provider.optimizing import Optimizer
from argo_provider.placement.port import Placement
from argo_provider.placement.provisioning import Provisioner
from argo_provider.scheduling.tasks import TaskScope
from argo_provider.settings import Settings
from argo_provider.settings.address import api_url
from argo_provider.storage import sql
from argo_provider.storage.port import Stores
from argo_provider.storage.sweep import Sweep
from argo_provider.system import install
from argo_provider.system.alarms import Alarms
from argo_provider.system.gateway import Gateway
from argo_provider.telemetry import logs
from argo_provider.telemetry.metrics import Metrics
from argo_provider.telemetry.pool import PoolMetrics
from argo_proxy.runtimes import Catalogue, load_catalogue

log = structlog.get_logger(__name__)

_CLOSE_SECONDS = 5.0
_SHARED_LINGER = 0.05  # seconds that records which nobody waits for gather before they are written to a database server
Readiness = Provisioner | ClusterReadiness


def open_stores(
    settings: Settings,
    on_commit: Callable[[int, float], None] | None = None,
    replica: clustered.Replica | None = None,
) -> AbstractAsyncContextManager[Stores]:
    """The stores of the data directory, made if missing; or of a cluster's database."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageError(f"The data folder {settings.data_dir} cannot be made: {error.strerror}.") from error
    where = settings.data_dir / "argo.db" if settings.store is None else settings.store.reveal()
    options = sql.StoreOptions(on_commit=on_commit, seal=_seal(settings))
    if replica is None:
        return sql.open_stores(where, settings.data_dir / "blobs", options)
    # A transaction there is some round trips and another machine's flush, whatever it holds: more records share one.
    writer = replace(options.writer, linger=_SHARED_LINGER)
    return sql.open_stores(where, replica.blobs, replace(options, owner=replica.name, writer=writer))


def _seal(settings: Settings) -> sql.Seal:
    keys = settings.secrets.storage_keys
    try:
        return sql.Seal.parse(keys.reveal()) if keys is not None else sql.Seal()
    except ValueError as error:
        raise hosting.StartError(str(error), "set ARGO_SECRETS_STORAGE_KEYS to base64 keys of 32 bytes") from error


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    stop = ready_to_stop(settings)
    async with serving(settings) as service:
        hosting.settle_collector()
        if settings.bus.url is not None:
            hosting.settle_scheduling()
        await stop.wait()
        log.info("draining", seconds=settings.pool.drain_seconds)
        await service.drain()
    log.info("stopped")


def ready_to_stop(settings: Settings) -> asyncio.Event:
    """Logs are written as the settings say; the event is set by SIGTERM and SIGINT."""
    logs.configure(settings.log)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


@dataclass(slots=True)
class Service:
    """A running service, for `run` and for tests."""

    settings: Settings
    throttle: Throttle
    placement: Placement
    invoke: Invoke
    promised: Promised

    async def drain(self) -> None:
        """Refuse new work, finish what is under way, within the time that the settings give."""
        self.invoke.draining = True
        self.promised.stop()
        deadline = time.monotonic() + self.settings.pool.drain_seconds
        await self.throttle.idle(self.settings.pool.drain_seconds)
        await self.placement.drain(max(0.1, deadline - time.monotonic()))


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Service]:
    """The whole service, listening; everything is released on leaving, in reverse order."""
    begun = time.monotonic()
    async with AsyncExitStack() as stack:
        clock, events, metrics = Clock(), EventBus(), Metrics()
        stack.enter_context(hosting.alone_over(settings.data_dir))
        clustered.check_replica(settings)
        replica = await clustered.Replica.connect(settings, stack) if settings.bus.url else None
        stores = await stack.enter_async_context(open_stores(settings, metrics.commits.committed, replica))
        catalogue, tasks = load_catalogue(), TaskScope()
        if replica is not None:
            await replica.join(stores.leases)
            stack.push_async_callback(replica.leave, stores.leases)
        await install.install(stores.entities, stores.namespaces, clock)
        placement: Placement
        provisioner: Readiness
        optimizer: Optimizer | None = None
        if replica is None:
            machine = await open_machine(
                settings, catalogue, stores, stores.blobs, events, metrics, clock, tasks.spawn, stack
            )
            placement, provisioner, optimizer = machine.placement, machine.provisioner, machine.optimizer
        else:
            await replica.place(catalogue, PoolMetrics(metrics.registry), events, tasks.spawn, stack)
            placement, provisioner = replica.placement, replica.readiness
            metrics.watch_pool(placement.snapshot)
        stack.push_async_callback(tasks.close, grace=_CLOSE_SECONDS)
        service, services, alarms, recovery = _use_cases(
            settings, stores, placement, tasks, clock, events, metrics, catalogue, provisioner, optimizer, replica
        )
        if optimizer is not None:
            await optimizer.start(tasks.spawn)
        await recovery()
        if replica is None:
            await alarms.load()
            tasks.spawn(alarms.run())
        else:
            replica.run(stores, service.throttle, events, alarms, recovery, tasks.spawn)
        _background(tasks, settings, stores, provisioner, metrics, clock)
        tasks.spawn(services.insight.feed.watch())
        await _listen(settings, services, stack)
        log.info("ready", url=services.public_url, version=__version__, seconds=round(time.monotonic() - begun, 3))
        yield service


def _kinds(catalogue: Catalogue) -> KindTable:
    return KindTable(
        KindInfo(r.kind, r.family, r.image, r.default, r.deprecated, r.require_main)
        for runtimes in catalogue.families().values()
        for r in runtimes
    )


def _use_cases(  # noqa: PLR0917 — one place where everything meets
    settings: Settings,
    stores: Stores,
    placement: Placement,
    tasks: TaskScope,
    clock: Clock,
    events: EventBus,
    metrics: Metrics,
    catalogue: Catalogue,
    provisioner: Readiness,
    optimizer: Optimizer | None,
    replica: clustered.Replica | None,
) -> tuple[Service, Services, Alarms, Recovery]:
    limits, kinds = settings.limits, _kinds(catalogue)
    defaults = ThrottleDefaults(
        settings.throttles.invocations_per_minute,
        settings.throttles.concurrent_invocations,
        settings.throttles.fires_per_minute,
    )
    throttle = Throttle(defaults, clock)
    activator = Activator(placement, stores.activations, throttle, events, clock, tasks.spawn)
    prepare = partial(_prepare, provisioner, limits.blocking_wait_ms / 1000)
    promised = Promised(stores.activations, activator.start, tasks.spawn)
    invoke = Invoke(stores.entities, stores.activations, activator, throttle, kinds, clock, prepare, promised=promised)
    fire = Fire(stores.entities, stores.activations, invoke, throttle, clock, events)
    alarms = Alarms(stores.documents, stores.namespaces, fire, clock)
    steps = Steps(stores.entities, activator.start, prepare, limits, clock)
    activator.use(
        Runners(
            sequence=Sequences(steps, Chains(stores.entities, activator, steps, events)).run,
            composition=Compositions(steps, activator.submit_conductor).run,
            builtins=install.builtins(alarms),
        )
    )
    authenticator = Authenticator(stores.namespaces, events, clock)
    if optimizer is not None:
        optimizer.calls.use(invoke, activator, authenticator)
    service = Service(settings, throttle, placement, invoke, promised)
    public_url = api_url(settings.server)
    services = Services(
        stores=stores,
        authenticator=authenticator,
        actions=Actions(stores, kinds, limits, clock, events, defaults.concurrent_invocations),
        packages=Packages(stores, limits, clock, events),
        triggers=Triggers(stores.entities, limits, clock),
        rules=Rules(stores.entities, limits, clock),
        invoke=invoke,
        fire=fire,
        gateway=Gateway(stores.documents, public_url),
        events=events,
        kinds=kinds,
        limits=limits,
        throttles=defaults,
        body_seconds=settings.server.body_timeout_seconds,
        public_url=public_url,
        metrics_token=settings.server.metrics_token,
        observe=metrics.http.answered,
        count_error=partial(_count_error, metrics),
        metrics=metrics.render,
        insight=Insight(
            stores,
            events,
            clock,
            _surroundings(placement, provisioner, optimizer, replica),
            optimizer.shown() if optimizer else replica.sight.optimiser() if replica else None,
        ),
        schedules=alarms.of,
        status=partial(_status, placement, provisioner, optimizer),
        draining=lambda: invoke.draining,
    )
    events.listen(partial(_forget_changed, placement), ActionChanged)
    return service, services, alarms, Recovery(stores, promised, clock, prepare, tasks.spawn)


def _surroundings(
    placement: Placement, provisioner: Readiness, optimizer: Optimizer | None, replica: clustered.Replica | None
) -> Surroundings:
    def degraded() -> list[str]:
        sandboxes = [sentence for report in provisioner.reports for sentence in report.degraded]
        missing = [] if optimizer is None else optimizer.missing()
        return sandboxes + [f"Functions cannot become native: {part.error}" for part in missing]

    if replica is None:
        return Surroundings(placement.snapshot, degraded)
    return Surroundings(replica.snapshot, degraded, nodes=replica.readiness.nodes, look=replica.sight.look)


async def _prepare(provisioner: Readiness, seconds: float, kind: str) -> None:
    await provisioner.wait_ready(kind, seconds)  # where it does not come, placement says why


def _count_error(metrics: Metrics, reason: str) -> None:
    metrics.errors.labels(reason).inc()


def _forget_changed(placement: Placement, event: Event) -> None:
    """Warm sandboxes of an action's older revisions are of no use to anyone."""
    if isinstance(event, ActionChanged):
        placement.forget(f"/{event.name}")


async def _status(placement: Placement, provisioner: Readiness, optimizer: Optimizer | None) -> dict[str, Any]:
    snapshot = placement.snapshot()
    return {
        "version": __version__,
        "sandboxes": [asdict(report) | {"kind": report.kind.value} for report in provisioner.reports],
        "runtimes": [asdict(state) for state in provisioner.states],
        "hibernation": provisioner.hibernation,
        "native": [] if optimizer is None else optimizer.status(),
        "pool": {
            "memoryLimitMb": snapshot.memory_limit_mb,
            "memoryUsedMb": snapshot.memory_used_mb,
            "starting": snapshot.starting,
            "waiting": sum(snapshot.waiting.values()),
            "byState": dict(snapshot.by_state),
        },
        "draining": snapshot.draining,
    }


def _background(
    tasks: TaskScope,
    settings: Settings,
    stores: Stores,
    provisioner: Readiness,
    metrics: Metrics,
    clock: Clock,
) -> None:
    """What goes on beside requests; each has its owner in `tasks`."""
    tasks.spawn(metrics.watch_loop())
    if settings.runtimes.provision:
        tasks.spawn(provisioner.run())
    kept = settings.retention
    tasks.spawn(Sweep(stores, clock, kept.activations_seconds).forever(kept.sweep_every_seconds))


async def _listen(settings: Settings, services: Services, stack: AsyncExitStack) -> None:
    server = settings.server
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=server.body_bytes)
    app[SERVICES] = services
    app[dashboard.FOLDER] = server.dashboard_dir or dashboard.packaged_folder()
    app.router.add_routes(routes())
    app.on_shutdown.append(_end_streams)
    straight = StraightInvocations(services, server.body_bytes)
    await stack.enter_async_context(hosting.listening(app, server, straight))


async def _end_streams(app: web.Application) -> None:
    """Event streams end by nothing else, and the server waits for its requests."""
    app[SERVICES].insight.feed.close()
