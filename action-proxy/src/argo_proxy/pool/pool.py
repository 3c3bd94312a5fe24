"""Carries the scheduler's instructions out on the sandboxes of one machine."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import Enum, auto
from typing import Any

import structlog

from argo_proxy.pool.chain import ChainServing, Cutting, Ended, Part
from argo_proxy.pool.depth import observe
from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.events import NoEvents, PoolEvents
from argo_proxy.pool.fate import Fate, fate_of, may_have_begun, may_stay, waits, with_reply
from argo_proxy.pool.hibernation import Hibernation
from argo_proxy.pool.job import Job, ReadyClaim
from argo_proxy.pool.life import (
    ASSIGNED,
    CREATED,
    ENDED,
    RELEASED,
    RETIRED,
    UNBOUND,
    SandboxState,
)
from argo_proxy.pool.limits import PoolLimits
from argo_proxy.pool.serving import Attempt, LoadCode, Serving, queued_in, untouched, with_logs
from argo_proxy.pool.shape import Key, Shape
from argo_proxy.pool.table import SandboxTable
from argo_proxy.protocol.messages import Execution
from argo_proxy.runtimes import Catalogue
from argo_proxy.sandboxes.port import (
    Answered,
    Gone,
    RecordingSandbox,
    ResizableSandbox,
    Sandbox,
    SandboxCreationError,
    SandboxDriver,
    SandboxKind,
    Shortfall,
    TimedOut,
)

_log = structlog.get_logger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Runs a coroutine in the owner's task group."""


class Unserved(Enum):
    """Why a job was not run in the sandbox that it was assigned to; user code has not begun."""

    DROPPED = auto()  # its claim was refused
    ELSEWHERE = auto()  # the sandbox was gone: another may take it


class SandboxPool:
    """Sandboxes and what is done with them. Synchronous methods change the table at once; the rest follows in tasks.

    `changed` is called when a sandbox became free, ready or gone; `start_failed` when one could not be created.
    """

    def __init__(
        self,
        drivers: Mapping[SandboxKind, SandboxDriver],
        catalogue: Catalogue,
        load_code: LoadCode,
        *,
        spawn: Spawn,
        changed: Callable[[], None],
        start_failed: Callable[[SandboxEntry, SandboxCreationError], None],
        limits: PoolLimits | None = None,
        events: PoolEvents | None = None,
    ) -> None:
        self.table = SandboxTable()
        self._drivers = drivers
        self._catalogue = catalogue
        self._load_code = load_code
        self._spawn = spawn
        self._changed = changed
        self._start_failed = start_failed
        self._limits = limits or PoolLimits()
        self._events = events or NoEvents()
        self._all_created = asyncio.Event()
        self._hibernation = Hibernation(
            self.table, self._limits.hibernator, spawn, self._events, written_seconds=self._limits.written_seconds
        )

    # Instructions

    def start(self, shape: Shape, requested_by: Key | None) -> SandboxEntry:
        """Begin to create a sandbox."""
        entry = self.table.add(shape, requested_by, time.monotonic())
        self._spawn(self._create(entry))
        return entry

    def assign(self, entry: SandboxEntry, job: Job) -> bool:
        """Take a slot of this sandbox for `job`; whether it must be initialised first."""
        if entry.life.state is not SandboxState.COLD:
            if entry.put_out is not None:
                self._hibernation.wake(entry)
            self.table.apply(entry, ASSIGNED)
            return False
        sandbox: object = entry.sandbox
        if entry.shape.elastic and isinstance(sandbox, ResizableSandbox):
            sandbox.resize(job.shape.memory_mb)
        self.table.bind(entry, job.key, job.shape, time.monotonic())
        return True

    def hibernate(self, entry: SandboxEntry) -> None:
        """Put its memory out, while nothing is in flight."""
        self._hibernation.begin(entry)

    def evict(self, entry: SandboxEntry, reason: str) -> None:
        """End it now if nothing is in flight, else when the last activation has left."""
        life = entry.life
        if entry.gone or life.retiring:
            return
        if life.in_flight or not life.ready:
            self.table.apply(entry, RETIRED)
        else:
            self._end(entry, reason)

    async def serve(self, entry: SandboxEntry, job: Job, *, cold: bool) -> Execution | Unserved:
        """Run `job` in the slot taken by `assign`; the slot is given back however this ends."""
        fate = Fate.BROKEN  # what an exception leaves behind must not be used again
        try:
            if job.claim is not None and not await self._claimed(job):
                fate = Fate.UNUSED
                return Unserved.DROPPED
            sandbox = entry.sandbox
            if sandbox is None or entry.gone:
                return Unserved.ELSEWHERE
            attempt = Attempt(job, sandbox, self._limits.serving, *waits(entry, job, time.monotonic(), cold=cold))
            serving = await self._run(attempt, entry, job, cold=cold)
            if serving is None:
                return Unserved.ELSEWHERE
            if job.only_init:  # nothing ran, so nothing was printed that anybody would read
                job.answer(serving.execution)
                fate = Fate.HEALTHY if serving.healthy else fate
                return serving.execution
            if job.ordinary and self._fell_short(job, serving):
                fate = Fate.HEALTHY if may_stay(serving) else fate
                return Unserved.ELSEWHERE
            if serving.healthy:  # known before the next call of the same client comes, which its logs may keep waiting
                took = time.monotonic() - attempt.run_began
                observe(self.table, entry, job.key, serving.answer, took, patience=self._limits.patience_seconds)
            job.answer(serving.execution)
            marks = entry.marks_logs
            execution, complete = await with_logs(serving, job, sandbox, self._limits.serving, marks=marks)
            entry.marks_logs = marks or complete
            if serving.gone:
                self._end(entry, "died")
            elif (serving.healthy and (complete or not marks)) or queued_in(serving.answer) is not None:
                fate = Fate.HEALTHY
            return execution
        finally:
            self._release(entry, fate, cold=cold)

    async def serve_chain(self, parts: Sequence[Part], cutting: Cutting, ended: Callable[[Ended], None]) -> None:
        """Run jobs one after the other in slots taken by `assign`, which are given back however this ends.

        `ended` hears of each that began, once its slot is free.
        """
        serving = ChainServing(parts, cutting, self._limits.serving, self._fell_short)
        left, fate = deque(parts), Fate.BROKEN
        try:
            while (done := await serving.next()) is not None:
                part = left.popleft()
                if done.serving.healthy:
                    took, patience = done.execution.phases.run / 1000, self._limits.patience_seconds
                    observe(self.table, part.entry, part.job.key, done.serving.answer, took, patience=patience)
                self._release(part.entry, fate_of(done), cold=False)
                ended(done)
            fate = Fate.UNUSED
        finally:
            serving.close()
            for part in left:
                self._release(part.entry, fate, cold=False)
                fate = Fate.UNUSED

    async def finish_starts(self) -> None:
        """Let what is being created come up, or fail, and end it: a creation that is broken off may leave traces."""
        for entry in self.table:
            if not entry.life.ready:
                self.evict(entry, "closing")
        try:
            async with asyncio.timeout(self._limits.destroy_seconds):
                while self.table.starts_in_flight:
                    self._all_created.clear()
                    await self._all_created.wait()
        except TimeoutError:
            _log.warning("starts_broken_off", count=self.table.starts_in_flight)

    async def close(self) -> None:
        """End every sandbox, and wait for it."""
        for entry in self.table:
            if not entry.gone:
                self.table.apply(entry, ENDED)
                self._events.ended(entry.shape, "closing")
        sandboxes = [entry.sandbox for entry in self.table if entry.sandbox is not None]
        await asyncio.gather(*(self._destroy(sandbox) for sandbox in sandboxes))

    async def recorded(self, path: str) -> list[bytes]:
        """What the recorders beside the function at `path` have seen, of every sandbox that has one and still runs."""
        entries = [entry for entry in self.table if entry.shape.recorded and entry.key and entry.key[1] == path]
        found = []
        for entry in entries:
            sandbox: object = entry.sandbox
            if isinstance(sandbox, RecordingSandbox) and not entry.gone:
                found.append(await sandbox.recorded(limit=self._limits.recorded_bytes))
        return found

    # Serving

    async def _claimed(self, job: Job) -> bool:
        claim = job.claim
        if claim is None or (isinstance(claim, ReadyClaim) and claim.at_once()):
            job.claim = None
            return True
        try:
            async with asyncio.timeout(self._limits.claim_seconds):
                claimed = await claim()
        except TimeoutError:
            _log.warning("claim_timed_out", activation=job.invocation.activation_id)
            return False
        job.claim = None
        return claimed

    async def _run(self, attempt: Attempt, entry: SandboxEntry, job: Job, *, cold: bool) -> Serving | None:
        """None: nothing of it reached user code, and another sandbox has not been tried yet."""
        if cold:
            ended = await attempt.init(self._load_code)
            if ended is not None and job.only_init:
                return with_reply(ended)
            if ended is not None:
                return ended if job.began or not ended.gone or job.retried or job.ordinary else None
            entry.start_seconds += attempt.init_seconds
            if entry.life.state is SandboxState.WARMING:
                self.table.initialised(entry, time.monotonic())
                if entry.shape.concurrency > 1:
                    self._changed()
        return attempt.prepared() if job.only_init else await attempt.run(cold=cold)

    def _fell_short(self, job: Job, serving: Serving) -> bool:
        """Whether the ordinary runtime is to serve this job, because the way that it took failed where that would not.

        /init may be repeated as often as it takes; a run only before user code began, or where the owner says so.
        """
        answer = serving.answer
        if answer is None or serving.healthy:
            return False
        at_init = not serving.execution.phases.run
        if job.shape.recorded:  # the recorder may be at fault, or the function: without one it is seen which
            _log.warning("recorder_fell_short", function=job.key[1], at_init=at_init)
            return at_init or untouched(answer)
        shortfall = None if isinstance(answer, TimedOut) else answer.shortfall
        if shortfall is None and untouched(answer):
            shortfall = Shortfall.BUSY
        if shortfall is None and not at_init:
            return False
        executable = job.invocation.executable
        rerun = at_init or executable.idempotent or untouched(answer) or not may_have_begun(answer)
        words = answer.body.decode(errors="replace") if isinstance(answer, Answered) else ""
        self._events.fell_short(executable, shortfall, words, rerun=rerun)
        return rerun

    def _release(self, entry: SandboxEntry, fate: Fate, *, cold: bool) -> None:
        life = entry.life
        if fate is Fate.UNUSED and cold and life.state is SandboxState.WARMING:
            self.table.apply(entry, UNBOUND)
        else:
            if fate is Fate.BROKEN and not life.retiring and not entry.gone:
                self.table.apply(entry, RETIRED)
            entry.uses += 1
            entry.idle_since = time.monotonic()
            self.table.apply(entry, RELEASED)
        life = entry.life
        if life.retiring and not life.in_flight:
            self._end(entry, "failed" if fate is Fate.BROKEN else "retired")
        self._changed()

    # Beginning and end of a sandbox

    async def _create(self, entry: SandboxEntry) -> None:
        shape = entry.shape
        try:
            async with asyncio.timeout(self._limits.create_seconds):
                sandbox = await self._drivers[shape.technology].create(self._limits.spec(entry, self._catalogue))
        except TimeoutError:
            seconds = self._limits.create_seconds
            self._not_created(entry, SandboxCreationError(f"No sandbox came up within {seconds:g} s."))
        except SandboxCreationError as error:
            self._not_created(entry, error)
        except Exception as error:  # noqa: BLE001 — a driver's bug must not hold memory, and a caller, for ever
            _log.exception("driver_failed", technology=shape.technology.value)
            self._not_created(entry, SandboxCreationError(f"The driver failed: {error!r}"))
        else:
            self._is_created(entry, sandbox)
        finally:
            if not self.table.starts_in_flight:
                self._all_created.set()

    def _is_created(self, entry: SandboxEntry, sandbox: Sandbox) -> None:
        entry.sandbox = sandbox
        entry.ready_at = entry.idle_since = time.monotonic()
        entry.start_seconds = entry.ready_at - entry.started_at
        if entry.gone:  # closed meanwhile
            self._spawn(self._bury(entry))
            return
        self.table.apply(entry, CREATED)
        self._hibernation.created(entry)
        self._events.started(entry.shape, entry.start_seconds)
        if entry.life.retiring:
            self._end(entry, "retired")
        else:
            self._watch(entry, sandbox)
        self._changed()

    def _watch(self, entry: SandboxEntry, sandbox: Sandbox) -> None:
        sandbox.on_exit(lambda gone: self._exited(entry, gone))
        if entry.gone and entry.requested_by is not None:  # told at once: it ended while it was created
            error = SandboxCreationError("It exited before it was used.", user_fault=entry.shape.image is not None)
            self._start_failed(entry, error)

    def _not_created(self, entry: SandboxEntry, error: SandboxCreationError) -> None:
        _log.warning("sandbox_not_created", runtime=entry.shape.title, reason=error.reason)
        if not entry.gone:
            self.table.apply(entry, ENDED)
        self.table.remove(entry)
        self._events.start_failed(entry.shape, error.reason)
        self._start_failed(entry, error)
        self._changed()

    def _exited(self, entry: SandboxEntry, gone: Gone) -> None:
        if entry.gone:
            return
        stock = entry.life.state is SandboxState.COLD and entry.requested_by is None
        _log.info("sandbox_died", sandbox=entry.number, runtime=entry.shape.title, exit_code=gone.exit_code)
        self._end(entry, "died")
        if stock:
            self._start_failed(entry, SandboxCreationError(f"It exited with {gone.exit_code} before it was used."))
        self._changed()

    def _end(self, entry: SandboxEntry, reason: str) -> None:
        if not entry.gone:
            self.table.apply(entry, ENDED)
            self._events.ended(entry.shape, reason)
            self._spawn(self._bury(entry))

    async def _bury(self, entry: SandboxEntry) -> None:
        if entry.sandbox is not None:
            await self._destroy(entry.sandbox)
        self.table.remove(entry)
        self._changed()

    async def _destroy(self, sandbox: Sandbox) -> None:
        try:
            async with asyncio.timeout(self._limits.destroy_seconds):
                await sandbox.destroy()
        except TimeoutError:
            _log.error("sandbox_not_destroyed", sandbox=sandbox.id, seconds=self._limits.destroy_seconds)
        except Exception:  # noqa: BLE001 — the same
            _log.exception("driver_failed", sandbox=sandbox.id)
