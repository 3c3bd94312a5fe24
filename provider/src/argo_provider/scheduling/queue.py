"""Invocations that wait for a sandbox: bounded, in line by action, with turns between namespaces and their actions.

Deficit round robin twice: namespaces take turns, and within a namespace its actions do. Whoever has the turn is granted
memory up to a quantum; others may go first where they take nothing from it, and that counts against their next turn.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from argo_proxy.pool.job import Job
from argo_proxy.pool.shape import Key, Shape

Name = TypeVar("Name", bound=Hashable)


class Turns(Generic[Name]):
    """Deficit round robin: whose turn it is. The first name has the turn while its deficit is above 0."""

    def __init__(self, quantum: int) -> None:
        self._quantum = quantum
        self._deficits: OrderedDict[Name, int] = OrderedDict()

    def join(self, name: Name) -> None:
        """Take a place at the end."""
        if name not in self._deficits:
            self._deficits[name] = 0 if self._deficits else self._quantum

    def leave(self, name: Name) -> None:
        """Nothing is wanted any more; what was left of the quantum is lost."""
        had_turn = next(iter(self._deficits)) == name
        del self._deficits[name]
        if had_turn:
            self._next_turn()

    def charge(self, name: Name, cost: int) -> None:
        """`name` was granted `cost`. Out of turn it costs the place in the row, and never more than one turn."""
        deficits = self._deficits
        had_turn = next(iter(deficits)) == name
        left = deficits[name] = max(deficits[name] - cost, -self._quantum)
        if left <= 0:
            deficits.move_to_end(name)
            if had_turn:
                self._next_turn()

    def deficit(self, name: Name) -> int:
        return self._deficits[name]

    def __iter__(self) -> Iterator[Name]:
        return iter(self._deficits)

    def __len__(self) -> int:
        return len(self._deficits)

    def _next_turn(self) -> None:
        """Whoever is first now gets a quantum; one who was granted as much out of turn is passed over."""
        deficits = self._deficits
        while deficits:
            first = next(iter(deficits))
            deficits[first] += self._quantum
            if deficits[first] > 0:
                return
            deficits.move_to_end(first)


class Line:
    """The invocations of one action revision that wait, oldest first. `served_at`: the last grant, in seconds."""

    __slots__ = ("jobs", "key", "served_at", "shape")

    def __init__(self, key: Key, shape: Shape) -> None:
        self.key = key
        self.shape = shape
        self.jobs: deque[Job] = deque()
        self.served_at = 0.0

    def waiting_since(self) -> float:
        """Since when nothing happened for the oldest: its acceptance, or the last grant before it."""
        return max(self.jobs[0].accepted_at, self.served_at)

    def __len__(self) -> int:
        return len(self.jobs)


class FairQueue:
    """All that wait. Reading it changes nothing; `push`, `pop` and `remove` do."""

    def __init__(self, quantum_mb: int) -> None:
        self._quantum = quantum_mb
        self._turns: Turns[str] = Turns(quantum_mb)
        self._within: dict[str, Turns[Key]] = {}
        self._counts: dict[str, int] = {}
        self.lines: dict[Key, Line] = {}
        self._length = 0

    def push(self, job: Job, *, first: bool = False) -> None:
        """Let `job` wait, at the end of its action's line; `first`: it had its turn already, and lost its sandbox."""
        line = self.lines.get(job.key)
        if line is None:
            line = self.lines[job.key] = Line(job.key, job.shape)
            self._join(job.key)
        if first:
            line.jobs.appendleft(job)
        else:
            line.jobs.append(job)
        namespace = job.key[0]
        self._counts[namespace] = self._counts.get(namespace, 0) + 1
        self._length += 1

    def pop(self, key: Key, cost_mb: int, now: float) -> Job:
        """Grant the oldest invocation of `key` a sandbox."""
        line = self.lines[key]
        line.served_at = now
        job = line.jobs.popleft()
        self._turns.charge(key[0], cost_mb)
        self._within[key[0]].charge(key, cost_mb)
        self._left(key)
        return job

    def remove_oldest(self, key: Key) -> Job:
        """Take the oldest invocation of `key` out without a grant."""
        job = self.lines[key].jobs.popleft()
        self._left(key)
        return job

    def in_turn(self) -> Iterator[Line]:
        """Every line, in the order in which they may choose."""
        return iter(self.lines.values()) if len(self.lines) == 1 else self._by_turns()

    def _by_turns(self) -> Iterator[Line]:
        for namespace in self._turns:
            for key in self._within[namespace]:
                yield self.lines[key]

    def waiting(self, namespace: str) -> int:
        return self._counts.get(namespace, 0)

    def counts(self) -> dict[str, int]:
        """Namespace → how many wait."""
        return dict(self._counts)

    def __len__(self) -> int:
        return self._length

    def _join(self, key: Key) -> None:
        namespace = key[0]
        if namespace not in self._within:
            self._within[namespace] = Turns(self._quantum)
        self._within[namespace].join(key)
        self._turns.join(namespace)

    def _left(self, key: Key) -> None:
        namespace = key[0]
        self._length -= 1
        self._counts[namespace] -= 1
        if not self.lines[key].jobs:
            del self.lines[key]
            self._within[namespace].leave(key)
        if not self._counts[namespace]:
            del self._counts[namespace], self._within[namespace]
            self._turns.leave(namespace)
