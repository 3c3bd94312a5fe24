"""What a scheduling decision may know of the pool: a read-only view, and the same as plain data.

`SandboxTable` answers from indexes in constant time; `PoolSnapshot` answers by looking at every sandbox: the table is
tested against it, and a remote node can send it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from argo_proxy.pool.entry import SandboxFacts, Shelf, shelf_of
from argo_proxy.pool.life import Life
from argo_proxy.pool.shape import Key, Shape


class SandboxView(Protocol):
    """One sandbox."""

    @property
    def number(self) -> int: ...
    @property
    def shape(self) -> Shape: ...
    @property
    def key(self) -> Key | None: ...
    @property
    def life(self) -> Life: ...
    @property
    def idle_since(self) -> float: ...
    @property
    def uses(self) -> int: ...
    @property
    def start_seconds(self) -> float: ...
    @property
    def bound_at(self) -> float: ...
    @property
    def room(self) -> int: ...
    @property
    def held_mb(self) -> int: ...
    @property
    def asleep(self) -> bool: ...
    @property
    def may_sleep(self) -> bool: ...


class PoolView(Protocol):
    """The questions that a decision asks; sandboxes are named by their number."""

    @property
    def memory_used(self) -> int: ...
    @property
    def idle_mb(self) -> int: ...
    @property
    def retiring_mb(self) -> int: ...
    @property
    def ending_mb(self) -> int: ...
    @property
    def starts_in_flight(self) -> int: ...

    def free_slot(self, key: Key) -> int | None: ...
    def spare_slot(self, key: Key) -> int | None: ...
    def slot_keys(self) -> Collection[Key]: ...
    def stem(self, shape: Shape) -> int | None: ...
    def stem_shapes(self) -> Collection[Shape]: ...
    def stem_count(self, shape: Shape) -> int: ...
    def starting(self, shape: Shape) -> int: ...
    def warming_slots(self, key: Key) -> int: ...
    def warming(self, key: Key, since: float) -> int: ...
    def bound(self, key: Key) -> int: ...
    def sleepers(self, key: Key) -> int: ...
    def held_mb(self, namespace: str) -> int: ...
    def pace(self, key: Key) -> float | None: ...
    def grown_at(self, key: Key) -> float: ...
    def find(self, number: int) -> SandboxView: ...
    def evictable(self) -> Iterator[SandboxView]: ...
    def drainable(self) -> Iterable[SandboxView]: ...


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """Every sandbox of a pool as plain data; the questions are answered from first principles."""

    sandboxes: tuple[SandboxFacts, ...] = ()
    paces: Mapping[Key, float] = field(default_factory=dict)
    grown: Mapping[Key, float] = field(default_factory=dict)  # see `SandboxTable.grown_at`

    @property
    def memory_used(self) -> int:
        return sum(sandbox.held_mb for sandbox in self.sandboxes)

    @property
    def idle_mb(self) -> int:
        return self._memory(Shelf.IDLE) + self._memory(Shelf.STEM)

    @property
    def retiring_mb(self) -> int:
        return self._memory(Shelf.RETIRING)

    @property
    def ending_mb(self) -> int:
        return self._memory(Shelf.ENDING)

    @property
    def starts_in_flight(self) -> int:
        return len(self._on(Shelf.STARTING))

    def free_slot(self, key: Key) -> int | None:
        spare = self.spare_slot(key)
        return _latest(self._of(key, Shelf.IDLE)) if spare is None else spare

    def spare_slot(self, key: Key) -> int | None:
        return _latest(self._of(key, Shelf.SPARE))

    def slot_keys(self) -> Collection[Key]:
        shelves = (*self._on(Shelf.IDLE), *self._on(Shelf.SPARE))
        return {sandbox.key for sandbox in shelves if sandbox.key is not None}

    def stem(self, shape: Shape) -> int | None:
        stems = self._on(Shelf.STEM)
        made_for_it = _latest([sandbox for sandbox in stems if sandbox.shape == shape])
        if made_for_it is not None:
            return made_for_it
        size = shape.memory_mb
        return _latest([one for one in stems if one.shape._replace(memory_mb=size) == shape._replace(elastic=True)])

    def stem_shapes(self) -> Collection[Shape]:
        return {sandbox.shape.takers for sandbox in self._on(Shelf.STEM)}

    def stem_count(self, shape: Shape) -> int:
        return sum(sandbox.shape.takers == shape.takers for sandbox in self._on(Shelf.STEM))

    def starting(self, shape: Shape) -> int:
        return sum(sandbox.shape.takers == shape.takers for sandbox in self._on(Shelf.STARTING))

    def warming_slots(self, key: Key) -> int:
        return sum(sandbox.shape.concurrency - 1 for sandbox in self._of(key, Shelf.WARMING))

    def warming(self, key: Key, since: float) -> int:
        return sum(sandbox.bound_at > since for sandbox in self._of(key, Shelf.WARMING))

    def bound(self, key: Key) -> int:
        return sum(Shelf.WARMING <= _shelf(one) <= Shelf.FULL and one.key == key for one in self.sandboxes)

    def sleepers(self, key: Key) -> int:
        return sum(sandbox.asleep for sandbox in self._of(key, Shelf.IDLE))

    def held_mb(self, namespace: str) -> int:
        return sum(one.held_mb for one in self.sandboxes if _owner(one) == namespace)

    def pace(self, key: Key) -> float | None:
        return self.paces.get(key)

    def grown_at(self, key: Key) -> float:
        return self.grown.get(key, 0.0)

    def find(self, number: int) -> SandboxFacts:
        return next(sandbox for sandbox in self.sandboxes if sandbox.number == number)

    def evictable(self) -> Iterator[SandboxView]:
        yield from sorted(self._on(Shelf.IDLE), key=lambda sandbox: sandbox.shelved)
        yield from sorted(self._on(Shelf.STEM), key=lambda sandbox: sandbox.shelved)

    def drainable(self) -> Iterable[SandboxView]:
        return sorted(self._on(Shelf.SPARE), key=lambda sandbox: sandbox.shelved)

    def _on(self, shelf: Shelf) -> list[SandboxFacts]:
        return [one for one in self.sandboxes if _shelf(one) is shelf]

    def _of(self, key: Key, shelf: Shelf) -> list[SandboxFacts]:
        return [sandbox for sandbox in self._on(shelf) if sandbox.key == key]

    def _memory(self, shelf: Shelf) -> int:
        return sum(sandbox.held_mb for sandbox in self._on(shelf))


def _shelf(sandbox: SandboxFacts) -> Shelf:
    return shelf_of(sandbox.life, sandbox.room)


def _owner(sandbox: SandboxFacts) -> str | None:
    shelf = _shelf(sandbox)
    if shelf is Shelf.STARTING:
        return sandbox.requested_by[0] if sandbox.requested_by else None
    return sandbox.key[0] if sandbox.key and Shelf.WARMING <= shelf <= Shelf.FULL else None


def _latest(sandboxes: list[SandboxFacts]) -> int | None:
    return max(sandboxes, key=lambda sandbox: sandbox.shelved).number if sandboxes else None
