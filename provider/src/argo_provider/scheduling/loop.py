"""Drives the pool by the decisions: every event leads to `pump`, which carries instructions out until none is left."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

import structlog

from argo_provider.scheduling.decision import (
    Assign,
    Evict,
    Expire,
    Hibernate,
    Instruction,
    KeepAlive,
    Start,
    as_set,
    decide,
    replenish,
    tend,
)
from argo_provider.scheduling.growth import Growth
from argo_provider.scheduling.queue import FairQueue
from argo_provider.scheduling.settings import PoolSettings
from argo_proxy.pool.chain import Cutting, Ended, Part
from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.events import PoolEvents
from argo_proxy.pool.job import Job
from argo_proxy.pool.pool import SandboxPool, Spawn, Unserved
from argo_proxy.pool.shape import Key, Shape
from argo_proxy.protocol.interpretation import NO_RESOURCES, creation_outcome
from argo_proxy.protocol.messages import Execution, Outcome, OutcomeKind, Phases
from argo_proxy.sandboxes.port import SandboxCreationError, SandboxKind, Shortfall

_log = structlog.get_logger(__name__)

# What was taken from the stock is made anew after so long: its function's own /init has the processors till then.
_RESTOCK_SECONDS = 0.05

INTERNAL = "The service failed to run the action; the failure is in its log."
CUT_OFF = "The service stopped before the action had finished."


class Scheduler:
    """The waiting line and the pool of one machine. `stock` says which stem cells are wanted now."""

    def __init__(
        self,
        settings: PoolSettings,
        events: PoolEvents,
        *,
        spawn: Spawn,
        stock: Callable[[], Mapping[Shape, int]],
        keep_alive: KeepAlive = as_set,
    ) -> None:
        self.queue = FairQueue(settings.quantum_mb)
        self.jobs = 0  # accepted and not finished
        self.kept: dict[Key, int] = {}  # sandboxes that a key has whatever happens, where that was asked for
        self._settings = settings
        self._events = events
        self._spawn = spawn
        self._stock = stock
        self._keep_alive = keep_alive
        self._backoff: dict[Shape, float] = {}  # until when none is started for the stock
        self._cold: dict[tuple[SandboxKind, str], float] = {}  # when a function of this kind started cold last
        self._short = False  # one of the stock was taken since it was looked after last
        self._growth = Growth(settings, self._serve_in, lambda job: self._end(job, _platform_error(NO_RESOURCES)))
        self._idle = asyncio.Event()
        self._stopped = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._pool: SandboxPool

    def attach(self, pool: SandboxPool) -> None:
        """The pool whose `changed` and `start_failed` are this scheduler's."""
        self._pool = pool

    # The way of an invocation

    def warm(self, key: Key) -> SandboxEntry | None:
        """A warm sandbox that `decide` would assign at once: where nobody waits there is nothing to weigh."""
        if self.queue.lines:
            return None
        table = self._pool.table
        slot = table.free_slot(key)
        if slot is None:
            return None
        entry = table.find(slot)
        if entry.asleep and table.memory_used - entry.held_mb + entry.shape.memory_mb > self._settings.memory_mb:
            return None
        return entry

    def run(self, entry: SandboxEntry, job: Job) -> None:
        """Have `job` run in a sandbox with room."""
        self.jobs += 1
        self._serve_in(entry, job)

    def run_chain(self, parts: Sequence[Part], cutting: Cutting) -> None:
        """Have jobs run one after the other in sandboxes with room, each on the result of the one before.

        Those that do not begin are dropped.
        """
        self.jobs += len(parts)
        for part in parts:
            self._pool.assign(part.entry, part.job)
        self._spawn(self._serve_chain(parts, cutting))

    def grow(self, job: Job) -> None:
        """Have one more sandbox made for `job`, which wants no more: none that serves is taken for it."""
        self.jobs += 1
        self._growth.add(job)
        self.pump()

    def coming(self, key: Key) -> int:
        """Sandboxes that `grow` has on their way, and that are not bound to `key` yet."""
        return self._growth.count(key)

    def started_cold(self) -> Collection[tuple[SandboxKind, str]]:
        """Technologies and kinds of which a function did so lately."""
        since = time.monotonic() - self._settings.stem_demand_seconds
        self._cold = {sort: at for sort, at in self._cold.items() if at >= since}
        return self._cold.keys()

    def keep(self, key: Key, sandboxes: int) -> None:
        """So many of this key are not taken for more than is needed, until something else is said."""
        if sandboxes > 1:
            self.kept[key] = sandboxes
        else:
            self.kept.pop(key, None)

    def enqueue(self, job: Job) -> None:
        """Let `job` wait its turn."""
        self.jobs += 1
        self.queue.push(job)
        self.pump()

    def pump(self) -> None:
        """Carry out what can be done now."""
        if self._growth and not self._stopped:
            self._growth.step(self._pool)
        lines = self.queue.lines
        while lines and not self._stopped:
            instruction = decide(self._pool.table, self.queue, self._settings, time.monotonic())
            if instruction is None:
                if self._timer is None:
                    self._look_again()
                return
            self._carry_out(instruction)
        if self._short and not self._stopped:
            self._restock()

    def _restock(self) -> None:
        """The next function that starts cold may come before the next tick."""
        if self._pool.table.starts_in_flight:
            return  # and asked again once that has ended
        self._short = False
        for each in replenish(self._pool.table, self._settings, self._wanted_stock()):
            self._carry_out(each)

    def _look_again(self) -> None:
        """Patience ends without an event."""
        self._timer = self._loop.call_later(self._settings.patience_seconds, self._patience_over)

    def _patience_over(self) -> None:
        self._timer = None
        self.pump()

    def start_failed(self, entry: SandboxEntry, error: SandboxCreationError) -> None:
        """A sandbox could not be made: the one that it was made for is told, if it still waits."""
        if (grown := self._growth.take(entry)) is not None:
            self._end(grown, creation_outcome(error))
            return
        key = entry.requested_by
        if key is None:
            # Else a runtime that cannot start would be started once a tick for ever.
            self._backoff[entry.shape] = time.monotonic() + self._settings.stem_backoff_seconds
        elif key in self.queue.lines:
            job = self.queue.remove_oldest(key)
            if job.ordinary and job.shape.recorded:
                self._elsewhere(job)
            elif job.ordinary:
                self._events.fell_short(job.invocation.executable, Shortfall.ABSENT, error.reason, rerun=True)
                self._elsewhere(job)
            else:
                self._end(job, creation_outcome(error))

    # Time

    async def tend_forever(self) -> None:
        """Look after idle sandboxes, waits and the stock, until cancelled."""
        while True:
            try:
                self.tend()
            except Exception:  # noqa: BLE001 — the guard of this loop: one bad round must not end the care
                _log.exception("pool_tending_failed")
            await asyncio.sleep(self._settings.tick_seconds)

    def tend(self) -> None:
        """One round."""
        if self._stopped:
            return
        now, table = time.monotonic(), self._pool.table
        self.kept = {key: least for key, least in self.kept.items() if table.bound(key)}
        self._backoff = {shape: until for shape, until in self._backoff.items() if until > now}
        stock, told = self._wanted_stock(), self._keep_alive
        for each in tend(table, self.queue, self._settings, stock=stock, now=now, kept=self.kept, keep_alive=told):
            self._carry_out(each)
        self.pump()

    def _wanted_stock(self) -> Mapping[Shape, int]:
        return {shape: wanted for shape, wanted in self._stock().items() if shape not in self._backoff}

    # The end

    async def settled(self, seconds: float) -> bool:
        """Wait until every accepted job has finished; whether they have in that time."""
        try:
            async with asyncio.timeout(seconds):
                while self.jobs:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        """Nothing new begins. Those who wait are told; journaled ones stay in the journal."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._growth.stop()
        while self.queue:
            job = self.queue.remove_oldest(next(iter(self.queue.lines)))
            if job.claim is not None:
                self._drop(job)
            else:
                self._end(job, _platform_error(CUT_OFF))

    def _carry_out(self, instruction: Instruction) -> None:
        pool = self._pool
        match instruction:
            case Assign(key, sandbox, cost):
                job = self.queue.pop(key, cost, now := time.monotonic())
                job.placed_at = now
                self._serve_in(pool.table.find(sandbox), job)
            case Start(shape, key):
                pool.start(shape, key)
            case Evict(sandbox, reason):
                pool.evict(pool.table.find(sandbox), reason)
            case Hibernate(sandbox):
                pool.hibernate(pool.table.find(sandbox))
            case Expire(key):
                self._events.rejected("waited_too_long")
                self._end(self.queue.remove_oldest(key), _platform_error(NO_RESOURCES))

    def _serve_in(self, entry: SandboxEntry, job: Job) -> None:
        cold = self._pool.assign(entry, job)
        if cold:
            self._cold[job.shape.technology, job.shape.kind] = time.monotonic()
            self._loop.call_later(_RESTOCK_SECONDS, self._taken)
        self._spawn(self._serve(entry, job, cold=cold))

    async def _serve(self, entry: SandboxEntry, job: Job, *, cold: bool) -> None:
        try:
            served = await self._pool.serve(entry, job, cold=cold)
        except asyncio.CancelledError:
            self._fail(job, CUT_OFF)
            raise
        except Exception:  # noqa: BLE001 — the guard of one invocation: its failure is its own
            _log.exception("serving_failed", activation=job.invocation.activation_id)
            self._fail(job, INTERNAL)
            return
        if isinstance(served, Execution):
            job.finish(served)
            if not job.only_init:
                self._events.executed(job.invocation.executable, served)
            self._finished()
        elif served is Unserved.DROPPED:
            self._drop(job)
        else:
            self._elsewhere(job)

    async def _serve_chain(self, parts: Sequence[Part], cutting: Cutting) -> None:
        left = deque(part.job for part in parts)
        try:
            await self._pool.serve_chain(parts, cutting, lambda done: self._link_ended(left.popleft(), done))
        except asyncio.CancelledError:
            if left:
                self._fail(left.popleft(), CUT_OFF)
            raise
        except Exception:  # noqa: BLE001 — the same guard: what may have begun has failed, the rest runs another way
            _log.exception("serving_failed", activations=[job.invocation.activation_id for job in left])
            if left:
                self._fail(left.popleft(), INTERNAL)
        finally:
            for job in left:
                self._drop(job)

    def _link_ended(self, job: Job, done: Ended) -> None:
        if done.elsewhere:
            self._elsewhere(job)
            return
        job.finish(done.execution)
        self._events.executed(job.invocation.executable, done.execution)
        self._finished()

    def _taken(self) -> None:
        self._short = True
        self.pump()

    def _elsewhere(self, job: Job) -> None:
        """The sandbox was gone before user code began, or not up to the job: once more in another."""
        if not self._stopped and job.take_ordinary_way():
            self.queue.push(job, first=True)
            self.pump()
            return
        if job.retried or self._stopped:
            self._fail(job, CUT_OFF if self._stopped else NO_RESOURCES)
            return
        job.retried = True
        self.queue.push(job, first=True)
        self.pump()

    def _fail(self, job: Job, text: str) -> None:
        """Journaled work of which user code has not begun stays in the journal."""
        if job.claim is not None:
            self._drop(job)
        else:
            job.fail(_execution(job, _platform_error(text)))
            self._finished()

    def _end(self, job: Job, outcome: Outcome) -> None:
        job.finish(_execution(job, outcome))
        self._finished()

    def _drop(self, job: Job) -> None:
        job.drop(job.invocation.activation_id)
        self._finished()

    def _finished(self) -> None:
        self.jobs -= 1
        if not self.jobs:
            self._idle.set()


def _platform_error(text: str) -> Outcome:
    return Outcome(OutcomeKind.PLATFORM_ERROR, {"error": text})


def _execution(job: Job, outcome: Outcome) -> Execution:
    """Of a job that no sandbox answered."""
    now = time.time()
    waited = (time.monotonic() - job.accepted_at) * 1000
    return Execution(outcome, Phases(queue=waited), now, now, (), job.shape.technology.value)
