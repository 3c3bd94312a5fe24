"""Bounded memory in front of a store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from enum import Enum
from typing import Final, Generic, Literal, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """Keeps the most recently used values whose weights (bytes, or 1 each) sum up to at most `capacity`."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._used = 0
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()

    @property
    def used(self) -> int:
        return self._used

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, weight: int = 1) -> None:
        """A value heavier than the whole cache is not kept."""
        self.discard(key)
        if weight > self._capacity:
            return
        self._entries[key] = (value, weight)
        self._used += weight
        while self._used > self._capacity:
            self._used -= self._entries.popitem(last=False)[1][1]

    def discard(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._used -= entry[1]

    def keys(self) -> list[K]:
        return [*self._entries]

    def clear(self) -> None:
        self._entries.clear()
        self._used = 0


class IdentityCache(Generic[T, V]):
    """What is known of objects by who they are, where the same one comes again and again, and is costly to compare."""

    def __init__(self, capacity: int) -> None:
        self._known: LruCache[int, tuple[T, V]] = LruCache(capacity)

    def get(self, thing: T) -> V | None:
        known = self._known.get(id(thing))
        return None if known is None else known[1]

    def put(self, thing: T, value: V, weight: int = 1) -> None:
        self._known.put(id(thing), (thing, value), weight)  # with it, so that its id cannot become another's


class _Unknown(Enum):
    UNKNOWN = 0


UNKNOWN: Final = _Unknown.UNKNOWN
MAX_ABSENT = 4096  # names known not to exist; apart from the values, so that a flood of misses evicts no hot one


class ReadThroughCache(Generic[K, V]):
    """What was read of a store, and what is known not to be there, kept coherent with the writes of this process.

    A reader takes `generation` before it asks the store and passes it to `fill`: an answer that a write has
    overtaken is not kept.
    """

    def __init__(self, capacity: int) -> None:
        self._present: LruCache[K, V] = LruCache(capacity)
        self._absent: LruCache[K, bool] = LruCache(MAX_ABSENT)
        self.generation = 0

    def get(self, key: K) -> V | Literal[_Unknown.UNKNOWN] | None:
        """The value, None if it is known to be absent, else UNKNOWN."""
        value = self._present.get(key)
        if value is not None:
            return value
        return None if self._absent.get(key) else UNKNOWN

    def fill(self, key: K, value: V | None, weight: int, generation: int) -> None:
        if generation == self.generation:
            self._set(key, value, weight)

    def written(self, changes: Iterable[tuple[K, V | None, int]]) -> None:
        """Committed (key, value or None if deleted, weight)."""
        self.generation += 1
        for key, value, weight in changes:
            self._set(key, value, weight)

    def forget(self, keys: Iterable[K]) -> None:
        """Somebody else wrote these."""
        self.generation += 1
        for key in keys:
            self._present.discard(key)
            self._absent.discard(key)

    def clear(self) -> None:
        self.generation += 1
        self._present.clear()
        self._absent.clear()

    def _set(self, key: K, value: V | None, weight: int) -> None:
        if value is None:
            self._present.discard(key)
            self._absent.put(key, True)
        else:
            self._absent.discard(key)
            self._present.put(key, value, weight)
