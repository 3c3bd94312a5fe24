"""Rates per namespace: calls a wall-clock minute, and calls in flight (contract §0.9)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from argo_provider.errors import Throttled
from argo_provider.model.clock import Clock
from argo_provider.model.identity import Identity


@dataclass(frozen=True, slots=True)
class ThrottleDefaults:
    """For namespaces without limits of their own."""

    invocations_per_minute: int = 60_000
    concurrent_invocations: int = 1_000
    fires_per_minute: int = 60_000


@dataclass(frozen=True, slots=True)
class Counts:
    """By namespace: calls and fires of one wall-clock minute, and calls in flight."""

    minute: int
    invocations: Counter[str] = field(default_factory=Counter)
    fires: Counter[str] = field(default_factory=Counter)
    in_flight: Counter[str] = field(default_factory=Counter)


_NOTHING = Counts(0)


class Throttle:
    """Counts of this process, beside those that `others` gives: of the other replicas in the given minute."""

    def __init__(self, defaults: ThrottleDefaults, clock: Clock) -> None:
        self.defaults = defaults
        self._clock = clock
        self._minute = 0
        self._invocations: Counter[str] = Counter()
        self._fires: Counter[str] = Counter()
        self._in_flight: Counter[str] = Counter()
        self._idle = asyncio.Event()
        self.others: Callable[[int], Counts] = lambda _: _NOTHING

    def counts(self) -> Counts:
        """Ours."""
        self._roll()
        return Counts(self._minute, self._invocations, self._fires, self._in_flight)

    def check_invocation(self, identity: Identity) -> None:
        """Throttled if the namespace calls too often, or has too many calls in flight. Counts this one's rate."""
        self._roll()
        limits, others = identity.limits, self.others(self._minute)
        rate = self.defaults.invocations_per_minute
        elsewhere = others.invocations.get(identity.namespace, 0)
        _count(self._invocations, identity.namespace, limits.invocations_per_minute, rate, elsewhere)
        self._check_room(identity, others)

    def check_room(self, identity: Identity) -> None:
        """Throttled if the namespace has too many calls in flight."""
        self._check_room(identity, self.others(self._minute))

    def _check_room(self, identity: Identity, others: Counts) -> None:
        allowed = identity.limits.concurrent_invocations
        allowed = self.defaults.concurrent_invocations if allowed is None else allowed
        namespace = identity.namespace
        in_flight = self._in_flight.get(namespace, 0) + others.in_flight.get(namespace, 0)
        if in_flight >= allowed:
            raise Throttled(f"Too many concurrent requests in flight (count: {in_flight}, allowed: {allowed}).")

    def check_fire(self, identity: Identity) -> None:
        """Throttled if the namespace fires triggers too often. Counts this fire."""
        self._roll()
        rate, elsewhere = self.defaults.fires_per_minute, self.others(self._minute).fires.get(identity.namespace, 0)
        _count(self._fires, identity.namespace, identity.limits.fires_per_minute, rate, elsewhere)

    def enter(self, namespace: str) -> None:
        self._in_flight[namespace] += 1

    def leave(self, namespace: str) -> None:
        self._in_flight[namespace] -= 1
        if self._in_flight[namespace] <= 0:
            del self._in_flight[namespace]
        if not self._in_flight:
            self._idle.set()

    async def idle(self, timeout: float) -> bool:  # noqa: ASYNC109
        """Wait until nothing is in flight, at most `timeout` seconds; whether that came."""
        if not self._in_flight:
            return True
        self._idle.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def _roll(self) -> None:
        minute = self._clock.now_ms() // 60_000
        if minute != self._minute:
            self._minute = minute
            self._invocations.clear()
            self._fires.clear()


def _count(counter: Counter[str], namespace: str, own: int | None, default: int, elsewhere: int) -> None:
    allowed = default if own is None else own
    ours = counter.get(namespace, 0) + 1
    if (count := ours + elsewhere) > allowed:
        raise Throttled(f"Too many requests in the last minute (count: {count}, allowed: {allowed}).")
    counter[namespace] = ours
