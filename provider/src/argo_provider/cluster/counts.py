"""What other replicas count: calls of this minute and calls in flight, by namespace, said a few times a second.

A limit holds over all replicas but for what happens between two of their words: a namespace may exceed it by what it
sends to the other replicas within `EVERY` seconds. Replicas meet within a second: one that hears no other says its
counts no more often than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from argo_provider.cluster import messages
from argo_provider.cluster.bus import Bus
from argo_provider.invocation.throttle import Counts, Throttle

EVERY = 0.02
_SILENT_SECONDS = 3.0
_AT_LEAST_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Said:
    """One replica's counts."""

    replica: str
    minute: int
    invocations: Mapping[str, int] = field(default_factory=dict)
    fires: Mapping[str, int] = field(default_factory=dict)
    in_flight: Mapping[str, int] = field(default_factory=dict)


class SharedCounts:
    """The counts of the others, for this replica's throttle."""

    def __init__(self, bus: Bus, replica: str) -> None:
        self._bus = bus
        self._subject = bus.subject("counts")
        self._replica = replica
        self._others: dict[str, tuple[Said, float]] = {}
        self._last: Said | None = None
        self._last_at = 0.0
        self._sums: Counts | None = None
        self._met = asyncio.Event()

    @property
    def alone(self) -> bool:
        """No other replica is heard."""
        return not self._others

    async def run(self, throttle: Throttle) -> None:
        """Say ours and hear theirs, for ever."""
        throttle.others = self.others
        await self._bus.listen(self._subject, self._heard)
        while True:
            self._say(throttle.counts())
            await (self._meet() if self.alone else asyncio.sleep(EVERY))

    async def _meet(self) -> None:
        """Nobody listens: until somebody does, or it is time to be heard again."""
        self._met.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_AT_LEAST_EVERY):
                await self._met.wait()

    def others(self, minute: int) -> Counts:
        """The sums over all other replicas that are heard; every invocation asks."""
        if self._sums is None or self._sums.minute != minute:
            self._sums = self._add_up(minute)
        return self._sums

    def _add_up(self, minute: int) -> Counts:
        sums = Counts(minute)
        for said, _ in self._others.values():
            if said.minute == minute:
                sums.invocations.update(said.invocations)
                sums.fires.update(said.fires)
            sums.in_flight.update(said.in_flight)
        return sums

    def _say(self, counts: Counts) -> None:
        now = time.monotonic()
        ours = (dict(counts.invocations), dict(counts.fires), dict(counts.in_flight))
        said = Said(self._replica, counts.minute, *ours)
        if (said != self._last and not self.alone) or now - self._last_at > _AT_LEAST_EVERY - EVERY:
            self._last, self._last_at = said, now
            self._bus.send(self._subject, messages.encode(said))
        for replica, (_, heard) in [*self._others.items()]:
            if now - heard > _SILENT_SECONDS:
                del self._others[replica]
                self._sums = None

    def _heard(self, content: bytes) -> None:
        said = messages.decode(content, Said)
        if said.replica == self._replica:
            return
        if said.replica not in self._others:
            self._last = None  # it knows nothing of ours
            self._met.set()
        self._others[said.replica] = (said, time.monotonic())
        self._sums = None
