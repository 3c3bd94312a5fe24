"""The node's side: takes work from the bus, has it run on this machine, and reports."""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from argo_provider.cluster import messages
from argo_provider.cluster.bus import Bus, NoAnswer
from argo_provider.cluster.messages import Asked, ClaimAsked, Forget, Report, Unknown, Work
from argo_provider.cluster.outbox import Outbox, in_bites
from argo_provider.cluster.queues import Ack, WorkQueue
from argo_provider.cluster.seal import FRESH_SECONDS
from argo_provider.events import ActionChanged, EventBus
from argo_provider.model.names import FullName
from argo_provider.placement.local import LocalPlacement
from argo_provider.placement.port import Claim, Overloaded
from argo_provider.storage.cache import LruCache
from argo_proxy.protocol.messages import Execution

log = structlog.get_logger(__name__)

_CLAIM_SECONDS = 10.0
_SAID_BYTES = 32 * 1024 * 1024
_REPORT_BYTES = 256  # that one takes beside its text
_LOGS_LATER = 0.005  # nobody waits for them: they gather
_STAMP = 30  # characters of a log line's time
_LOGS_CUT = " stderr: The rest of the log did not fit into a message of the bus."

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class _Job:
    """One attempt on this node."""

    __slots__ = ("ack", "began", "work")

    def __init__(self, work: Work, ack: Ack | None) -> None:
        self.work = work
        self.ack = ack
        self.began = False

    @property
    def name(self) -> tuple[str, int]:
        return (self.work.replica, self.work.attempt)

    def decided(self) -> None:
        """The queue need not keep it any longer."""
        if self.ack is not None:
            self.ack()
            self.ack = None


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
        self._outbox = Outbox(bus)
        self._jobs: dict[tuple[str, int], _Job] = {}
        self._over = Remembered(2 * FRESH_SECONDS)
        self._later: list[tuple[str, bytes]] = []
        self._kept: dict[str, list[bytes]] = {}  # replica → reports for its queue
        self._reports = 0
        self._said: LruCache[tuple[str, int], tuple[bytes, ...]] = LruCache(_SAID_BYTES)  # to be said again if lost
        self._loop = asyncio.get_running_loop()

    @property
    def in_flight(self) -> int:
        return len(self._jobs)

    async def start(self) -> None:
        mine = self._bus.subject("node", self._name)
        await self._bus.answer(f"{mine}.asked", self._asked)
        await self._bus.listen(self._bus.subject("nodes", "forget"), self._forget)
        await self._queue.take_work(self._name, self._queued)
        await self._bus.listen(f"{mine}.run", self._run)

    def _run(self, content: bytes) -> None:
        for work in messages.decode(content, list[Work]):
            self._take(_Job(work, None))

    def _queued(self, content: bytes, ack: Ack) -> None:
        self._take(_Job(messages.decode(content, Work), ack))

    def _take(self, job: _Job) -> None:
        work = job.work
        if job.name in self._jobs:
            return  # the same again, while the first is not decided
        if job.name in self._over:
            job.decided()  # replayed
            return
        invocation = replace(work.invocation, accepted_at=time.monotonic())
        claims = work.journaled or not self._placement.is_warm(invocation.executable)
        claim: Claim | None = partial(self._claim, job) if claims else None
        try:
            ticket = self._placement.submit(invocation, claim=claim)
        except Overloaded as refusal:
            job.decided()
            self._say(job, Report(work.attempt, refused=(refusal.reason.value, str(refusal))))
            return
        job.began = not claims
        self._jobs[job.name] = job
        if claims and not work.journaled:
            self._say(job, Report(work.attempt, held=True))
        ticket.outcome.add_done_callback(lambda future: self._answered(job, future))
        ticket.execution.add_done_callback(lambda future: self._ended(job, future))

    async def _claim(self, job: _Job) -> bool:
        """Whether the replica, which keeps the journal, lets user code begin now."""
        work = job.work
        asked = messages.encode(ClaimAsked(work.attempt, self._name))
        try:
            answer = await self._bus.request(self._bus.subject("replica", work.replica, "claim"), asked, _CLAIM_SECONDS)
        except NoAnswer:
            return False  # another replica takes it up, and gives it to a node again
        job.began = messages.decode(answer, bool)
        job.decided()
        return job.began

    def _answered(self, job: _Job, future: Future[Execution]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._say(job, Report(job.work.attempt, outcome=future.result()))

    def _ended(self, job: _Job, future: Future[Execution]) -> None:
        self._jobs.pop(job.name, None)
        self._over.add(job.name)
        job.decided()
        if future.cancelled() or future.exception() is not None:
            self._say(job, Report(job.work.attempt, dropped=True))
            return
        logs = fitting(future.result().logs, self._bus.largest // 2)
        self._say_later(job, Report(job.work.attempt, logs=logs))

    def _say(self, job: _Job, report: Report) -> None:
        encoded = messages.encode(report)
        if not job.work.journaled:
            if report.outcome is not None or report.dropped:
                self._remember(job, encoded)
            self._outbox.put(self._bus.subject("replica", job.work.replica, "reports"), encoded)
        else:
            self._keep(job.work.replica, encoded)

    def _remember(self, job: _Job, encoded: bytes) -> None:
        """What crosses the bus as a plain message is lost where the bus restarts."""
        said = (*(self._said.get(job.name) or ()), encoded)
        self._said.put(job.name, said, sum(map(len, said)) + _REPORT_BYTES)

    def _say_again(self, job: tuple[str, int]) -> bool:
        """Whether what was said of that attempt is still known; it is on its way again then."""
        said = self._said.get(job)
        for encoded in said or ():
            self._outbox.put(self._bus.subject("replica", job[0], "reports"), encoded)
        return said is not None

    def _say_later(self, job: _Job, report: Report) -> None:
        if job.work.journaled:
            self._say(job, report)
            return
        if not self._later:
            self._loop.call_later(_LOGS_LATER, self._say_now)
        encoded = messages.encode(report)
        self._remember(job, encoded)
        self._later.append((self._bus.subject("replica", job.work.replica, "reports"), encoded))

    def _say_now(self) -> None:
        for subject, encoded in self._later:
            self._outbox.put(subject, encoded)
        self._later.clear()

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
