"""The port `Placement` over the nodes of a cluster.

A blocking call goes to its node as a plain message; what a 202 promised goes through the node's work queue, and is
claimed in the journal, by us, before user code begins. What a lost node leaves: attempts that have not begun go to
another node; those that may have begun end as errors, but for functions that say they may run twice.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from argo_provider.cluster import messages
from argo_provider.cluster.bus import Bus, NoAnswer
from argo_provider.cluster.flights import Flight, Stage
from argo_provider.cluster.messages import Asked, ClaimAsked, Claimed, Forget, Report, Unknown
from argo_provider.cluster.nodes import Node, NodeTable
from argo_provider.cluster.outbox import Outbox, bites_of
from argo_provider.cluster.queues import WorkQueue
from argo_provider.cluster.works import WorkWriter
from argo_provider.placement.port import Claim, Overloaded, OverloadReason, PlacementSnapshot, Ticket
from argo_proxy.pool.events import PoolEvents
from argo_proxy.protocol.messages import Invocation

log = structlog.get_logger(__name__)

LOST = (
    "The node '{}' stopped answering while this activation was running; the action may have taken effect."
    " It was not run again."
)
_MOST_ATTEMPTS = 4
_ASK_AFTER = 5.0  # seconds without a word about an attempt, before the node is asked
_ASK_RECONNECTED = 1.0  # the same once the bus was lost and found: by then what both had to say has been said
_ASK_EVERY = 2.0
_ASK_SECONDS = 2.0
_ASK_AT_ONCE = 1000

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class RemotePlacement:
    """Enter it by `start`. `replica`: what nodes call us by."""

    def __init__(self, bus: Bus, replica: str, queue: WorkQueue, events: PoolEvents, spawn: Spawn) -> None:
        self._bus = bus
        self._replica = replica
        self._queue = queue
        self._events = events
        self._spawn = spawn
        self._table: NodeTable
        self._flights: dict[int, Flight] = {}  # by attempt
        self._attempts = itertools.count(1)
        self._works = WorkWriter()
        self._promised: dict[str, list[tuple[Flight, int, bytes]]] = {}  # node → for its queue, in this turn
        self._queued = itertools.count(1)
        self._unanswered = 0  # invocations whose callers wait
        self._outbox = Outbox[int](
            bus, lambda: self._unanswered, bus.subject("replica", replica, "bounced"), self._bounced
        )
        self._draining = False
        self._idle = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def start(self, table: NodeTable) -> None:
        self._table = table
        mine = self._bus.subject("replica", self._replica)
        await self._bus.listen(f"{mine}.reports", self._reported)
        await self._outbox.start()
        await self._bus.listen(f"{mine}.claims", self._claims_asked)
        await self._queue.take_reports(self._replica, self._reported)
        self._bus.reconnected.append(self._doubt)
        self._spawn(self._ask_forever())

    def submit(self, invocation: Invocation, *, claim: Claim | None = None) -> Ticket:
        if self._draining:
            raise self._refused(OverloadReason.DRAINING, "The service is stopping.")
        try:
            node = self._table.choose(invocation.executable)
        except Overloaded as refusal:
            self._events.rejected(refusal.reason.value)
            raise
        flight = Flight(invocation, claim, self._loop.create_future(), self._loop.create_future())
        self._unanswered += 1
        flight.answered.add_done_callback(self._is_answered)
        self._send(flight, node)
        return Ticket(flight.answered, flight.finished)

    def _is_answered(self, _: object) -> None:
        self._unanswered -= 1

    def snapshot(self) -> PlacementSnapshot:
        beats = [node.beat for node in self._table if node.beat is not None]
        waiting, by_state = Counter[str](), Counter[str]()
        for beat in beats:
            waiting.update(beat.waiting)
            by_state.update(beat.by_state)
        return PlacementSnapshot(
            memory_limit_mb=sum(beat.memory_mb for beat in beats),
            memory_used_mb=sum(beat.memory_used_mb for beat in beats),
            starting=sum(beat.starting for beat in beats),
            waiting=waiting,
            counted=by_state,
            draining=self._draining,
        )

    def forget(self, path: str, *, keep_revision: str | None = None) -> None:
        self._bus.send(self._bus.subject("nodes", "forget"), messages.encode(Forget(path, keep_revision)))

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109
        self._draining = True
        try:
            async with asyncio.timeout(timeout):
                while self._flights:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        """Tell all who still wait; what is journaled is another replica's to take up."""
        for flight in [*self._flights.values()]:
            if flight.journaled and flight.stage is not Stage.BEGUN:
                self._drop(flight)
            else:
                self._fail(flight, "The service stopped before the action had finished.")

    def node_lost(self, node: Node) -> None:
        """What it had of ours: see the top of this module."""
        for flight in [f for f in self._flights.values() if f.node is node]:
            if flight.answered.done():
                self._end(flight, ())
            elif flight.stage is Stage.HELD or flight.may_rerun:
                self._elsewhere(flight, begun=flight.stage is not Stage.HELD)
            else:
                self._fail(flight, LOST.format(node.name))

    # To nodes

    def _send(self, flight: Flight, node: Node) -> None:
        flight.node = node
        flight.attempt = next(self._attempts)
        self._flights[flight.attempt] = flight
        flight.tried.append(node.name)
        flight.sent = time.monotonic()
        waits = flight.claim is not None
        flight.stage = Stage.HELD if waits else Stage.SENT
        self._table.sent(node, flight.invocation.executable)
        work = self._works.write(flight.invocation, flight.attempt, self._replica, journaled=waits)
        if waits:
            self._promise(node.name, flight, work)
        else:
            self._outbox.put(self._bus.subject("node", node.name, "run"), work, flight.attempt)
            if self._unanswered >= self._outbox.most_lately:
                self._outbox.release()  # as many as call at once wait for an answer already

    def _promise(self, node: str, flight: Flight, work: bytes) -> None:
        if node not in self._promised:
            self._promised[node] = []
            self._loop.call_soon(lambda: self._spawn(self._enqueue(node, self._promised.pop(node))))
        self._promised[node].append((flight, flight.attempt, work))

    async def _enqueue(self, node: str, promised: Sequence[tuple[Flight, int, bytes]]) -> None:
        reached = True
        for bite in bites_of(promised, self._bus.largest // 2, lambda one: len(one[2])):
            if reached:  # else no more is tried: each would take as long
                message = messages.encode_all([work for _, _, work in bite])
                reached = await self._queue.put(node, message, f"{self._replica}.{next(self._queued)}")
            if reached:
                continue
            for flight, attempt, _ in bite:
                # It is in the journal, and comes again; but for what got there all the same, and has begun.
                if flight.is_of(node, attempt) and flight.stage is not Stage.BEGUN:
                    self._drop(flight)

    # From nodes

    def _reported(self, content: bytes) -> None:
        for report in messages.decode(content, list[Report]):
            flight = self._flights.get(report.attempt)
            if flight is not None:
                self._on_report(flight, report)

    def _on_report(self, flight: Flight, report: Report) -> None:
        if report.outcome is not None:
            flight.stage = Stage.BEGUN
            flight.answer(report.outcome)
            self._events.executed(flight.invocation.executable, report.outcome)
        if report.logs is not None and flight.answered.done():
            self._end(flight, tuple(report.logs))
        elif report.held:
            if flight.stage is Stage.SENT:  # else its claim has overtaken this word
                flight.stage = Stage.HELD
        elif report.refused is not None:
            self._elsewhere(flight, report.refused[1])
        elif report.dropped:
            self._dropped(flight)

    def _dropped(self, flight: Flight) -> None:
        """The node says that user code has not begun, and will not."""
        if flight.journaled and flight.stage is not Stage.BEGUN:
            self._drop(flight)
        else:  # nobody has to claim it, or our claim stands
            self._elsewhere(flight)

    def _bounced(self, attempts: Sequence[int]) -> None:
        """Nobody listened: these never reached a node."""
        for attempt in attempts:
            flight = self._flights.get(attempt)
            if flight is not None and flight.node is not None:
                self._table.silent(flight.node.name)
                self._elsewhere(flight)

    def _claims_asked(self, content: bytes) -> None:
        for asked in messages.decode(content, list[ClaimAsked]):
            self._spawn(self._decide(asked))

    async def _decide(self, asked: ClaimAsked) -> None:
        granted = await self._claim(asked)
        claimed = messages.encode(Claimed(asked.attempt, self._replica, granted))
        self._outbox.put(self._bus.subject("node", asked.node, "claimed"), claimed)

    async def _claim(self, asked: ClaimAsked) -> bool:
        flight = self._flights.get(asked.attempt)
        if flight is None or not flight.is_of(asked.node, asked.attempt):
            return False
        granted = flight.claim is None or await flight.claim()
        if granted:
            flight.claim, flight.stage = None, Stage.BEGUN
        return granted and flight.is_of(asked.node, asked.attempt)

    # What becomes of a flight

    def _elsewhere(self, flight: Flight, reason: str = "", *, begun: bool = False) -> None:
        """Give it to another node, or say why not. `begun`: user code may have run, so that there must be a record."""
        self._leave(flight)
        if flight.claim is not None:
            self._drop(flight)
            return
        if len(flight.tried) >= _MOST_ATTEMPTS:
            text = reason or "No node took this invocation: argofn nodes shows them."
            self._give_up(flight, Overloaded(OverloadReason.UNPREPARED, text), begun=begun)
            return
        try:
            node = self._table.choose(flight.invocation.executable, flight.tried)
        except Overloaded as refusal:
            self._events.rejected(refusal.reason.value)
            self._give_up(flight, Overloaded(refusal.reason, reason or str(refusal)), begun=begun)
            return
        self._send(flight, node)

    def _give_up(self, flight: Flight, refusal: Overloaded, *, begun: bool) -> None:
        if begun:
            self._fail(flight, str(refusal))
            return
        self._leave(flight)
        flight.refuse(refusal)
        self._gone()

    def _end(self, flight: Flight, logs: tuple[str, ...]) -> None:
        self._leave(flight, warm=True)
        flight.finish(logs)
        self._gone()

    def _fail(self, flight: Flight, text: str) -> None:
        self._leave(flight)
        flight.fail(text, time.time())
        self._gone()

    def _drop(self, flight: Flight) -> None:
        self._leave(flight)
        flight.drop()
        self._gone()

    def _leave(self, flight: Flight, *, warm: bool = False) -> None:
        if flight.node is not None:
            self._table.ended(flight.node, flight.invocation.executable, warm=warm)
            flight.node = None
            self._flights.pop(flight.attempt, None)

    def _gone(self) -> None:
        if not self._flights:
            self._idle.set()

    def _refused(self, reason: OverloadReason, text: str) -> Overloaded:
        self._events.rejected(reason.value)
        return Overloaded(reason, text)

    # Messages that were lost

    def _doubt(self) -> None:
        """The bus was away: what was on its way is lost, or is not."""
        latest = time.monotonic() - _ASK_AFTER + _ASK_RECONNECTED
        for flight in self._flights.values():
            flight.sent = min(flight.sent, latest)

    async def _ask_forever(self) -> None:
        """Of attempts that nothing was heard of for long, ask their nodes: a bus that restarts loses messages.

        A node that still has what it answered says it again.
        """
        while True:
            await asyncio.sleep(_ASK_EVERY)
            late = time.monotonic() - _ASK_AFTER
            by_node: dict[str, list[Flight]] = {}
            for flight in self._flights.values():
                if flight.sent < late and flight.node is not None:
                    by_node.setdefault(flight.node.name, []).append(flight)
            for node, flights in by_node.items():
                await self._ask(node, flights[:_ASK_AT_ONCE])

    async def _ask(self, node: str, flights: list[Flight]) -> None:
        asked = [(flight, flight.attempt) for flight in flights]
        content = messages.encode(Asked(self._replica, [attempt for _, attempt in asked]))
        try:
            answer = await self._bus.request(self._bus.subject("node", node, "asked"), content, _ASK_SECONDS)
        except NoAnswer:
            return  # its lease decides
        await asyncio.sleep(0.2)  # what it sent just before is on its way
        unknown = messages.decode(answer, Unknown)
        never, over = frozenset(unknown.never), frozenset(unknown.over)
        for flight, attempt in asked:
            if flight.attempt != attempt or flight.node is None:
                continue
            flight.sent = time.monotonic()
            if attempt in never and flight.stage is not Stage.BEGUN:
                self._elsewhere(flight)
            elif attempt in never or attempt in over:
                self._lost_answer(flight, node)

    def _lost_answer(self, flight: Flight, node: str) -> None:
        if flight.answered.done():
            self._end(flight, ())
        elif flight.may_rerun:
            self._elsewhere(flight, begun=True)
        else:
            self._fail(flight, f"The answer of the node '{node}' was lost on the way. The action was not run again.")
