"""Placement on this machine: the pool of its sandboxes, the scheduler, and the technologies, wired together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import TracebackType
from typing import Self

from argo_provider.model.stay import Stay
from argo_provider.optimizer.model import Route
from argo_provider.optimizer.ports import Weight
from argo_provider.placement.chaining import Chaining
from argo_provider.placement.chooser import NATIVE, Chooser
from argo_provider.placement.port import (
    HIBERNATED,
    ORDINARY,
    Claim,
    Compared,
    Cutting,
    OrdinaryRouter,
    Overloaded,
    OverloadReason,
    PlacementSnapshot,
    Router,
    SandboxSummary,
    Ticket,
)
from argo_provider.placement.scales import Scales
from argo_provider.scheduling.loop import Scheduler
from argo_provider.scheduling.settings import PoolSettings
from argo_provider.scheduling.tasks import TaskScope
from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.events import NoEvents, PoolEvents
from argo_proxy.pool.job import Job, Ways
from argo_proxy.pool.life import SandboxState
from argo_proxy.pool.limits import PoolLimits
from argo_proxy.pool.pool import SandboxPool
from argo_proxy.pool.serving import LoadCode
from argo_proxy.pool.shape import Key, Shape, key_of, other_way, revision_of, variant_of
from argo_proxy.pool.table import SandboxTable
from argo_proxy.protocol.messages import Executable, Execution, Invocation, OutcomeKind
from argo_proxy.runtimes import Catalogue
from argo_proxy.sandboxes.port import GrowingSandbox, SandboxDriver, SandboxKind


class LocalPlacement:
    """An async context manager: enter it before `submit`; leaving it drains and destroys every sandbox.

    `drivers` in order of preference, usable ones only; they are closed by whoever made them, after this.
    `load_code` raises LookupError for a digest that is not there.
    """

    def __init__(
        self,
        drivers: Mapping[SandboxKind, SandboxDriver],
        catalogue: Catalogue,
        load_code: LoadCode,
        *,
        settings: PoolSettings | None = None,
        limits: PoolLimits | None = None,
        events: PoolEvents | None = None,
        router: Router | None = None,
        compared: Compared | None = None,
        why_not: Mapping[SandboxKind, str] | None = None,
    ) -> None:
        self._drivers = drivers
        self._catalogue = catalogue
        self._load_code = load_code
        self._settings = settings or PoolSettings()
        self._limits = replace(limits or PoolLimits(), patience_seconds=self._settings.patience_seconds)
        self._events = events or NoEvents()
        self._router = router or OrdinaryRouter()
        self._compared = compared
        self._chooser = Chooser(drivers, catalogue, why_not)
        self._draining = True

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._tasks = TaskScope()
        self._scheduler = Scheduler(
            self._settings, self._events, spawn=self._tasks.spawn, stock=self._stock, keep_alive=self._keep_alive
        )
        self._pool = SandboxPool(
            self._drivers,
            self._catalogue,
            self._load_code,
            spawn=self._tasks.spawn,
            changed=self._scheduler.pump,
            start_failed=self._scheduler.start_failed,
            limits=self._limits,
            events=self._events,
        )
        self._scheduler.attach(self._pool)
        self._chaining = Chaining(self._router, self._scheduler, self._ordinary_ways)
        self._scales = Scales(self._pool.table)
        self._tasks.spawn(self._scheduler.tend_forever())
        self._draining = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.drain(self._settings.drain_seconds)
        finally:
            self._scheduler.stop()
            await self._pool.finish_starts()
            await self._tasks.close(grace=self._limits.destroy_seconds)
            await self._pool.close()

    def submit(self, invocation: Invocation, *, claim: Claim | None = None) -> Ticket:
        if self._draining:
            raise self._refused(OverloadReason.DRAINING, "The service is stopping.")
        route = self._router.route(invocation.executable)
        ticket = self._submit(invocation, route, claim=claim)
        if route.canary and invocation.executable.idempotent and self._compared is not None:
            self._tasks.spawn(self._compare(invocation, ticket, self._compared))
        return ticket

    def _submit(
        self, invocation: Invocation, route: Route, *, claim: Claim | None = None, only_init: bool = False
    ) -> Ticket:
        executable = invocation.executable
        key = executable.key if route is ORDINARY else key_of(executable, route.variant)
        entry = self._scheduler.warm(key)
        ordinary: Ways = ()
        if entry is not None:
            shape = entry.shape
        else:
            key, shape = self._way(executable, route)
        if (route.technology is not None or route.observed) and not only_init:
            ordinary = (
                self._ordinary_ways(executable, route) if entry is None else self._known(entry, executable, route)
            )
        answered, finished = self._loop.create_future(), self._loop.create_future()
        job = Job(
            invocation,
            shape,
            claim=claim,
            answered=answered,
            finished=finished,
            now=time.monotonic(),
            key=key,
            ordinary=ordinary,
            only_init=only_init,
            canary=route.canary,
        )
        if entry is None:
            self._scheduler.enqueue(job)
        else:
            self._scheduler.run(entry, job)
        return Ticket(answered, finished)

    def may_chain(self, executable: Executable) -> bool:
        return not self._draining and self._chaining.may_chain(executable)

    def chain(self, invocations: Sequence[Invocation], cutting: Cutting) -> list[Ticket]:
        parts = [] if self._draining else self._chaining.parts(invocations)
        if parts:
            self._scheduler.run_chain(parts, cutting)
        return [Ticket(part.job.answered, part.job.finished) for part in parts]

    async def prepare(self, executable: Executable, route: Route, *, slots: int = 1) -> Execution:
        """Have `slots` sandboxes ready for this way before any invocation takes it; how the first came out.

        That one takes its turn like an invocation. The others come out of memory that is free, all at once, and keep
        nobody waiting; there may be fewer. Raises Overloaded where there is no such way here.
        """
        if route.technology is not None and self._chooser.native_shape(executable, route.technology) is None:
            text = f"Nothing here can run '{executable.kind}' as '{route.technology}'."
            raise self._refused(OverloadReason.UNPREPARED, text)
        invocation = Invocation("", "", executable, dict(executable.init_parameters), accepted_at=time.monotonic())
        key, shape = self._way(executable, route)
        self._scheduler.keep(key, slots)
        known = self._there(key) > 0  # then it can do it, and the others need not wait for a first one
        if known:
            await self._grow(invocation, key, shape, slots)
        made = await self._submit(invocation, route, only_init=True).outcome
        if not known and made.outcome.kind is OutcomeKind.SUCCESS:
            await self._grow(invocation, key, shape, slots)
        return made

    def _there(self, key: Key) -> int:
        """Sandboxes that serve this key, or will."""
        return self._pool.table.bound(key) + self._scheduler.coming(key)

    async def _grow(self, invocation: Invocation, key: Key, shape: Shape, slots: int) -> None:
        """To `slots` sandboxes, or as many as can be had in time."""
        outcomes: list[asyncio.Future[Execution]] = []
        for _ in range(slots - self._there(key)):
            outcomes.append(self._loop.create_future())
            job = Job(
                invocation,
                shape,
                claim=None,
                answered=outcomes[-1],
                finished=self._loop.create_future(),
                now=time.monotonic(),
                key=key,
                only_init=True,
            )
            self._scheduler.grow(job)
        if outcomes:
            await asyncio.wait(outcomes, timeout=_PREPARE_SECONDS)
        await _provide_for_all(self._pool.table, key)

    async def recorded(self, path: str) -> list[bytes]:
        """What the recorders beside the function at `path` have seen so far, as it came out of their sandboxes."""
        return await self._pool.recorded(path)

    async def weigh(self, most: int) -> list[Weight]:
        """What idle sandboxes hold, a few at a time."""
        return await self._scales.weigh(most)

    def load(self, executable: Executable) -> int:
        """Sandboxes of this revision at work, whatever the way, and invocations that wait for an ordinary one."""
        key = executable.key
        line = self._scheduler.queue.lines.get(key)
        return self._pool.table.at_work(_all_ways(key)) + (len(line.jobs) if line is not None else 0)

    def warm(self, executable: Executable, variant: str = "") -> int:
        """Sandboxes that serve, or will serve, this revision this way."""
        return self._pool.table.bound(key_of(executable, variant))

    async def _compare(self, invocation: Invocation, ticket: Ticket, compared: Compared) -> None:
        """Run it again on the ordinary runtime; nobody waits for that, and it leaves no record."""
        native = await asyncio.shield(ticket.execution)
        ordinary = await self._again(invocation)
        if differ(native, ordinary) and differ(ordinary, await self._again(invocation)):
            return  # time or chance is in its answers: nothing to compare
        compared.compared(invocation.executable, native, ordinary)

    async def _again(self, invocation: Invocation) -> Execution:
        return await self._submit(replace(invocation, accepted_at=time.monotonic()), ORDINARY).execution

    @property
    def in_flight(self) -> int:
        """Accepted and not finished."""
        return self._scheduler.jobs

    def slots(self) -> Iterator[tuple[Key, int]]:
        """For every sandbox of an action: its ordinary key, and how many invocations it takes at once."""
        for entry in self._pool.table:
            if entry.key is not None and entry.life.ready and not entry.life.retiring and not entry.gone:
                yield (*entry.key[:2], revision_of(entry.key)), entry.room

    def snapshot(self) -> PlacementSnapshot:
        table, now = self._pool.table, time.monotonic()
        return PlacementSnapshot(
            memory_limit_mb=self._settings.memory_mb,
            memory_used_mb=table.memory_used,
            starting=table.starts_in_flight,
            waiting=self._scheduler.queue.counts(),
            sandboxes=tuple(_summary(entry, now) for entry in table),
            draining=self._draining,
        )

    def forget(self, path: str, *, keep_revision: str | None = None) -> None:
        for entry in self._pool.table:
            if entry.key is not None and entry.key[1] == path and revision_of(entry.key) != keep_revision:
                self._pool.evict(entry, "forgotten")

    def close_way(self, namespace: str, path: str, variant: str, *, keep: int = 0) -> None:
        """End the sandboxes that serve `path` this way, but for `keep`: idle ones now, busy ones once done."""
        entries = [
            entry
            for entry in self._pool.table
            if entry.key is not None and entry.key[:2] == (namespace, path) and variant_of(entry.key) == variant
        ]
        entries.sort(key=lambda entry: entry.idle_since, reverse=True)
        for key in {entry.key for entry in entries if entry.key is not None}:
            self._scheduler.keep(key, keep)
        for entry in entries[keep:]:
            if not keep or not entry.life.in_flight:
                self._pool.evict(entry, "retired")

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109
        self._draining = True
        return await self._scheduler.settled(timeout)

    def _stock(self) -> Mapping[Shape, int]:
        if self._draining:
            return {}
        return self._chooser.stock(self._settings.stem_memory_mb, self._scheduler.started_cold())

    def _keep_alive(self, key: Key) -> tuple[Stay, Stay] | None:
        """Isolates and children of zygotes are scaled by whoever routes to them."""
        return self._router.keep_alive(*key[:2]) if variant_of(key) in _ORDINARY_WAYS else None

    def _admit(self, executable: Executable) -> Shape:
        settings, queue = self._settings, self._scheduler.queue
        if len(queue) >= settings.queue_limit:
            raise self._refused(OverloadReason.QUEUE_FULL, "Too many invocations are waiting: try again later.")
        if queue.waiting(executable.namespace) >= settings.namespace_queue_limit:
            text = f"Too many invocations of the namespace '{executable.namespace}' are waiting: try again later."
            raise self._refused(OverloadReason.NAMESPACE_QUEUE_FULL, text)
        if executable.memory_mb > settings.memory_mb:
            text = (
                f"The action needs {executable.memory_mb} MB, and this machine gives all of them {settings.memory_mb}."
            )
            raise self._refused(OverloadReason.TOO_LARGE, text)
        try:
            return self._chooser.shape(executable)
        except Overloaded as refusal:
            self._events.rejected(refusal.reason.value)
            raise

    def _way(self, executable: Executable, route: Route) -> tuple[Key, Shape]:
        """Where the way that the route names is closed, the ordinary one is open. Raises Overloaded."""
        shape = self._admit(executable)
        if route is ORDINARY:
            return executable.key, shape
        key = key_of(executable, route.variant)
        if route.technology is not None:
            native = self._chooser.native_shape(executable, route.technology)
            return (executable.key, shape) if native is None else (key, native)
        return key, shape._replace(recorded=True)

    def _known(self, entry: SandboxEntry, executable: Executable, route: Route) -> Ways:
        """The same, found once for all that a sandbox serves: they are of one revision, and come one way."""
        if entry.ordinary is None:
            entry.ordinary = self._ordinary_ways(executable, route)
        return entry.ordinary

    def _ordinary_ways(self, executable: Executable, route: Route) -> Ways:
        """What there is beside `route`: first with a recorder, where there is one, as it sees at once what fell short;
        then without, should the recorder be what fails."""
        try:
            shape = self._chooser.shape(executable)
        except Overloaded:
            return ()
        plain = (executable.key, shape)
        if route.technology is None or not executable.kind.startswith(_RECORDED_FAMILY):
            return (plain,)
        return (key_of(executable, _OBSERVED.variant), shape._replace(recorded=True)), plain

    def _refused(self, reason: OverloadReason, text: str) -> Overloaded:
        self._events.rejected(reason.value)
        return Overloaded(reason, text)


async def _provide_for_all(table: SandboxTable, key: Key) -> None:
    """Where the sandboxes of a key share what serves them, there is enough of it for all of them after this."""
    entries = [entry for entry in table if entry.key == key and entry.life.state in _INITIALISED]
    sandbox: object = entries[0].sandbox if entries else None
    if isinstance(sandbox, GrowingSandbox):
        await sandbox.grow(len(entries))


_INITIALISED = frozenset({SandboxState.WARM, SandboxState.BUSY})
_PREPARE_SECONDS = 60.0  # where there is no memory for all, those that are ready are not kept from serving
_RECORDED_FAMILY = "java:"
_OBSERVED = Route(observed=True)
_ORDINARY_WAYS = frozenset({"", _OBSERVED.variant})
_WAYS = ("", _OBSERVED.variant, *(kind.value for kind in NATIVE))


@lru_cache(maxsize=4096)  # asked after every invocation
def _all_ways(key: Key) -> tuple[Key, ...]:
    """The keys of all ways of the revision whose ordinary one this is."""
    return tuple(other_way(key, way) for way in _WAYS)


def differ(one: Execution, other: Execution) -> bool:
    """Whether a caller would notice."""
    return one.outcome.kind is not other.outcome.kind or one.outcome.result != other.outcome.result


def _summary(entry: SandboxEntry, now: float) -> SandboxSummary:
    life, key, shape = entry.life, entry.key, entry.shape
    return SandboxSummary(
        id=entry.sandbox.id if entry.sandbox is not None else str(entry.number),
        technology=shape.technology.value,
        state=HIBERNATED if entry.asleep else life.state.value,
        kind=shape.title,
        memory_mb=entry.held_mb,
        namespace=key[0] if key else "",
        path=key[1] if key else "",
        in_flight=life.in_flight,
        idle_seconds=0.0 if life.in_flight or not life.ready else now - entry.idle_since,
    )
