"""Counters and distributions for the path of every request: an addition and a search, no lock, no per-call objects.

Only for values that one thread changes, the event loop's; a scrape reads them there as well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

Labels = tuple[str, ...]


class Tally:
    """One counter. Add to `value`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Tallies(Collector):
    """Counters of one name, by label values."""

    def __init__(self, name: str, about: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name, self._about, self._names = name, about, tuple(labels)
        self._tallies: dict[Labels, Tally] = {}
        registry.register(self)

    def of(self, *labels: str) -> Tally:
        """The counter of these label values; keep it where it is used often."""
        tally = self._tallies.get(labels)
        if tally is None:
            tally = self._tallies[labels] = Tally()
        return tally

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._about, labels=self._names)
        for labels, tally in self._tallies.items():
            family.add_metric(labels, tally.value)
        yield family


class Spread:
    """One distribution: how many values fell between the bounds, and their sum."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Spreads(Collector):
    """Distributions of one name, by label values; `bounds` are inclusive upper ones, ascending."""

    def __init__(  # as the counters, and the bounds
        self, name: str, about: str, labels: Sequence[str], bounds: tuple[float, ...], registry: CollectorRegistry
    ) -> None:
        self._name, self._about, self._names, self._bounds = name, about, tuple(labels), bounds
        self._spreads: dict[Labels, Spread] = {}
        registry.register(self)

    def of(self, *labels: str) -> Spread:
        """The distribution of these label values; keep it where it is used often."""
        spread = self._spreads.get(labels)
        if spread is None:
            spread = self._spreads[labels] = Spread(self._bounds)
        return spread

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(self._name, self._about, labels=self._names)
        names = [*(repr(float(bound)) for bound in self._bounds), "+Inf"]
        for labels, spread in self._spreads.items():
            family.add_metric(labels, list(zip(names, _running_sum(spread.counts), strict=True)), spread.total)
        yield family


def _running_sum(counts: Iterable[int]) -> Iterable[int]:
    total = 0
    for count in counts:
        total += count
        yield total
