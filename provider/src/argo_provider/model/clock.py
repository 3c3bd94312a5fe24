"""Time and ids come in through here, so that tests can hold them still."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from argo_provider.model.names import new_activation_id


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """`now_ms`: wall clock, epoch milliseconds; `monotonic`: seconds; `now`: wall clock, epoch seconds."""

    now_ms: Callable[[], int] = _wall_ms
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    new_id: Callable[[], str] = new_activation_id


class Leaps:
    """Tells when the wall clock was set, by holding it against the monotonic one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = self._now()

    def look(self) -> float:
        """Seconds by which the wall clock was set forward (negative: back) since the last look."""
        before, self._offset = self._offset, self._now()
        return self._offset - before

    def _now(self) -> float:
        return self._clock.now_ms() / 1000 - self._clock.monotonic()
