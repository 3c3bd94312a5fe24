"""The sandboxes of one machine, indexed so that the scheduler's questions cost the same with ten as with a thousand.

All changes go through `add`, `apply` and `remove`; everything else only reads. No I/O, no clock: times come in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

from argo_proxy.pool.entry import SandboxEntry, SandboxFacts, Shelf, shelf_of
from argo_proxy.pool.life import INITIALISED, Bound, Event, ImpossibleTransition, Life, Unbound, advance
from argo_proxy.pool.shape import Key, Shape

_PACE_WEIGHT = 0.05  # of the newest activation in the moving mean

_Name = TypeVar("_Name")


class SandboxTable:
    """All sandboxes that hold memory, with an index for each question of the scheduler."""

    def __init__(self) -> None:
        self._entries: dict[int, SandboxEntry] = {}
        self._shelves: list[dict[int, SandboxEntry]] = [{} for _ in Shelf]
        self._idle: dict[Key, dict[int, SandboxEntry]] = {}
        self._spare: dict[Key, dict[int, SandboxEntry]] = {}
        self._stems: dict[Shape, dict[int, SandboxEntry]] = {}
        self._starting: Counter[Shape] = Counter()
        self._warming: Counter[Key] = Counter()
        self._initialising: dict[Key, dict[int, SandboxEntry]] = {}
        self._bound: Counter[Key] = Counter()
        self._held: Counter[str] = Counter()
        self._paces: dict[Key, float] = {}
        self._grown: dict[Key, float] = {}
        self._memory = [0 for _ in Shelf]
        self._numbers = 0
        self._order = 0
        self.memory_used = 0

    # Changes

    def add(self, shape: Shape, requested_by: Key | None, now: float) -> SandboxEntry:
        """A sandbox whose creation begins now."""
        self._numbers += 1
        entry = SandboxEntry(self._numbers, shape, requested_by, now)
        self._entries[entry.number] = entry
        self.memory_used += shape.memory_mb
        self._count(entry, Shelf.STARTING, 1)
        self._put(entry, Shelf.STARTING)
        return entry

    def apply(self, entry: SandboxEntry, event: Event) -> None:
        """Move `entry` on. Raises ImpossibleTransition with its story."""
        room = entry.room
        try:
            life = advance(entry.life, event, room)
        except ImpossibleTransition as error:
            story = f"sandbox {entry.number} of {entry.key or entry.shape.title}: {' → '.join(entry.story).lower()}"
            raise ImpossibleTransition(entry.life, event, story) from error
        entry.story.append(type(event).__name__)
        shelf = shelf_of(life, room)
        if shelf is not entry.shelf:
            self._take(entry)
            if Shelf.IDLE <= entry.shelf <= Shelf.FULL and Shelf.IDLE <= shelf <= Shelf.FULL:
                entry.life = life
            else:
                self._rebind(entry, event, life, shelf)
            self._put(entry, shelf)
        else:
            entry.life = life

    def resize(self, entry: SandboxEntry, room: int) -> None:
        """From now on it may have so many activations in flight; what there is beyond them stays."""
        if room == entry.room:
            return
        entry.room = room
        shelf = shelf_of(entry.life, room)
        if shelf is not entry.shelf:  # full or with room: whose it is and what is held do not change
            self._take(entry)
            self._put(entry, shelf)

    def bind(self, entry: SandboxEntry, key: Key, shape: Shape, now: float) -> None:
        """Give a stem cell to an action, whose shape it takes."""
        if entry.shape != shape:
            self._take(entry)
            self.memory_used += shape.memory_mb - entry.held_mb
            entry.shape, entry.held_mb = shape, shape.memory_mb
            self._put(entry, Shelf.STEM)
        self.apply(entry, Bound(key))
        entry.bound_at = self._grown[key] = now

    def initialised(self, entry: SandboxEntry, now: float) -> None:
        """Its first activation goes on to /run."""
        self.apply(entry, INITIALISED)
        if entry.key in self._bound:
            self._grown[_key(entry)] = now

    def observe(self, key: Key, seconds: float) -> None:
        """An activation of `key` took a slot for so long; forgotten with the last of its sandboxes."""
        if key in self._bound:
            seconds = max(seconds, 1e-6)
            mean = self._paces.get(key, seconds)
            self._paces[key] = mean * (seconds / mean) ** _PACE_WEIGHT

    def fall_asleep(self, entry: SandboxEntry, held_mb: int) -> None:
        """An idle one of an action holds only so much until it is woken."""
        entry.asleep = True
        self._hold(entry, min(held_mb, entry.shape.memory_mb))

    def wake(self, entry: SandboxEntry) -> None:
        """All that its function may use is its own again."""
        entry.asleep = False
        self._hold(entry, entry.shape.memory_mb)

    def remove(self, entry: SandboxEntry) -> None:
        """Its memory is free again."""
        self._take(entry)
        self._count(entry, entry.shelf, -1)
        del self._entries[entry.number]
        self.memory_used -= entry.held_mb

    # Questions

    def free_slot(self, key: Key) -> int | None:
        """A warm sandbox with room: busy ones are filled first, then the most recently used, so that others expire."""
        slots = self._spare.get(key) or self._idle.get(key)
        return next(reversed(slots)) if slots else None

    def spare_slot(self, key: Key) -> int | None:
        """A busy sandbox with room."""
        slots = self._spare.get(key)
        return next(reversed(slots)) if slots else None

    def slot_keys(self) -> Collection[Key]:
        """Keys for which `free_slot` has an answer."""
        return self._idle.keys() | self._spare.keys() if self._spare else self._idle.keys()

    def stem(self, shape: Shape) -> int | None:
        """A sandbox bound to no action that one of this shape may take; rather one made for it than an elastic one."""
        stems = self._stems.get(shape) or self._stems.get(shape.elastic_takers)
        return next(reversed(stems)) if stems else None

    def stem_shapes(self) -> Collection[Shape]:
        """The takers of all stem cells."""
        return self._stems.keys()

    def stem_count(self, shape: Shape) -> int:
        """How many there are with the same takers."""
        return len(self._stems.get(shape.takers, ()))

    def starting(self, shape: Shape) -> int:
        """How many with the same takers are being created."""
        return self._starting[shape.takers]

    def warming_slots(self, key: Key) -> int:
        """How many more activations the sandboxes of this key will take once initialised."""
        return self._warming.get(key, 0)

    def warming(self, key: Key, since: float) -> int:
        """How many sandboxes of this key are being initialised and were bound after `since`."""
        return sum(entry.bound_at > since for entry in self._initialising.get(key, {}).values())

    def bound(self, key: Key) -> int:
        """How many sandboxes serve, or will serve, this key."""
        return self._bound.get(key, 0)

    def sleepers(self, key: Key) -> int:
        """How many sandboxes of this key hibernate."""
        return sum(entry.asleep for entry in self._idle.get(key, {}).values())

    def at_work(self, keys: Iterable[Key]) -> int:
        """How many sandboxes of these keys are not idle."""
        bound, idle, found = self._bound, self._idle, 0
        for key in keys:
            if key in bound:
                found += bound[key] - (len(idle[key]) if key in idle else 0)
        return found

    def pace(self, key: Key) -> float | None:
        """Seconds for which an activation of `key` takes a slot; None while none has finished.

        A moving geometric mean: the odd activation that the machine kept waiting does not count for twenty others.
        """
        return self._paces.get(key)

    def grown_at(self, key: Key) -> float:
        """When a sandbox was bound to `key` or initialised last, monotonic seconds; forgotten with the last of them."""
        return self._grown.get(key, 0.0)

    def paces(self) -> dict[Key, float]:
        """All of them; a copy."""
        return dict(self._paces)

    def held_mb(self, namespace: str) -> int:
        """Memory of the sandboxes that serve this namespace, or are being created for it."""
        return self._held[namespace]

    @property
    def starts_in_flight(self) -> int:
        return len(self._shelves[Shelf.STARTING])

    @property
    def idle_mb(self) -> int:
        """Memory that eviction can free at once."""
        return self._memory[Shelf.IDLE] + self._memory[Shelf.STEM]

    @property
    def retiring_mb(self) -> int:
        return self._memory[Shelf.RETIRING]

    @property
    def ending_mb(self) -> int:
        return self._memory[Shelf.ENDING]

    def evictable(self) -> Iterator[SandboxEntry]:
        """Idle sandboxes, longest idle first, then stem cells."""
        yield from self._shelves[Shelf.IDLE].values()
        yield from self._shelves[Shelf.STEM].values()

    def drainable(self) -> Iterable[SandboxEntry]:
        """Busy sandboxes that could be kept from taking more."""
        return self._shelves[Shelf.SPARE].values()

    def find(self, number: int) -> SandboxEntry:
        """The sandbox of this number. Raises KeyError once it is removed."""
        return self._entries[number]

    def facts(self) -> tuple[SandboxFacts, ...]:
        """Everything, as plain data; walks all sandboxes."""
        return tuple(entry.facts() for entry in self._entries.values())

    def __iter__(self) -> Iterator[SandboxEntry]:
        return iter(tuple(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    # Shelves

    def _put(self, entry: SandboxEntry, shelf: Shelf) -> None:
        self._order += 1
        entry.shelved = self._order
        entry.shelf = shelf
        self._shelves[shelf][entry.number] = entry
        self._memory[shelf] += entry.held_mb
        index = self._index(entry, shelf)
        if index is not None:
            index[entry.number] = entry
        elif shelf is Shelf.STARTING:
            self._starting[entry.shape.takers] += 1
        elif shelf is Shelf.WARMING and entry.key is not None:
            _add(self._warming, entry.key, entry.shape.concurrency - 1)
            self._initialising.setdefault(entry.key, {})[entry.number] = entry

    def _take(self, entry: SandboxEntry) -> None:
        shelf = entry.shelf
        del self._shelves[shelf][entry.number]
        self._memory[shelf] -= entry.held_mb
        if shelf is Shelf.IDLE or shelf is Shelf.SPARE:
            _drop(self._idle if shelf is Shelf.IDLE else self._spare, _key(entry), entry.number)
        elif shelf is Shelf.STEM:
            _drop(self._stems, entry.shape.takers, entry.number)
        elif shelf is Shelf.STARTING:
            _add(self._starting, entry.shape.takers, -1)
        elif shelf is Shelf.WARMING and entry.key is not None:
            _add(self._warming, entry.key, 1 - entry.shape.concurrency)
            _drop(self._initialising, entry.key, entry.number)

    def _rebind(self, entry: SandboxEntry, event: Event, life: Life, shelf: Shelf) -> None:
        self._count(entry, entry.shelf, -1)
        if isinstance(event, Bound):
            entry.key = event.key
        elif isinstance(event, Unbound):
            entry.key = None
        entry.life = life
        self._count(entry, shelf, 1)

    def _hold(self, entry: SandboxEntry, held_mb: int) -> None:
        """Where it stands does not change, nor its turn there."""
        more = held_mb - entry.held_mb
        entry.held_mb = held_mb
        self.memory_used += more
        self._memory[entry.shelf] += more
        _add(self._held, _key(entry)[0], more)

    def _count(self, entry: SandboxEntry, shelf: Shelf, by: int) -> None:
        """Whose memory it is."""
        if shelf is Shelf.STARTING:
            owner = entry.requested_by
        elif Shelf.WARMING <= shelf <= Shelf.FULL and entry.key is not None:
            owner = entry.key
            _add(self._bound, owner, by)
            if owner not in self._bound:
                self._paces.pop(owner, None)
                self._grown.pop(owner, None)
        else:
            return
        if owner is not None:
            _add(self._held, owner[0], by * entry.held_mb)

    def _index(self, entry: SandboxEntry, shelf: Shelf) -> dict[int, SandboxEntry] | None:
        if shelf is Shelf.IDLE or shelf is Shelf.SPARE:
            index = self._idle if shelf is Shelf.IDLE else self._spare
            return index.setdefault(_key(entry), {})
        return self._stems.setdefault(entry.shape.takers, {}) if shelf is Shelf.STEM else None


def _key(entry: SandboxEntry) -> Key:
    if entry.key is None:
        raise LookupError(f"Sandbox {entry.number} is {entry.life} but bound to no action.")
    return entry.key


def _drop(index: dict[_Name, dict[int, SandboxEntry]], name: _Name, number: int) -> None:
    slots = index[name]
    del slots[number]
    if not slots:
        del index[name]


def _add(counter: Counter[_Name], name: _Name, by: int) -> None:
    counter[name] += by
    if not counter[name]:
        del counter[name]
