"""Live figures of functions: the last five minutes of each, out of the records as they are closed.

One event costs a look-up and an addition. Times are kept as counts in buckets 8 % apart, so that a percentile is off by
at most 4 %, and a function that is called all day takes no more memory than one that is called for five minutes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from argo_provider.events import ActivationEnded, Event
from argo_provider.model.activation import Activation, Status

SLOT_SECONDS = 30
SLOTS = 10  # the window is the running slot and the nine before it
PHASES = ("queue", "place", "start", "init", "run", "reply")
_GROWTH = math.log(1.08)
_SHORTEST_MS = 0.01
_PRUNED_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the window; times in milliseconds, None where nothing was called. `last_invoked`: epoch ms, if it is known."""

    invocations: int = 0
    rate_per_minute: float = 0.0
    p50: float | None = None
    p99: float | None = None
    error_share: float = 0.0
    cold_share: float = 0.0
    last_invoked: int | None = None


@dataclass(slots=True)
class _Slot:
    number: int
    count: int = 0
    failed: int = 0
    cold: int = 0
    buckets: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Track:
    """One function's slots, oldest first; only those in which something happened."""

    slots: list[_Slot] = field(default_factory=list)
    last_invoked: int = 0


Key = tuple[str, str]
"""Namespace that invokes, and path "ns/[pkg/]name" of the action."""


class LiveFigures:
    """Listens to the bus. Of more than `most` functions, those not called for longest are forgotten."""

    def __init__(self, monotonic: Callable[[], float], most: int = 20_000) -> None:
        self._monotonic = monotonic
        self._most = most
        self._began = monotonic()
        self._tracks: dict[Key, _Track] = {}

    def on_event(self, event: Event) -> None:
        if isinstance(event, ActivationEnded):
            self.observe(event.activation)

    def observe(self, activation: Activation) -> None:
        """Count a record; those of triggers have no path, and are no invocations."""
        annotations = activation.annotations
        path = annotations.get("path")
        if path is None:
            return
        key = (activation.namespace, path)
        track = self._tracks.get(key) or self._new(key)
        track.last_invoked = activation.start
        number = int(self._monotonic()) // SLOT_SECONDS
        if not track.slots or track.slots[-1].number != number:
            track.slots = [s for s in track.slots if s.number > number - SLOTS]
            track.slots.append(_Slot(number))
        slot = track.slots[-1]
        slot.count += 1
        if activation.response.status is not Status.SUCCESS:
            slot.failed += 1
        phases = annotations.get("argo.phases")
        if phases is None:
            ms = float(activation.duration or 0)
        else:
            ms = 0.0
            for name in PHASES:
                ms += phases.get(name, 0.0)
            slot.cold += bool(phases.get("cold"))
        bucket = _bucket(ms)
        slot.buckets[bucket] = slot.buckets.get(bucket, 0) + 1

    def of(self, namespace: str, path: str) -> Figures:
        """The figures of one function, for one namespace that invokes it."""
        track = self._tracks.get((namespace, path))
        if track is None:
            return Figures()
        slots = self._recent(track)
        count = sum(slot.count for slot in slots)
        if not count:
            return Figures(last_invoked=track.last_invoked)
        p50, p99 = _percentiles(slots, count)
        return Figures(
            count,
            count / self._minutes(),
            p50,
            p99,
            sum(slot.failed for slot in slots) / count,
            sum(slot.cold for slot in slots) / count,
            track.last_invoked,
        )

    def counted(self, namespace: str, path: str) -> tuple[int, int]:
        """Invocations and failures of the window: what lists are sorted by, without the price of percentiles."""
        track = self._tracks.get((namespace, path))
        if track is None:
            return 0, 0
        slots = self._recent(track)
        return sum(slot.count for slot in slots), sum(slot.failed for slot in slots)

    def __len__(self) -> int:
        return len(self._tracks)

    def _new(self, key: Key) -> _Track:
        if len(self._tracks) >= self._most:
            oldest = sorted(self._tracks, key=lambda k: self._tracks[k].last_invoked)
            for each in oldest[: max(1, int(self._most * _PRUNED_SHARE))]:
                del self._tracks[each]
        track = self._tracks[key] = _Track()
        return track

    def _recent(self, track: _Track) -> list[_Slot]:
        earliest = int(self._monotonic()) // SLOT_SECONDS - SLOTS
        return [slot for slot in track.slots if slot.number > earliest]

    def _minutes(self) -> float:
        """That the window covers now: a service that has just started has not been counting for five."""
        now = self._monotonic()
        covered = (SLOTS - 1) * SLOT_SECONDS + now % SLOT_SECONDS
        return min(covered, max(SLOT_SECONDS, now - self._began)) / 60


def _bucket(ms: float) -> int:
    return math.floor(math.log(max(ms, _SHORTEST_MS)) / _GROWTH)


def _percentiles(slots: list[_Slot], count: int) -> tuple[float, float]:
    merged: dict[int, int] = {}
    for slot in slots:
        for bucket, hits in slot.buckets.items():
            merged[bucket] = merged.get(bucket, 0) + hits
    ordered = sorted(merged.items())
    return _rank(ordered, count * 0.5), _rank(ordered, count * 0.99)


def _rank(ordered: list[tuple[int, int]], rank: float) -> float:
    """The middle of the bucket in which the value of that rank lies."""
    seen = 0
    for bucket, hits in ordered:
        seen += hits
        if seen >= rank:
            return math.exp((bucket + 0.5) * _GROWTH)
    raise ValueError("a rank beyond what was counted")
