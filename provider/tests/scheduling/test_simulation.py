"""The policy over time: a pool that does what it is told, in virtual time, under work that hypothesis makes up.

After every step the invariants are looked at, and the indexed table must decide exactly as plain data does.
"""

from __future__ import annotations

import heapq
from asyncio import Future
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_provider.model.stay import Stay
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
    tend,
)
from argo_provider.scheduling.queue import FairQueue
from argo_provider.scheduling.settings import PoolSettings
from argo_provider.scheduling.view import PoolSnapshot
from argo_proxy.pool.depth import MOST_INSIDE, room_for
from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.job import Job
from argo_proxy.pool.life import (
    ASSIGNED,
    CREATED,
    ENDED,
    RELEASED,
    RETIRED,
    SandboxState,
)
from argo_proxy.pool.shape import Key, Shape
from argo_proxy.pool.table import SandboxTable
from argo_proxy.protocol.messages import Executable, Invocation
from argo_proxy.sandboxes.port import SandboxKind

pytestmark = pytest.mark.unit
NOBODY: Any = Future.__new__(Future)
ASLEEP_MB = 8
START_SECONDS, INIT_SECONDS, END_SECONDS = 0.3, 0.1, 0.05
LIMITS = PoolSettings(
    memory_mb=1024,
    max_starts=2,
    keep_alive_seconds=5.0,
    stem_keep_alive_seconds=2.0,
    queue_wait_seconds=1e9,
    tenure_seconds=0.5,
)


@dataclass(frozen=True)
class Action:
    namespace: str
    name: str
    memory: int
    concurrency: int = 1
    inside: bool = False  # invocations wait for each other in its sandboxes

    @property
    def shape(self) -> Shape:
        if self.inside:
            return Shape(SandboxKind.NIUK, "nodejs:20", self.memory)
        return Shape(SandboxKind.FAKE, "nodejs:20", self.memory, self.concurrency)


@dataclass(frozen=True)
class Arrival:
    at: float
    action: Action
    seconds: float
    fails: bool = False


class Simulation:
    def __init__(
        self,
        limits: PoolSettings,
        *,
        check_views: bool = True,
        creations_fail: int = 0,
        stock: Mapping[Shape, int] = MappingProxyType({}),
        keep_alive: KeepAlive = as_set,
    ) -> None:
        """`stock`: while there is work to come."""
        self.limits = limits
        self.from_stock = 0
        self.woken = 0
        self._stock = stock
        self._keep_alive = keep_alive
        self.now = 0.0
        self.table = SandboxTable()
        self.queue = FairQueue(limits.quantum_mb)
        self.served: list[tuple[float, Arrival]] = []  # when each began to run
        self.evictions: Counter[str] = Counter()
        self.starts = 0
        self.failed = 0
        self._check_views = check_views
        self._creations_fail = creations_fail
        self._work: dict[int, Arrival] = {}
        self._free_at: dict[int, float] = {}  # of sandboxes in which invocations wait: when all of them are served
        self._order = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def run(self, arrivals: list[Arrival], *, until: float = 1e6) -> None:
        for arrival in arrivals:
            self._at(arrival.at, lambda arrival=arrival: self._arrive(arrival))
        last = max((arrival.at for arrival in arrivals), default=0.0)
        self._at(1.0, lambda: self._tick(last))
        while self._events and self._events[0][0] <= until:
            self.now, _, happen = heapq.heappop(self._events)
            happen()
            self._pump()
            self._check()

    def _at(self, when: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), happen))

    def _arrive(self, arrival: Arrival) -> None:
        action = arrival.action
        path = f"/{action.namespace}/{action.name}"
        executable = Executable(action.namespace, path, "", "1", "nodejs:20", "", None, binary=False)
        invocation = Invocation("", "", executable, {}, accepted_at=self.now or 1e-9)
        job = Job(invocation, action.shape, claim=None, answered=NOBODY, finished=NOBODY, now=self.now)
        self._work[id(job)] = arrival
        self._jobs = getattr(self, "_jobs", [])
        self._jobs.append(job)  # keeps ids unique
        self.queue.push(job)

    def _tick(self, last: float) -> None:
        stock = self._stock if self.queue or self.now < last else {}
        for step in tend(self.table, self.queue, self.limits, stock=stock, now=self.now, keep_alive=self._keep_alive):
            self._carry_out(step)
        if self.queue or len(self.table) or self.now < last:
            self._at(self.now + 1.0, lambda: self._tick(last))

    def _pump(self) -> None:
        while (step := self._decide()) is not None:
            self._carry_out(step)

    def _decide(self) -> Instruction | None:
        step = decide(self.table, self.queue, self.limits, self.now)
        if self._check_views:
            assert step == decide(
                PoolSnapshot(self.table.facts(), self.table.paces(), self._grown()), self.queue, self.limits, self.now
            )
            self._check_fast_path(step)
        return step

    def _check_fast_path(self, step: Instruction | None) -> None:
        """Whoever comes while nobody waits, and finds a warm sandbox, gets the one that `decide` would give."""
        if len(self.queue) == 1:
            line = next(self.queue.in_turn())
            slot = self.table.free_slot(line.key)
            if slot is not None and not self._lacks_memory(self.table.find(slot)):
                assert step == Assign(line.key, slot, line.shape.memory_mb)

    def _lacks_memory(self, entry: SandboxEntry) -> bool:
        return self.table.memory_used - entry.held_mb + entry.shape.memory_mb > self.limits.memory_mb

    def _carry_out(self, step: Instruction) -> None:
        match step:
            case Assign(key, number, cost):
                job = self.queue.pop(key, cost, self.now)
                self._assign(self.table.find(number), self._work.pop(id(job)), key)
            case Start(shape, key):
                self.starts += 1
                entry = self.table.add(shape, key, self.now)
                self._at(self.now + START_SECONDS, lambda: self._created(entry))
            case Evict(number, reason):
                self.evictions[reason] += 1
                entry = self.table.find(number)
                if entry.life.in_flight:
                    self.table.apply(entry, RETIRED)
                else:
                    self._end(entry)
            case Hibernate(number):
                entry = self.table.find(number)
                entry.may_sleep = False
                self.table.fall_asleep(entry, ASLEEP_MB)
            case Expire(key):
                self._work.pop(id(self.queue.remove_oldest(key)))

    def _assign(self, entry: SandboxEntry, arrival: Arrival, key: tuple[str, str, str]) -> None:
        assert entry.shape in {arrival.action.shape, *self._stock}
        assert entry.key in {None, key}
        assert entry.life.state in {SandboxState.COLD, SandboxState.WARM, SandboxState.BUSY}
        self.served.append((self.now, arrival))
        if entry.key is None:
            self.from_stock += entry.shape.elastic
            self.table.bind(entry, key, arrival.action.shape, self.now)
            assert entry.shape == arrival.action.shape
            self._at(self.now + INIT_SECONDS, lambda: self._initialised(entry, arrival))
        else:
            if entry.asleep:
                self.woken += 1
                self.table.wake(entry)
                entry.may_sleep = True
            self.table.apply(entry, ASSIGNED)
            self._serve(entry, arrival)

    def _serve(self, entry: SandboxEntry, arrival: Arrival) -> None:
        begin = self.now
        if arrival.action.inside:
            begin = max(begin, self._free_at.get(entry.number, 0.0))
            self._free_at[entry.number] = begin + arrival.seconds
        self._at(begin + arrival.seconds, lambda: self._released(entry, arrival, begin))

    def _grown(self) -> dict[Key, float]:
        keys = {entry.key for entry in self.table if entry.key is not None}
        return {key: self.table.grown_at(key) for key in keys}

    def _created(self, entry: SandboxEntry) -> None:
        if self._creations_fail:
            self._creations_fail -= 1
            self.table.apply(entry, ENDED)
            self.table.remove(entry)
            if entry.requested_by in self.queue.lines:
                self._work.pop(id(self.queue.remove_oldest(entry.requested_by)))
                self.failed += 1
            return
        entry.ready_at = entry.idle_since = self.now
        self.table.apply(entry, CREATED)
        entry.may_sleep = True

    def _initialised(self, entry: SandboxEntry, arrival: Arrival) -> None:
        self.table.initialised(entry, self.now)
        self._serve(entry, arrival)

    def _released(self, entry: SandboxEntry, arrival: Arrival, began: float) -> None:
        if arrival.fails and not entry.life.retiring:
            self.table.apply(entry, RETIRED)
        if not arrival.fails:
            self.table.observe(entry.key, self.now - began)
            pace = self.table.pace(entry.key)
            if arrival.action.inside and pace is not None:
                self.table.resize(entry, room_for(pace, self.limits.patience_seconds))
        entry.idle_since = self.now
        entry.uses += 1
        self.table.apply(entry, RELEASED)
        if entry.life.retiring and not entry.life.in_flight:
            self._end(entry)

    def _end(self, entry: SandboxEntry) -> None:
        self.table.apply(entry, ENDED)
        self._at(self.now + END_SECONDS, lambda: self.table.remove(entry))

    def _check(self) -> None:
        facts = self.table.facts()
        assert self.table.memory_used == sum(one.held_mb for one in facts) <= self.limits.memory_mb
        assert self.table.starts_in_flight <= self.limits.max_starts
        for one in facts:
            assert 0 <= one.life.in_flight <= (MOST_INSIDE if one.shape.queues_inside else one.shape.concurrency)


actions = st.builds(
    Action,
    namespace=st.sampled_from("abcd"),
    name=st.sampled_from("fg"),
    memory=st.sampled_from([128, 256, 512, 1024]),
    concurrency=st.sampled_from([1, 1, 3]),
    inside=st.sampled_from([False, False, True]),
)


@st.composite
def workloads(draw: st.DrawFn) -> list[Arrival]:
    known: dict[tuple[str, str], Action] = {}
    arrivals = []
    for _ in range(draw(st.integers(1, 40))):
        action = draw(actions)
        action = known.setdefault((action.namespace, action.name), action)
        at = draw(st.floats(0, 10, allow_nan=False))
        seconds = draw(st.sampled_from([0.001, 0.05, 1.0, 4.0]))
        arrivals.append(Arrival(at, action, seconds, fails=draw(st.integers(0, 9)) == 0))
    return arrivals


@settings(max_examples=80, deadline=None)
@given(workload=workloads(), starts=st.integers(1, 4), memory=st.sampled_from([1024, 1536, 4096]))
def test_everything_is_served_within_the_bounds(workload: list[Arrival], starts: int, memory: int) -> None:
    simulation = Simulation(replace(LIMITS, max_starts=starts, memory_mb=memory))
    simulation.run(workload)
    assert len(simulation.served) == len(workload)
    assert len(simulation.table) == 0  # idle ones ended by themselves
    assert simulation.table.memory_used == 0
    indexes = (
        "_idle",
        "_spare",
        "_stems",
        "_starting",
        "_warming",
        "_initialising",
        "_bound",
        "_held",
        "_paces",
        "_grown",
    )
    assert [name for name in indexes if getattr(simulation.table, name)] == []


ELASTIC = Shape(SandboxKind.FAKE, "nodejs:20", 256, elastic=True)


@settings(max_examples=60, deadline=None)
@given(workload=workloads(), cells=st.integers(1, 3), memory=st.sampled_from([1024, 1536, 4096]))
def test_a_stock_for_any_limit_changes_nothing_but_who_starts(workload: list[Arrival], cells: int, memory: int) -> None:
    simulation = Simulation(replace(LIMITS, memory_mb=memory), stock={ELASTIC: cells})
    simulation.run(workload)
    assert len(simulation.served) == len(workload)
    assert len(simulation.table) == 0
    assert simulation.table.memory_used == 0
    assert simulation.table.stem_shapes() == set()


@pytest.mark.parametrize("memory", [128, 256, 512])
def test_a_stem_cell_for_any_limit_takes_the_limit_of_its_function(memory: int) -> None:
    simulation = Simulation(LIMITS, stock={ELASTIC: 1})
    simulation.run([Arrival(3.0, Action("a", "f", memory), 0.01)], until=3.2)
    (entry,) = (entry for entry in simulation.table if entry.key is not None)
    assert (simulation.from_stock, entry.shape.memory_mb) == (1, memory)
    assert simulation.served[0][0] == 3.0


def test_a_stem_cell_that_cannot_grow_is_given_up_for_a_new_sandbox() -> None:
    limits = replace(LIMITS, memory_mb=512)
    simulation = Simulation(limits, stock={ELASTIC: 2})
    simulation.run([Arrival(3.0, Action("a", "f", 512), 0.01)], until=6.0)
    assert (simulation.from_stock, len(simulation.served)) == (0, 1)


@settings(max_examples=60, deadline=None)
@given(workload=workloads(), starts=st.integers(1, 4), memory=st.sampled_from([1024, 1536, 4096]))
def test_sleepers_hold_next_to_nothing_and_are_served_within_the_bounds(
    workload: list[Arrival], starts: int, memory: int
) -> None:
    limits = replace(LIMITS, max_starts=starts, memory_mb=memory)
    simulation = Simulation(limits, keep_alive=lambda _: (Stay(30.0, 0.5), Stay(20.0, 0.0)))
    simulation.run(workload)
    assert len(simulation.served) == len(workload)
    assert len(simulation.table) == 0
    assert simulation.table.memory_used == simulation.table.idle_mb == 0
    assert simulation.table.held_mb("a") == 0


def test_more_functions_stay_warm_than_there_is_memory_for() -> None:
    """Forty in turn, room for four that are awake: each starts once."""
    turns = [
        Arrival(3.0 * turn + 120.0 * again, Action("a", f"f{turn}", 256), 0.01)
        for turn in range(40)
        for again in (0, 1)
    ]
    simulation = Simulation(LIMITS, keep_alive=lambda _: (Stay(600.0, 1.0), Stay(600.0, 1.0)))
    simulation.run(turns, until=400.0)
    assert (simulation.starts, simulation.woken, len(simulation.served)) == (40, 40, 80)
    assert simulation.table.memory_used == 40 * ASLEEP_MB


@settings(max_examples=12, deadline=None)
@given(workload=workloads(), failures=st.integers(1, 10))
def test_failing_creations_fail_one_each_and_hold_up_nobody(workload: list[Arrival], failures: int) -> None:
    simulation = Simulation(LIMITS, creations_fail=failures)
    simulation.run(workload)
    assert len(simulation.served) + simulation.failed == len(workload)


@settings(max_examples=12, deadline=None)
@given(
    seconds=st.sampled_from([0.005, 0.1, 1.0]),
    concurrency=st.sampled_from([1, 4]),
    memory=st.sampled_from([256, 512, 1024]),
    at=st.floats(2, 8),
)
def test_no_flood_starves_a_newcomer(seconds: float, concurrency: int, memory: int, at: float) -> None:
    """One namespace keeps every sandbox busy with an endless line; the first call of another is served soon."""
    flood = Action("flood", "f", 256, concurrency)
    newcomer = Arrival(at, Action("rare", "f", memory), 0.01)
    backlog = [Arrival(index * seconds / 40, flood, seconds) for index in range(int(400 / seconds**0.5))]
    simulation = Simulation(LIMITS, check_views=False)
    simulation.run([*backlog, newcomer], until=60.0)
    began = next(when for when, arrival in simulation.served if arrival is newcomer)
    # The sandboxes' tenure, what runs in them, and then the cold start.
    assert began - at <= LIMITS.tenure_seconds + 2 * seconds + 2 * START_SECONDS + 2 * END_SECONDS + 1.0


@pytest.mark.parametrize("crowd", [2, 3, 4])
def test_equal_demand_gets_equal_shares_without_thrashing(crowd: int) -> None:
    """Every namespace alone could fill the pool; the shares settle, and then nothing is evicted."""
    names = [f"n{index}" for index in range(crowd)]
    backlog = [Arrival(0.001 * index, Action(name, "f", 128), 0.02) for index in range(3000) for name in names]
    simulation = Simulation(LIMITS, check_views=False)
    simulation.run(backlog, until=12.0)
    late = Counter(arrival.action.namespace for when, arrival in simulation.served if when > 6.0)
    assert set(late) == set(names)
    assert max(late.values()) <= 1.7 * min(late.values())
    assert simulation.evictions["memory"] <= 8


def test_more_actions_than_fit_take_turns() -> None:
    """Twelve actions of as many namespaces, room for four: all go on, and most calls are warm."""
    backlog = [Arrival(0.01 * index, Action(f"n{name}", "f", 256), 0.01) for index in range(1500) for name in range(12)]
    simulation = Simulation(replace(LIMITS, queue_limit=10**6), check_views=False)
    simulation.run(backlog, until=30.0)
    served = Counter(arrival.action.namespace for _, arrival in simulation.served)
    assert len(served) == 12
    assert min(served.values()) >= max(served.values()) / 4
    assert simulation.starts < len(simulation.served) / 10


def test_many_actions_of_one_namespace_do_not_outweigh_another() -> None:
    busy = [Arrival(0.01 * index, Action("many", f"f{index % 30}", 256), 0.2) for index in range(1500)]
    other = [Arrival(0.5 + 0.05 * index, Action("one", "f", 256), 0.02) for index in range(300)]
    simulation = Simulation(LIMITS, check_views=False)
    simulation.run([*busy, *other], until=40.0)
    waits = sorted(when - arrival.at for when, arrival in simulation.served if arrival.action.namespace == "one")
    assert len(waits) == 300
    assert waits[len(waits) // 2] < 0.1


def _clients(action: Action, seconds: float, *, clients: int, until: float) -> tuple[Simulation, int]:
    """As many clients, each of which calls again once it is answered; the simulation, and the most slots at once."""
    most = 0

    class Again(Simulation):
        def _released(self, entry: SandboxEntry, arrival: Arrival, began: float) -> None:
            nonlocal most
            super()._released(entry, arrival, began)
            most = max(most, len(self.table))
            if self.now < until:
                self._arrive(arrival)

    simulation = Again(replace(LIMITS, memory_mb=4096), check_views=False)
    simulation.run([Arrival(0.001 * n, action, seconds) for n in range(clients)])
    return simulation, most


def test_what_is_quick_shares_an_isolate_and_what_is_slow_has_one_each() -> None:
    quick, few = _clients(Action("a", "f", 16, inside=True), 0.0002, clients=16, until=3.0)
    assert (few, len(quick.table)) == (1, 0)
    _, many = _clients(Action("a", "g", 16, inside=True), 1.0, clients=16, until=8.0)
    assert many == 16


def test_slots_beyond_what_is_needed_go_though_others_serve() -> None:
    """Eight at once for a while, then one after the other: the seven that idle are not kept for it."""
    action = Action("a", "f", 16, inside=True)
    simulation = Simulation(replace(LIMITS, memory_mb=4096, keep_alive_seconds=600.0), check_views=False)
    burst = [Arrival(0.0, action, 1.0) for _ in range(8)]
    simulation.run([*burst, *(Arrival(float(n), action, 0.5) for n in range(5, 30))], until=29.6)
    assert len(simulation.table) == 1
