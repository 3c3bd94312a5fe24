"""The node's side: takes work from the bus, has it run on this machine, and reports."""

from __future__ import annotations

import asyncio
import itertools
import time
from asyncio import Future
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import lru_cache, partial
from typing import Any

import structlog

from argo_provider.cluster import messages
from argo_provider.cluster.bus import Bus
from argo_provider.cluster.messages import Asked, ClaimAsked, Claimed, Forget, Report, Unknown, Work
from argo_provider.cluster.outbox import Outbox, in_bites
from argo_provider.cluster.queues import Ack, WorkQueue
from argo_provider.cluster.seal import FRESH_SECONDS
from argo_provider.cluster.works import WorkReader
from argo_provider.events import ActionChanged, EventBus
from argo_provider.model.names import FullName
from argo_provider.placement.local import LocalPlacement
from argo_provider.placement.port import Overloaded
from argo_provider.storage.cache import LruCache
from argo_proxy.pool.job import ReadyClaim
from argo_proxy.protocol.messages import Execution

log = structlog.get_logger(__name__)

_CLAIM_SECONDS = 10.0
_SAID_BYTES = 32 * 1024 * 1024
_REPLICAS = 256  # of which the subject is kept at hand
_REPORT_BYTES = 256  # that one takes beside its text
_LOGS_LATER = 0.005  # nobody waits for them: they gather
_HELD_AFTER = 0.03  # seconds; what waits no longer than that begins without asking
_EARLY = 0.001  # the event loop counts in milliseconds: its timers may come so early
_STAMP = 30  # characters of a log line's time
_LOGS_CUT = " stderr: The rest of the log did not fit into a message of the bus."

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class _Job:
    """One attempt on this node. `asks`: its replica knows that it waits, so it must be asked before it begins."""

    __slots__ = ("ack", "asks", "logs", "name", "said", "waits", "words", "work")

    def __init__(self, work: Work, ack: Ack | None) -> None:
        self.work = work
        self.name = (work.replica, work.attempt)
        self.ack = ack
        self.asks = work.journaled
        self.waits = True  # user code has not begun
        self.logs: tuple[str, ...] | None = None  # once all is known
        self.said = False  # the outcome is on its way
        self.words: tuple[bytes, ...] = ()  # all that was said and may have to be said again

    def decided(self) -> None:
        """The queue need not keep it any longer."""
        if self.ack is not None:
            self.ack()
            self.ack = None


class _Claim(ReadyClaim):
    """Asks the replica, which keeps the journal, where it knows that the job waits."""

    __slots__ = ("_ask", "_job")

    def __init__(self, job: _Job, ask: Callable[[_Job], Coroutine[Any, Any, bool]]) -> None:
        self._job = job
        self._ask = ask

    def at_once(self) -> bool:
        self._job.waits = False  # from now on nobody may be told that it does
        return not self._job.asks

    def __call__(self) -> Coroutine[Any, Any, bool]:
        return self._ask(self._job)


class NodeAgent:
    """Enter it by `start`, once `placement` takes work."""

    def __init__(
        self, bus: Bus, name: str, placement: LocalPlacement, queue: WorkQueue, events: EventBus, spawn: Spawn
    ) -> None:
        """`events`: this machine's own, for its optimiser."""
        self._bus = bus
        self._name = name
        self._placement = placement
        self._queue = queue
        self._events = events
        self._spawn = spawn
        self._works = WorkReader()
        self._jobs: dict[tuple[str, int], _Job] = {}
        self._claims: dict[tuple[str, int], Future[bool]] = {}  # what we have asked for
        self._outbox = Outbox[tuple[str, int]](
            bus, self._jobs.__len__, bus.subject("node", name, "bounced"), self._bounced
        )
        self._watched: deque[tuple[float, _Job]] = deque()  # since when they may wait, the oldest first
        self._over = Remembered(2 * FRESH_SECONDS)
        self._kept: dict[str, list[bytes]] = {}  # replica → reports for its queue
        self._reports = 0
        self._said: LruCache[tuple[str, int], tuple[bytes, ...]] = LruCache(_SAID_BYTES)  # to be said again if lost
        self._reports_to = lru_cache(_REPLICAS)(lambda replica: bus.subject("replica", replica, "reports"))
        self._loop = asyncio.get_running_loop()

    @property
    def in_flight(self) -> int:
        return len(self._jobs)

    async def start(self) -> None:
        mine = self._bus.subject("node", self._name)
        await self._bus.answer(f"{mine}.asked", self._asked)
        await self._bus.listen(self._bus.subject("nodes", "forget"), self._forget)
        await self._outbox.start()
        await self._bus.listen(f"{mine}.claimed", self._claimed)
        await self._queue.take_work(self._name, self._queued)
        await self._bus.listen(f"{mine}.run", self._run)

    def _run(self, content: bytes) -> None:
        for work in self._works.read(content, time.monotonic()):
            self._take(_Job(work, None))

    def _queued(self, content: bytes, ack: Ack) -> None:
        works = self._works.read(content, time.monotonic())
        decided = after(len(works), ack)
        for work in works:
            self._take(_Job(work, decided))

    def _take(self, job: _Job) -> None:
        work = job.work
        if job.name in self._jobs:
            return  # the same again, while the first is not decided
        if job.name in self._over:
            job.decided()  # replayed
            return
        try:
            ticket = self._placement.submit(work.invocation, claim=_Claim(job, self._claim))
        except Overloaded as refusal:
            job.decided()
            self._say(job, Report(work.attempt, refused=(refusal.reason.value, str(refusal))))
            return
        self._jobs[job.name] = job
        if not work.journaled:
            self._watch(job)
        ticket.outcome.add_done_callback(lambda future: self._answered(job, future))
        ticket.execution.add_done_callback(lambda future: self._ended(job, future))

    def _watch(self, job: _Job) -> None:
        """See whether it waits for long: should this node be lost, another can have it as long as it asks first."""
        now = self._loop.time()
        if not self._watched:  # one timer for all: hardly any waits so long
            self._loop.call_at(now + _HELD_AFTER, self._hold)
        self._watched.append((now, job))

    def _hold(self) -> None:
        watched, late = self._watched, self._loop.time() + _EARLY - _HELD_AFTER
        while watched and (watched[0][0] <= late or not watched[0][1].waits):
            _, job = watched.popleft()
            if job.waits:
                job.asks = True
                self._say(job, Report(job.work.attempt, held=True))
        if watched:
            self._loop.call_at(watched[0][0] + _HELD_AFTER, self._hold)

    async def _claim(self, job: _Job) -> bool:
        """Whether the replica lets user code begin now."""
        asked = messages.encode(ClaimAsked(job.work.attempt, self._name))
        answer: Future[bool] = self._loop.create_future()
        self._claims[job.name] = answer
        self._outbox.put(self._bus.subject("replica", job.work.replica, "claims"), asked, job.name)
        try:
            async with asyncio.timeout(_CLAIM_SECONDS):
                granted = await answer
        except TimeoutError:
            return False  # another replica takes it up, and gives it to a node again
        finally:
            del self._claims[job.name]
        job.decided()
        return granted

    def _claimed(self, content: bytes) -> None:
        for claimed in messages.decode(content, list[Claimed]):
            self._decide((claimed.replica, claimed.attempt), granted=claimed.granted)

    def _bounced(self, asked: Sequence[tuple[str, int]]) -> None:
        """That replica is gone."""
        for name in asked:
            self._decide(name, granted=False)

    def _decide(self, name: tuple[str, int], *, granted: bool) -> None:
        answer = self._claims.get(name)
        if answer is not None and not answer.done():
            answer.set_result(granted)

    def _answered(self, job: _Job, future: Future[Execution]) -> None:
        if future.cancelled() or future.exception() is not None:
            return
        if job.work.journaled:
            self._say(job, Report(job.work.attempt, outcome=future.result()))
        else:
            self._outbox.put(self._reports_to(job.work.replica), partial(self._outcome, job, future.result()))

    def _outcome(self, job: _Job, outcome: Execution) -> bytes:
        """What is said of it as it goes: with the logs, where they came in the meantime."""
        job.said = True
        encoded = messages.encode(Report(job.work.attempt, outcome=outcome, logs=job.logs))
        self._remember(job, encoded)
        return encoded

    def _ended(self, job: _Job, future: Future[Execution]) -> None:
        self._jobs.pop(job.name, None)
        self._over.add(job.name)
        job.decided()
        job.waits = False
        if future.cancelled() or future.exception() is not None:
            self._say(job, Report(job.work.attempt, dropped=True))
            return
        job.logs = fitting(future.result().logs, self._bus.largest // 2)
        if job.said or job.work.journaled:
            self._say_later(job, Report(job.work.attempt, logs=job.logs))
        if not self._jobs:
            self._outbox.release()  # nobody else is about to answer

    def _say(self, job: _Job, report: Report) -> None:
        encoded = messages.encode(report)
        if not job.work.journaled:
            if report.dropped:
                self._remember(job, encoded)
            self._outbox.put(self._reports_to(job.work.replica), encoded)
        else:
            self._keep(job.work.replica, encoded)

    def _remember(self, job: _Job, encoded: bytes) -> None:
        """What crosses the bus as a plain message is lost where the bus restarts."""
        job.words = (*job.words, encoded)
        self._said.put(job.name, job.words, sum(map(len, job.words)) + _REPORT_BYTES)

    def _say_again(self, job: tuple[str, int]) -> bool:
        """Whether what was said of that attempt is still known; it is on its way again then."""
        said = self._said.get(job)
        for encoded in said or ():
            self._outbox.put(self._reports_to(job[0]), encoded)
        return said is not None

    def _say_later(self, job: _Job, report: Report) -> None:
        if job.work.journaled:
            self._say(job, report)
            return
        encoded = messages.encode(report)
        self._remember(job, encoded)
        self._outbox.put(self._reports_to(job.work.replica), encoded, later=True)

    def _keep(self, replica: str, encoded: bytes) -> None:
        """Reports of what a 202 promised outlive the connection of whoever waits for them."""
        if replica not in self._kept:
            self._kept[replica] = []
            self._loop.call_later(_LOGS_LATER, lambda: self._spawn(self._send_kept(replica)))
        self._kept[replica].append(encoded)

    async def _send_kept(self, replica: str) -> None:
        for message in in_bites(self._kept.pop(replica), self._bus.largest // 2):
            self._reports += 1
            if not await self._queue.report(replica, message, f"{self._name}.{time.time_ns()}.{self._reports}"):
                log.error("report_lost", replica=replica)

    def _forget(self, content: bytes) -> None:
        forget = messages.decode(content, Forget)
        self._placement.forget(forget.path, keep_revision=forget.keep_revision)
        self._events.publish(ActionChanged(FullName.parse(forget.path.removeprefix("/")), deleted=False))

    async def _asked(self, content: bytes) -> bytes:
        asked = messages.decode(content, Asked)
        gone = [attempt for attempt in asked.attempts if (asked.replica, attempt) not in self._jobs]
        over = {attempt for attempt in gone if (asked.replica, attempt) in self._over}
        lost = [attempt for attempt in over if not self._say_again((asked.replica, attempt))]
        return messages.encode(Unknown([*{*gone} - over], lost))


def after(count: int, call: Callable[[], None]) -> Callable[[], None]:
    """What makes the call when it is itself called for the last of `count` times."""
    left = itertools.count(count - 1, -1)

    def once() -> None:
        if next(left) == 0:
            call()

    return once


class Remembered:
    """What was added within the last `seconds`, and for at most twice as long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since = time.monotonic()
        self._new: set[tuple[str, int]] = set()
        self._old: set[tuple[str, int]] = set()

    def add(self, attempt: tuple[str, int]) -> None:
        now = time.monotonic()
        if now - self._since > self._seconds:
            self._old, self._new, self._since = self._new, set(), now
        self._new.add(attempt)

    def __contains__(self, attempt: object) -> bool:
        return attempt in self._new or attempt in self._old


def fitting(logs: tuple[str, ...], most: int) -> tuple[str, ...]:
    """As many of the lines as a message takes, and a word about it where some did not fit."""
    size = 0
    for index, line in enumerate(logs):
        size += 2 * len(line) + 8
        if size > most:
            return (*logs[:index], line[:_STAMP] + _LOGS_CUT)
    return logs
