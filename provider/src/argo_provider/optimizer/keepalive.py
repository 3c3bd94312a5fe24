"""How long a function is kept warm, learnt from the pauses between its invocations.

Keeping it costs memory for every second until the next invocation; letting it go costs a start when one comes. The
histogram of past pauses says how often each happens for any time T; the cheapest T is taken. Where sandboxes hibernate
there are two such times: being asleep costs less for every second than being awake, and waking up less than a start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, log2

from argo_provider.model.stay import Stay
from argo_provider.optimizer.settings import OptimizerSettings

_FIRST = 0.25  # seconds: pauses below fall into the first bucket
_STEPS = 2  # buckets an octave
_BUCKETS = 40  # the last one begins at about two days
_EDGES = tuple(_FIRST * 2 ** (number / _STEPS) for number in range(_BUCKETS))
_MOST_BESIDE = 32
_MEMORY = 256.0  # pauses remembered; then all weigh half, so that a new rhythm is learnt


@dataclass(slots=True)
class Pauses:
    """A histogram of pauses in seconds; bucket i ends at `_EDGES[i]`, and the last one holds all above."""

    counts: list[float] = field(default_factory=list)
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.add_alike(seconds, 1)

    def add_alike(self, seconds: float, number: int) -> None:
        """So many that fall into one bucket."""
        if not self.counts:
            self.counts = [0.0] * (_BUCKETS + 1)
        self.counts[_bucket(seconds)] += number
        self.total += number
        if self.total >= _MEMORY:
            self.counts = [count / 2 for count in self.counts]
            self.total /= 2


def _bucket(seconds: float) -> int:
    if seconds <= _FIRST:
        return 0
    return min(ceil(log2(seconds / _FIRST) * _STEPS), _BUCKETS)


@dataclass(slots=True)
class Beside:
    """Pauses of the second, third, … of a function's sandboxes: each is used only while those before it are busy."""

    pauses: Pauses = field(default_factory=Pauses)
    used: list[float] = field(default_factory=list)  # when each was used last, epoch seconds

    def add(self, overlap: int, at: float) -> None:
        """Of its sandboxes, `overlap` besides the first are busy now."""
        used, short = self.used, 0
        for number in range(min(overlap, _MOST_BESIDE)):
            if number == len(used):
                used.append(at)
                continue
            pause = at - used[number]
            if pause > 0.0:
                used[number] = at
                if pause <= _FIRST:  # as nearly all where many overlap
                    short += 1
                else:
                    self.pauses.add(pause)
        if short:
            self.pauses.add_alike(_FIRST, short)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The cheapest way to keep what is needed again after such pauses. All but `seconds`: of one pause on average."""

    seconds: float  # after its last use that it is kept
    held_seconds: float
    cold: float  # share of pauses that outlast it

    def ms(self, held_ms: float, start_ms: float) -> float:
        """What a pause costs where a second of it costs `held_ms`, and a start `start_ms`."""
        return self.held_seconds * held_ms + self.cold * start_ms


@dataclass(frozen=True, slots=True)
class Prices:
    """In milliseconds of waiting: a second of each kind, and what ends a pause. `asleep` None: it never hibernates."""

    awake: float
    start: float
    asleep: float | None = None
    wake: float = 0.0


@dataclass(frozen=True, slots=True)
class TwoStays:
    """The cheapest way where it may hibernate: awake for as long as `awake` says, and there for as long as `whole`."""

    awake: Upkeep
    whole: Upkeep

    @property
    def stay(self) -> Stay:
        """For the pool."""
        return Stay(self.whole.seconds, self.awake.seconds)

    def ms(self, price: Prices) -> float:
        """What a pause costs."""
        awake, whole = self.awake, self.whole
        asleep = (whole.held_seconds - awake.held_seconds) * (price.asleep or 0.0)
        return awake.ms(price.awake, price.wake) + asleep + whole.cold * (price.start - price.wake)


def keep_alive(pauses: Pauses, settings: OptimizerSettings, *, memory_mb: float, start_ms: float) -> float:
    """Seconds after its last invocation that a function is kept which holds `memory_mb`, and has as much reserved."""
    held_ms = memory_mb / 1024 * (settings.gb_second_ms + settings.reserved_gb_second_ms)
    return upkeep(pauses, settings, held_ms=held_ms, start_ms=start_ms).seconds


def stays(pauses: Pauses, settings: OptimizerSettings, prices: Prices) -> TwoStays:
    """How long it is awake, and how long it is kept at all: each is the cheapest whatever the other is.

    Asleep it is kept until that has cost as much as the start that it may save, at least: most functions come to a
    pause that is longer than all before, and there is no cheaper way to be ready for it.
    """
    asleep = prices.asleep
    if asleep is not None and asleep < prices.awake:
        awake = upkeep(pauses, settings, held_ms=prices.awake - asleep, start_ms=prices.wake)
        saves = prices.start - prices.wake
        even = saves / asleep if asleep else settings.keep_alive_most_seconds
        whole = upkeep(pauses, settings, held_ms=asleep, start_ms=saves, least_seconds=even)
        if whole.seconds > awake.seconds:
            return TwoStays(awake, whole)
    never = upkeep(pauses, settings, held_ms=prices.awake, start_ms=prices.start)
    return TwoStays(never, never)


def upkeep(
    pauses: Pauses,
    settings: OptimizerSettings,
    *,
    held_ms: float,
    start_ms: float,
    least_seconds: float = 0.0,
) -> Upkeep:
    """Where a second of keeping it costs `held_ms`, and a start `start_ms`.

    For `least_seconds` whatever the pauses were. Of a rhythm that is not known yet, as of one pause that is long.
    """
    most = settings.keep_alive_most_seconds
    least = min(max(settings.keep_alive_least_seconds, least_seconds), most)
    if pauses.total < settings.keep_alive_gaps:
        # Until it has cost as much as the start that it may save: at most twice what the wisest would pay.
        even = min(settings.keep_alive_first_seconds, start_ms / held_ms if held_ms else most)
        seconds = min(max(even, least), most)
        return Upkeep(seconds, seconds, 1.0)
    best, held, cold, cost = least, 0.0, 0.0, float("inf")
    for seconds, outlasted, ahead in _ways(pauses, least, most):
        all_held = outlasted + ahead * seconds
        reckoned = all_held * held_ms + ahead * start_ms
        if reckoned < cost:
            best, held, cold, cost = seconds, all_held, ahead, reckoned
    return Upkeep(best, held / pauses.total, cold / pauses.total)


def _ways(pauses: Pauses, least: float, most: float) -> list[tuple[float, float, float]]:
    """Times to keep it; for each the seconds of the pauses that it outlasts together, and how many outlast it."""
    ways: list[tuple[float, float, float]] = []
    outlasted, ahead = 0.0, pauses.total
    for edge, count in zip(
        _EDGES, pauses.counts, strict=False
    ):  # a pause counts with its bucket's end: errs to keeping
        if edge > most:
            break
        if edge > least and not ways:
            ways.append((least, outlasted, ahead))
        if count:
            outlasted += count * edge
            ahead -= count
            if edge > least:
                ways.append((edge, outlasted, ahead))
    return ways or [(least, outlasted, ahead)]
