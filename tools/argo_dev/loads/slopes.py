"""Whether something grows more than chance would have it: a line through what was seen, once it settled. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from math import sqrt

SETTLED = 0.4  # the first share of a run is not judged: caches and pools fill
ALLOWED = 0.05  # growth over the judged part, as a share of the mean
NOISE = 2.0  # so much of anything is no growth: a request more that was under way at the end


@dataclass(frozen=True, slots=True)
class Sample:
    """The service at one moment. `at`: seconds; `tasks`: of its event loop; `journal`: rows; `wal_mb`: of SQLite."""

    at: float
    memory_mb: float
    descriptors: float
    threads: float
    sandboxes: float
    tasks: float
    journal: float
    wal_mb: float


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the least-squares line, per unit of x; 0 for fewer than two distinct x."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def doubt(points: Sequence[tuple[float, float]]) -> float:
    """Three standard errors of that slope: what lies within may be chance."""
    count, rise = len(points), slope(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    left = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in points)
    return 3 * sqrt(left / max(1, count - 2) / spread) if spread else 0.0


def growing(samples: Sequence[Sample]) -> Iterator[tuple[str, str, bool]]:
    """(what, what it did in words, whether it stayed flat)"""
    judged = samples[int(len(samples) * SETTLED) :]
    if len(judged) < 5:
        yield "resources", "too few samples to tell", False
        return
    span = judged[-1].at - judged[0].at
    for column in fields(Sample)[1:]:
        values = [(sample.at, getattr(sample, column.name)) for sample in judged]
        mean = sum(value for _, value in values) / len(values)
        grown = slope(values) * span
        share = grown / mean if mean else 0.0
        allowed = max(ALLOWED * mean, NOISE, doubt(values) * span)
        told = f"mean {mean:.1f}, grew by {grown:+.1f} ({share:+.1%}) in {span:.0f} s (allowed: {allowed:.1f})"
        yield column.name, told, grown <= allowed
