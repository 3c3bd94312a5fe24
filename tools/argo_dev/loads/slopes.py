"""Whether something grows: a line through what was seen, once it has settled. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

SETTLED = 0.4  # the first share of a run is not judged: caches and pools fill
ALLOWED = 0.05  # growth over the judged part, as a share of the mean


@dataclass(frozen=True, slots=True)
class Sample:
    """The service at one moment. `at`: seconds."""

    at: float
    memory_mb: float
    descriptors: float
    threads: float
    sandboxes: float


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the least-squares line, per unit of x; 0 for fewer than two distinct x."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


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
        yield column.name, f"mean {mean:.1f}, grew by {share:+.1%} in {span:.0f} s (allowed: 5 %)", share <= ALLOWED
