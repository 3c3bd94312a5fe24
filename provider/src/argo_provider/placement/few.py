"""Which of many nodes are worth a look for one invocation. Pure: `placement.nodes` then chooses among them.

An action's own order on a ring of nodes names the first (consistent hashing: every replica finds the same, and a node
that comes or goes moves few actions). To those come nodes that it was given to lately. Of both, those that are crowded
or have no memory for it are left out, so that the most wanted actions spread before they fill the nodes of their own
(bounded loads); where all are, some nodes at random are looked at.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar

from argo_provider.placement.nodes import NodeView, Wanted, fits

_POINTS = 64  # of a node on the ring
_RING = 8  # nodes that it names for an action
_LATELY = 256  # nodes remembered of an action
_SOME = 8
_DRAWS = 4  # times that some are drawn, at most
_KEYS = 50_000  # actions that something is remembered of
_CROWD = 2.0  # times the mean load


class Dice(Protocol):
    """Chance, as `random.Random` has it."""

    def randrange(self, stop: int, /) -> int: ...


N = TypeVar("N", bound=NodeView)


class FewNodes:
    """Knows all nodes by name, and remembers where actions went."""

    def __init__(self, dice: Dice | None = None) -> None:
        self._dice = dice or random.SystemRandom()
        self._names: list[str] = []
        self._ring: list[tuple[int, str]] = []
        self._own: dict[str, tuple[str, ...]] = {}  # key → the nodes that the ring names for it
        self._lately: dict[str, dict[str, None]] = {}  # key → nodes, the latest last

    def join(self, name: str) -> None:
        if name not in self._names:
            self._names.append(name)
            for point in range(_POINTS):
                bisect.insort(self._ring, (_hash(f"{name}/{point}"), name))
            self._own.clear()

    def leave(self, name: str) -> None:
        if name in self._names:
            self._names.remove(name)
            self._ring = [point for point in self._ring if point[1] != name]
            self._own.clear()

    def placed(self, key: str, name: str) -> None:
        """An invocation of that action went there."""
        lately = self._lately.pop(key, None) or {}
        lately.pop(name, None)
        lately[name] = None
        if len(lately) > _LATELY:
            del lately[next(iter(lately))]
        if len(self._lately) >= _KEYS:
            del self._lately[next(iter(self._lately))]
        self._lately[key] = lately

    def worth_a_look(self, wanted: Wanted, nodes: Mapping[str, N], mean: float) -> Collection[N]:
        """`nodes` by name; `mean`: in flight for each core of all of them. Never empty where there is a node."""
        key, bound = wanted.key, max(1.0, _CROWD * mean)
        own = {name: nodes[name] for name in self._own_of(key) if name in nodes}
        roomy = {name: node for name, node in own.items() if _has_room(node, wanted, bound)}
        found = 0
        for name in self._lately.get(key, ()):
            node = nodes.get(name)
            if node is not None and node.free(key) > 0 and _has_room(node, wanted, bound):
                roomy[name] = node
                found += 1
                if found == _SOME:
                    break
        return roomy.values() or self._by_chance(wanted, nodes, bound) or own.values()

    def _by_chance(self, wanted: Wanted, nodes: Mapping[str, N], bound: float) -> Sequence[N]:
        for _ in range(_DRAWS if self._names else 0):
            drawn = {self._names[self._dice.randrange(len(self._names))] for _ in range(_SOME)}
            there = [nodes[name] for name in sorted(drawn) if name in nodes]
            roomy = [node for node in there if _has_room(node, wanted, bound)]
            if roomy:
                return roomy
        return ()

    def _own_of(self, key: str) -> tuple[str, ...]:
        own = self._own.get(key)
        if own is None:
            if len(self._own) >= _KEYS:
                self._own.clear()
            own = self._own[key] = self._walk(key)
        return own

    def _walk(self, key: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        start = bisect.bisect(self._ring, (_hash(key), ""))
        for step in range(len(self._ring)):
            found[self._ring[(start + step) % len(self._ring)][1]] = None
            if len(found) == _RING:
                break
        return tuple(found)


def _has_room(node: NodeView, wanted: Wanted, bound: float) -> bool:
    return node.usable and not node.full and node.in_flight < bound * node.cores and fits(node, wanted)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
