"""The scheduling policy, as pure functions of the pool and the queue.

`decide` names the next instruction, or None when nothing can be done; it is asked again after each is carried out.
In turn (see `queue`), each line of waiting invocations gets, in this order: room in a warm sandbox of its own; one of
its own that is just being initialised, or will have room within a moment; a stem cell; one that is being created; a new
one; memory for a new one.

Memory comes from idle sandboxes. One that nobody waits for may go once its grace is over: a client that calls again
and again leaves it idle for moments. One in demand may be taken
- by a line that has no sandbox at all ("starved"), from its own namespace or one that holds no less memory, once the
  sandbox has had its tenure: with more actions in demand than fit, they take turns, yet do not spend them on starting;
- by any other line only where that makes the memory of the two namespaces more equal: so shares settle, and stay.
The first starved line that there is no room for reserves what becomes free: nothing behind it may start before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from argo_provider.model.record import record
from argo_provider.model.stay import Stay
from argo_provider.scheduling.queue import FairQueue, Line
from argo_provider.scheduling.settings import PoolSettings
from argo_provider.scheduling.view import PoolView, SandboxView
from argo_proxy.pool.depth import room_for
from argo_proxy.pool.shape import Key, Shape

# A line that nothing moves for so many times the patience is served by something slower than its pace says. Not less:
# a machine out of breath for a moment must not get more to do.
_STALLED = 10

# What takes longer to initialise waits for something else than the processors; only more of them at once help then.
_BOOT_SECONDS = 1.0


# A new isolate of a function that is quick changes what all of them show; so long, until it has.
_SETTLING_SECONDS = 0.5

# A slot of a process that has others, and nobody for so long: its isolate is memory that serves nobody.
_SURPLUS_SECONDS = 10.0


@record
class Assign:
    """The oldest invocation of `key` goes to this sandbox; `cost_mb` is charged to its turn."""

    key: Key
    sandbox: int
    cost_mb: int


@dataclass(frozen=True, slots=True)
class Start:
    """Create a sandbox, because `key` waits, or (None) for the stock."""

    shape: Shape
    key: Key | None


@dataclass(frozen=True, slots=True)
class Evict:
    """End this sandbox: now if it is idle, else after what is in flight. `reason` is a metric's label."""

    sandbox: int
    reason: str


@dataclass(frozen=True, slots=True)
class Hibernate:
    """Put the memory of this idle sandbox out to swap."""

    sandbox: int


@dataclass(frozen=True, slots=True)
class Expire:
    """The oldest invocation of `key` waited too long."""

    key: Key


Instruction = Assign | Start | Evict | Hibernate | Expire


class _Blocked(Enum):
    STARTS = auto()  # enough sandboxes are being created, for everybody
    MEMORY = auto()  # it has to become free first, or is kept for others


class _Soon(Enum):
    SOON = auto()  # a line's own sandboxes will have room within a moment


@record
class _Demand:
    """A line that needs one more sandbox. `starved`: it has none, and none is on its way."""

    line: Line
    starved: bool


def decide(pool: PoolView, queue: FairQueue, settings: PoolSettings, now: float) -> Assign | Start | Evict | None:
    """The next instruction for those who wait. `now`: monotonic seconds."""
    return _Decision(pool, queue, settings, now).next()


class _Decision:
    """The inputs of one decision, so that its steps need not hand them on."""

    __slots__ = ("_growth", "_now", "_pool", "_queue", "_settings", "_unclaimed")

    def __init__(self, pool: PoolView, queue: FairQueue, settings: PoolSettings, now: float) -> None:
        self._pool = pool
        self._queue = queue
        self._settings = settings
        self._now = now
        self._growth = max(settings.max_starts - 1, 1)
        self._unclaimed: dict[Shape, int] = {}  # sandboxes being created that no line has counted on yet

    def next(self) -> Assign | Start | Evict | None:
        for line in self._queue.in_turn():
            step = self._ready_sandbox(line)
            if step is _Soon.SOON:
                continue
            if isinstance(step, _Blocked):
                if (waking := self._waking(line)).starved:
                    return self._overtake_memory(waking)
                continue
            if step is not None:
                return step
            demand = self._demand(line)
            if demand is None:
                continue
            made = self._new_sandbox(demand)
            if made is _Blocked.STARTS:
                return self._overtake_starts()
            if made is not _Blocked.MEMORY:
                return made
            if demand.starved:
                return self._overtake_memory(demand)
        return None

    def _ready_sandbox(self, line: Line) -> Assign | Evict | _Soon | _Blocked | None:
        """Room in a warm sandbox, else a stem cell unless sandboxes of its own will soon have room."""
        memory = line.shape.memory_mb
        slot = self._pool.free_slot(line.key)
        if slot is not None:
            short = self._short(slot)
            if short <= 0:
                return Assign(line.key, slot, memory)
            short -= self._pool.ending_mb
            return self._make_room(self._waking(line), short) if short > 0 else _Blocked.MEMORY
        if len(line.jobs) <= self._pool.warming_slots(line.key) or self._soon_served(line):
            return _Soon.SOON
        stem = self._stem(line.shape)
        return None if stem is None else Assign(line.key, stem, memory * self._settings.cold_cost)

    def _short(self, slot: int) -> int:
        """Memory that is missing for that warm sandbox to be used: one that is asleep holds little of its own."""
        sandbox = self._pool.find(slot)
        if not sandbox.asleep:
            return 0
        return sandbox.shape.memory_mb - sandbox.held_mb - (self._settings.memory_mb - self._pool.memory_used)

    def _waking(self, line: Line) -> _Demand:
        """Of a line that needs memory for a sandbox of its own that is asleep."""
        return _Demand(line, starved=self._pool.sleepers(line.key) == self._pool.bound(line.key))

    def _stem(self, shape: Shape) -> int | None:
        """One that it may take; of an elastic one, what it needs more must be free."""
        pool = self._pool
        stem = pool.stem(shape)
        if stem is None:
            return None
        more = shape.memory_mb - pool.find(stem).shape.memory_mb
        return stem if more <= max(self._settings.memory_mb - pool.memory_used, 0) else None

    def _demand(self, line: Line) -> _Demand | None:
        """Of a line that will not be served soon. None: a sandbox for it is being created."""
        pool, shape = self._pool, line.shape
        wanted = -((pool.warming_slots(line.key) - len(line)) // shape.concurrency)
        unclaimed = self._claim(shape, wanted)
        if unclaimed < wanted:
            unclaimed += self._claim(shape.elastic_takers, wanted - unclaimed)
        if wanted <= unclaimed:
            return None
        if not unclaimed and not pool.bound(line.key):
            return _Demand(line, starved=True)
        # More of the same one after another: what boots competes for the processors with what already serves.
        preparing = unclaimed + pool.warming(line.key, since=self._now - _BOOT_SECONDS)
        return None if preparing >= self._growth else _Demand(line, starved=False)

    def _claim(self, shape: Shape, wanted: int) -> int:
        """Count on sandboxes that are being created: how many, of those that no line before this one has."""
        found = self._unclaimed.get(shape)
        if found is None:
            found = self._pool.starting(shape)
        self._unclaimed[shape] = max(found - wanted, 0)
        return found

    def _soon_served(self, line: Line) -> bool:
        """Its own sandboxes will have served the line shortly: more of them would cost starts and win nothing."""
        pace, patience = self._pool.pace(line.key), self._settings.patience_seconds
        waiting = self._now - line.waiting_since()
        if line.shape.queues_inside:
            return self._soon_inside(line, pace, waiting)
        if pace is None or waiting >= patience * _STALLED:
            return False
        slots = self._pool.bound(line.key) * line.shape.concurrency
        return len(line.jobs) * pace < patience * slots

    def _soon_inside(self, line: Line, pace: float | None, waiting: float) -> bool:
        """The same where invocations wait inside, too. A slot more is an isolate more, with a heap and caches of its
        own and everything still to be compiled: for what is quick, one after the other, and while the need lasts."""
        slots, patience = self._pool.bound(line.key), self._settings.patience_seconds
        if not slots:
            return False
        grown = self._now - self._pool.grown_at(line.key)
        if pace is None:
            return min(waiting, grown) < patience
        if pace < patience and grown < _SETTLING_SECONDS:
            return True
        before = slots * room_for(pace, patience)
        return (len(line) + before) * pace < patience * slots and waiting < patience * _STALLED

    def _new_sandbox(self, demand: _Demand) -> Start | Evict | _Blocked:
        pool, settings, shape = self._pool, self._settings, demand.line.shape
        # The last start is kept for those who have nothing.
        allowed = settings.max_starts if demand.starved else self._growth
        if pool.starts_in_flight >= allowed:
            return _Blocked.STARTS if pool.starts_in_flight >= settings.max_starts else _Blocked.MEMORY
        short = shape.memory_mb - (settings.memory_mb - pool.memory_used)
        if short <= 0:
            return Start(shape, demand.line.key)
        short -= pool.ending_mb
        return _Blocked.MEMORY if short <= 0 else self._make_room(demand, short)

    def _make_room(self, demand: _Demand, short: int) -> Evict | _Blocked:
        """Evict something so that `short` MB become free."""
        pool = self._pool
        takeable = []
        if pool.idle_mb >= short or demand.starved:
            takeable = [sandbox for sandbox in pool.evictable() if self._may_take(demand, sandbox)]
        room = sum(sandbox.held_mb for sandbox in takeable)
        if room >= short:
            return Evict(min(takeable, key=self._worth).number, "memory")
        if not demand.starved or room + pool.retiring_mb >= short:
            return _Blocked.MEMORY
        # Sandboxes that take several activations may never become idle by themselves: one is kept from taking more.
        busy = [sandbox for sandbox in pool.drainable() if self._may_take(demand, sandbox)]
        return Evict(min(busy, key=_in_flight).number, "memory") if busy else _Blocked.MEMORY

    def _may_take(self, demand: _Demand, sandbox: SandboxView) -> bool:
        """Whether this line may have the memory of that sandbox as soon as nothing is in flight there."""
        key = sandbox.key
        if key == demand.line.key:
            return False  # it is asleep, and what the memory is wanted for
        if key is None or not self._in_demand(sandbox, key):
            return True
        mine, theirs = demand.line.key[0], key[0]
        held, others = self._pool.held_mb(mine), self._pool.held_mb(theirs)
        if not demand.starved:
            return mine != theirs and others - sandbox.held_mb >= held + demand.line.shape.memory_mb
        return (mine == theirs or others >= held) and self._now - sandbox.bound_at >= self._settings.tenure_seconds

    def _in_demand(self, sandbox: SandboxView, key: Key) -> bool:
        if key in self._queue.lines or sandbox.life.in_flight:
            return True
        return self._now - sandbox.idle_since < self._settings.grace_seconds

    def _overtake_memory(self, first: _Demand) -> Assign | None:
        """A line behind the starved one may use a sandbox of its own that the starved one may not take."""
        for key in self._served_elsewhere():
            slot = self._pool.spare_slot(key)
            if slot is None:
                slot = self._pool.free_slot(key)
                if slot is None or self._short(slot) > 0 or self._may_take(first, self._pool.find(slot)):
                    continue
            return Assign(key, slot, self._queue.lines[key].shape.memory_mb)
        return None

    def _overtake_starts(self) -> Assign | None:
        """Where only starts are short, everything that needs none goes on."""
        for key in self._served_elsewhere():
            slot = self._pool.free_slot(key)
            if slot is not None and self._short(slot) <= 0:
                return Assign(key, slot, self._queue.lines[key].shape.memory_mb)
        if not self._pool.stem_shapes():
            return None
        found = (self._ready_sandbox(line) for line in self._queue.in_turn())
        return next((step for step in found if isinstance(step, Assign)), None)

    def _served_elsewhere(self) -> list[Key]:
        """Keys that wait and have room in a warm sandbox."""
        slots, lines = self._pool.slot_keys(), self._queue.lines
        if len(slots) <= len(lines):
            return sorted(key for key in slots if key in lines)
        return sorted(key for key in lines if key in slots)

    def _worth(self, sandbox: SandboxView) -> tuple[bool, float, int]:
        """Those somebody waits for last; else by age, where having been useful and costly to start makes younger.

        As in greedy-dual-size-frequency caching, a use is worth the start it saved, per memory held.
        """
        saved = min(sandbox.uses, 32) * sandbox.start_seconds * 256 / sandbox.shape.memory_mb
        return sandbox.key in self._queue.lines, sandbox.idle_since + saved, sandbox.number


def _in_flight(sandbox: SandboxView) -> tuple[int, int]:
    return sandbox.life.in_flight, sandbox.number


KeepAlive = Callable[[Key], tuple[Stay, Stay] | None]
"""How an idle sandbox of this key is kept: the one used last, and the others; None: as the settings say."""


def as_set(_: Key) -> None:
    """A `KeepAlive` that knows of nothing better."""


def tend(
    pool: PoolView,
    queue: FairQueue,
    settings: PoolSettings,
    *,
    stock: Mapping[Shape, int],
    now: float,
    kept: Mapping[Key, int] = MappingProxyType({}),
    keep_alive: KeepAlive = as_set,
) -> Iterator[Instruction]:
    """What time itself asks for: waits that were too long, idle sandboxes past their time, stem cells to keep in stock.

    `stock`: how many uninitialised sandboxes of each shape are wanted; `kept`: how many of a key stay though they idle.
    Each instruction must be carried out before the next is asked for.
    """
    for line in tuple(queue.in_turn()):
        while line.jobs and now - line.jobs[0].accepted_at >= settings.queue_wait_seconds:
            yield Expire(line.key)
    for sandbox in tuple(pool.evictable()):
        idle, stay = now - sandbox.idle_since, _stay(sandbox, pool, settings, stock, keep_alive)
        if idle >= stay.kept or (idle >= _SURPLUS_SECONDS and _is_surplus(sandbox, pool, kept)):
            yield Evict(sandbox.number, "idle")
        elif idle >= stay.awake and sandbox.may_sleep:
            yield Hibernate(sandbox.number)
    if not queue:
        yield from replenish(pool, settings, stock)


def _stay(
    sandbox: SandboxView, pool: PoolView, settings: PoolSettings, stock: Mapping[Shape, int], keep_alive: KeepAlive
) -> Stay:
    key = sandbox.key
    if key is None:
        surplus = pool.stem_count(sandbox.shape) > stock.get(sandbox.shape, 0)
        return Stay(settings.stem_keep_alive_seconds if surplus else float("inf"))
    told = keep_alive(key)
    if told is None:
        return Stay(settings.keep_alive_seconds)
    used_last, beside = told
    return used_last if sandbox.number == pool.free_slot(key) else beside


def _is_surplus(sandbox: SandboxView, pool: PoolView, kept: Mapping[Key, int]) -> bool:
    """Others of its process serve its function, and nobody asked for more of them."""
    key = sandbox.key
    return key is not None and sandbox.shape.queues_inside and pool.bound(key) > max(1, kept.get(key, 0))


def replenish(pool: PoolView, settings: PoolSettings, stock: Mapping[Shape, int]) -> Iterator[Start]:
    """What is missing from the stock, while nobody waits.

    One start at a time, from free memory only, so that the stock never delays a caller.
    """
    for shape, wanted in stock.items():
        free = settings.memory_mb - pool.memory_used
        if pool.starts_in_flight or shape.memory_mb > free:
            return
        if pool.stem_count(shape) + pool.starting(shape) < wanted:
            yield Start(shape, None)
