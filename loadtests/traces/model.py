"""A day of functions. Durations in ms, memory in MB, minutes count from 1 to 1440, as the data set has them."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MINUTES = 1440
TRIGGERS = ("http", "timer", "queue", "orchestration", "storage", "event", "others")
DURATION_POINTS = (0, 1, 25, 50, 75, 99, 100)
MEMORY_POINTS = (1, 5, 25, 50, 75, 95, 99, 100)


@dataclass(frozen=True, slots=True)
class Durations:
    """How long one function runs; `points` are the percentiles of DURATION_POINTS."""

    average: float
    count: int
    points: tuple[float, ...]

    def sampler(self, dice: random.Random) -> Callable[[], float]:
        """Draws durations: between the percentiles straight on a logarithmic axis, since they are nearly log-normal."""
        logs = [math.log(max(point, 1.0)) for point in self.points]

        def draw() -> float:
            at = dice.random() * 100
            low = bisect_right(DURATION_POINTS, at) - 1
            share = (at - DURATION_POINTS[low]) / (DURATION_POINTS[low + 1] - DURATION_POINTS[low])
            return math.exp(logs[low] + (logs[low + 1] - logs[low]) * share)

        return draw


@dataclass(frozen=True, slots=True)
class Memory:
    """What one app allocates; `points` are the percentiles of MEMORY_POINTS."""

    samples: int
    average: float
    points: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """One function of an app; names are hashes. `counts`: minute → invocations, where there are any."""

    owner: str
    app: str
    name: str
    trigger: str
    counts: Mapping[int, int]
    durations: Durations | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Trace:
    """A day; `memory` by (owner, app)."""

    functions: tuple[Function, ...]
    memory: Mapping[tuple[str, str], Memory]
