"""How long a function is kept warm, learnt from the pauses between its invocations.

Keeping it costs memory for every second until the next invocation; letting it go costs a start when one comes. The
histogram of past pauses says how often each happens for any time T; the cheapest T is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, log2

from argo_provider.optimizer.settings import OptimizerSettings

_FIRST = 0.25  # seconds: pauses below fall into the first bucket
_STEPS = 2  # buckets an octave
_BUCKETS = 40  # the last one begins at about two days
_EDGES = tuple(_FIRST * 2 ** (number / _STEPS) for number in range(_BUCKETS))
_MEMORY = 256.0  # pauses remembered; then all weigh half, so that a new rhythm is learnt


@dataclass(slots=True)
class Pauses:
    """A histogram of pauses in seconds; bucket i ends at `_EDGES[i]`, and the last one holds all above."""

    counts: list[float] = field(default_factory=list)
    total: float = 0.0

    def add(self, seconds: float) -> None:
        if not self.counts:
            self.counts = [0.0] * (_BUCKETS + 1)
        self.counts[_bucket(seconds)] += 1.0
        self.total += 1.0
        if self.total >= _MEMORY:
            self.counts = [count / 2 for count in self.counts]
            self.total /= 2


def _bucket(seconds: float) -> int:
    if seconds <= _FIRST:
        return 0
    return min(ceil(log2(seconds / _FIRST) * _STEPS), _BUCKETS)


def keep_alive(pauses: Pauses, settings: OptimizerSettings, *, memory_mb: float, start_ms: float) -> float:
    """Seconds after its last invocation that a function which holds `memory_mb`, and starts in `start_ms`, is kept."""
    least, most = settings.keep_alive_least_seconds, settings.keep_alive_most_seconds
    if pauses.total < settings.keep_alive_gaps:
        return min(max(settings.keep_alive_first_seconds, least), most)
    held_ms = memory_mb / 1024 * settings.gb_second_ms  # a second of it
    best, cheapest = least, float("inf")
    waited_ms, ahead = 0.0, pauses.total  # what pauses that it outlasts cost, and how many are longer
    for number, count in enumerate(pauses.counts[:_BUCKETS]):
        edge = _EDGES[number]  # a pause counts with its bucket's end, which errs to keeping
        if edge > most:
            break
        if edge > least:
            if cheapest == float("inf"):
                cheapest = waited_ms + ahead * (least * held_ms + start_ms)
            if not count:
                continue
        waited_ms += count * edge * held_ms
        ahead -= count
        cost = waited_ms + ahead * (edge * held_ms + start_ms)
        if edge > least and cost < cheapest:
            best, cheapest = edge, cost
    return best
