"""Placement on this machine: the pool of its sandboxes, the scheduler, and the technologies, wired together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from argo_provider.placement.chooser import Chooser
from argo_provider.placement.port import (
    Claim,
    Overloaded,
    OverloadReason,
    PlacementSnapshot,
    SandboxSummary,
    Ticket,
)
from argo_provider.scheduling.loop import Scheduler
from argo_provider.scheduling.settings import PoolSettings
from argo_provider.scheduling.tasks import TaskScope
from argo_proxy.pool.events import NoEvents, PoolEvents
from argo_proxy.pool.job import Job
from argo_proxy.pool.pool import PoolLimits, SandboxPool
from argo_proxy.pool.serving import LoadCode
from argo_proxy.pool.shape import Shape
from argo_proxy.pool.table import SandboxEntry
from argo_proxy.protocol.messages import Executable, Invocation
from argo_proxy.runtimes import Catalogue
from argo_proxy.sandboxes.port import SandboxDriver, SandboxKind


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
    ) -> None:
        self._drivers = drivers
        self._catalogue = catalogue
        self._load_code = load_code
        self._settings = settings or PoolSettings()
        self._limits = limits or PoolLimits()
        self._events = events or NoEvents()
        self._chooser = Chooser(drivers, catalogue)
        self._draining = True

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._tasks = TaskScope()
        self._scheduler = Scheduler(self._settings, self._events, spawn=self._tasks.spawn, stock=self._stock)
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
        executable = invocation.executable
        entry = self._scheduler.warm(executable.key)
        shape = self._admit(executable) if entry is None else entry.shape
        answered, finished = self._loop.create_future(), self._loop.create_future()
        job = Job(invocation, shape, claim=claim, answered=answered, finished=finished, now=time.monotonic())
        if entry is None:
            self._scheduler.enqueue(job)
        else:
            self._scheduler.run(entry, job)
        return Ticket(answered, finished)

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
            if entry.key is not None and entry.key[1] == path and entry.key[2] != keep_revision:
                self._pool.evict(entry, "forgotten")

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109
        self._draining = True
        return await self._scheduler.settled(timeout)

    def _stock(self) -> Mapping[Shape, int]:
        return {} if self._draining else self._chooser.stock(self._settings.stem_memory_mb)

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

    def _refused(self, reason: OverloadReason, text: str) -> Overloaded:
        self._events.rejected(reason.value)
        return Overloaded(reason, text)


def _summary(entry: SandboxEntry, now: float) -> SandboxSummary:
    life, key, shape = entry.life, entry.key, entry.shape
    return SandboxSummary(
        id=entry.sandbox.id if entry.sandbox is not None else str(entry.number),
        technology=shape.technology.value,
        state=life.state.value,
        kind=shape.title,
        memory_mb=shape.memory_mb,
        namespace=key[0] if key else "",
        path=key[1] if key else "",
        in_flight=life.in_flight,
        idle_seconds=0.0 if life.in_flight or not life.ready else now - entry.idle_since,
    )
