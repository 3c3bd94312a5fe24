"""What a function's invocations say about it: rates over two windows, overlap, cold starts, times.

Rates are exponentially weighted counts: an invocation weighs 1, and exp(-age / window) later. Smoothed shares and times
weigh by invocation, not by time. Everything is plain data, so that a snapshot takes it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp

from argo_provider.optimizer.events import Invoked
from argo_provider.optimizer.settings import OptimizerSettings

_START_WEIGHT = 0.3  # of the newest start: they are few, and one from the stock takes a quarter of one without


@dataclass(slots=True)
class Rate:
    """Invocations within a window; `count` is as of `at` (epoch seconds)."""

    window: float
    count: float = 0.0
    at: float = 0.0

    def add(self, at: float) -> None:
        age = at - self.at
        if age > 0:
            self.count *= exp(-age / self.window)
            self.at = at
        self.count += 1.0

    def within(self, now: float) -> float:
        """Invocations in the window that ends now."""
        age = now - self.at
        return self.count * exp(-age / self.window) if age > 0 else self.count

    def per(self, seconds: float, now: float) -> float:
        """Invocations in `seconds`, at the rate of the window that ends now."""
        return self.within(now) * seconds / self.window


@dataclass(slots=True)
class Signals:
    """One function's figures. Times in milliseconds."""

    short: Rate
    long: Rate
    seen: int = 0
    overlap: float = 0.0  # others in flight when an invocation is accepted
    cold_share: float = 0.0
    cold_wait_ms: float = 0.0  # of cold ones only, on the ordinary runtime
    native_wait_ms: float = 0.0  # the same, natively
    run_ms: float = 0.0  # on the ordinary runtime, then natively: what it takes now
    inside_ms: float = 0.0  # in user code, natively: without what a busy service adds to `run_ms`
    build_seconds: float | None = None  # of its last build that succeeded
    first_at: float | None = None
    last_at: float | None = None
    smoothing: float = field(default=0.1)

    @classmethod
    def of(cls, settings: OptimizerSettings) -> Signals:
        """Nothing seen yet."""
        return cls(
            Rate(settings.short_window_seconds), Rate(settings.long_window_seconds), smoothing=settings.smoothing
        )

    def add(self, event: Invoked) -> None:
        """One more invocation. The first one sets what later ones only move."""
        self.short.add(event.at)
        self.long.add(event.at)
        weight = self.smoothing if self.seen else 1.0
        self.seen += 1
        self.overlap += weight * (event.overlap - self.overlap)
        self.run_ms += weight * (event.run_ms - self.run_ms)
        self.cold_share += weight * (event.cold - self.cold_share)
        if event.inside_ms:
            self.inside_ms += (self.smoothing if self.inside_ms else 1.0) * (event.inside_ms - self.inside_ms)
        if event.cold:
            self._add_start(event)
        if self.first_at is None:
            self.first_at = event.at
        self.last_at = event.at if self.last_at is None else max(self.last_at, event.at)

    def _add_start(self, event: Invoked) -> None:
        name = "native_wait_ms" if event.native else "cold_wait_ms"
        known: float = getattr(self, name)
        setattr(self, name, known + (_START_WEIGHT if known else 1.0) * (event.wait_ms - known))

    def per_minute(self, now: float) -> float:
        """By the short window."""
        return self.short.per(60.0, now)

    def per_hour(self, now: float) -> float:
        """By the long window."""
        return self.long.per(3600.0, now)


def share_of(due: float, wanted: int, least: float, most: float) -> float:
    """Of `due` invocations in a time, so many that `wanted` are reached in it."""
    return most if due <= 0 else min(most, max(least, wanted / due))
