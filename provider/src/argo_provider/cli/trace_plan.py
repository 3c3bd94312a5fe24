"""What a day of invocations would cost: memory held, cold starts, waiting; kept warm in three ways. Pure.

An estimate: the calls of a minute are taken to come at even distances, each as long as its function's average. What the
service would do is taken from its own policy: how long it keeps a function warm (`optimizer.keepalive`) and when a
function gets hot (`optimizer.settings`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil

from argo_provider.cli.trace_file import MINUTES, Function
from argo_provider.optimizer.keepalive import Pauses, keep_alive
from argo_provider.optimizer.settings import OptimizerSettings

FIXED_SECONDS = 600.0
_LEARNT_ANEW = 20  # minutes with calls after which how long to keep is looked at again
_DAY = MINUTES * 60.0


@dataclass(frozen=True, slots=True)
class Assumed:
    """What the trace does not tell. `compiled`: the native form costs a build (Java)."""

    compiled: bool = True
    mb: float = 256.0
    ms: float = 100.0
    start_ms: float = 500.0
    build_seconds: float = 90.0
    policy: OptimizerSettings = field(default_factory=OptimizerSettings)


@dataclass(slots=True)
class Way:
    """One way to keep functions warm; what it came to."""

    name: str
    mb_seconds: float = 0.0
    cold: int = 0
    waited_ms: float = 0.0
    steps: list[float] = field(default_factory=lambda: [0.0] * (MINUTES + 2))  # MB by which a minute differs
    _until: int = 0  # the minute at which what the function of now holds is let go
    _mb: float = 0.0

    @property
    def peak_mb(self) -> float:
        """Of memory held in any minute."""
        held = most = 0.0
        for step in self.steps:
            held += step
            most = max(most, held)
        return most

    def take(self, minute: int, keep: float, mb: float, start_ms: float, pauses: Iterable[tuple[float, int]]) -> None:
        """Pauses (seconds, how many) before the calls of a minute; those that outlast `keep` make cold starts."""
        for pause, number in pauses:
            self.mb_seconds += min(pause, keep) * mb * number
            if pause > keep:
                self.cold += number
                self.waited_ms += start_ms * number
        self._hold(minute, min(MINUTES + 1, minute + 1 + ceil(keep / 60)), mb)

    def _hold(self, minute: int, until: int, mb: float) -> None:
        """From `minute` on `mb` in place of what is held of the same function."""
        if self._until > minute:
            self.steps[self._until] += self._mb
            self.steps[minute] -= self._mb
        self.steps[minute] += mb
        self.steps[until] -= mb
        self._until, self._mb = until, mb

    def next_function(self) -> None:
        self._until = 0


@dataclass(slots=True)
class Plan:
    """`hot`: functions that would get native; `natively`: their calls from then on."""

    functions: int = 0
    calls: int = 0
    hot: int = 0
    natively: int = 0
    fixed: Way = field(default_factory=lambda: Way(f"kept {FIXED_SECONDS / 60:.0f} min each"))
    ordinary: Way = field(default_factory=lambda: Way("here, none native"))
    native: Way = field(default_factory=lambda: Way("here, hot ones native"))
    by_function: list[tuple[str, int, float, bool]] = field(default_factory=list)  # name, calls, MB-seconds, hot

    @property
    def ways(self) -> tuple[Way, Way, Way]:
        return self.fixed, self.ordinary, self.native


def plan(functions: Iterable[Function], assumed: Assumed) -> Plan:
    """The whole day of all functions."""
    found = Plan()
    for function in functions:
        _add(found, function, assumed)
    return found


def _add(found: Plan, function: Function, assumed: Assumed) -> None:
    mb, policy = function.mb or assumed.mb, assumed.policy
    pauses, slow, quick, before = Pauses(), 0.0, 0.0, found.native.mb_seconds
    native_from = natively_from(function, assumed)
    for way in found.ways:
        way.next_function()
    for number, (minute, gaps) in enumerate(_minutes(function)):
        if number < _LEARNT_ANEW or number % _LEARNT_ANEW == 0:
            slow = keep_alive(pauses, policy, memory_mb=mb, start_ms=assumed.start_ms)
            quick = keep_alive(pauses, policy, memory_mb=policy.isolate_mb, start_ms=policy.isolate_start_ms)
        at_once = max(1, ceil(function.counts[minute] * (function.ms or assumed.ms) / 60_000))
        found.fixed.take(minute, FIXED_SECONDS, mb * at_once, assumed.start_ms, gaps)
        found.ordinary.take(minute, slow, mb * at_once, assumed.start_ms, gaps)
        if minute >= native_from:
            found.native.take(minute, quick, policy.isolate_mb * at_once, policy.isolate_start_ms, gaps)
            found.natively += function.counts[minute]
        else:
            found.native.take(minute, slow, mb * at_once, assumed.start_ms, gaps)
        for pause, count in gaps:
            for _ in range(min(count, 16) if pause < _DAY else 0):
                pauses.add(pause)
    found.functions += 1
    found.calls += function.calls
    hot = native_from <= MINUTES
    found.hot += hot
    found.by_function.append((function.name, function.calls, found.native.mb_seconds - before, hot))


def _minutes(function: Function) -> Iterator[tuple[int, list[tuple[float, int]]]]:
    """Each minute with calls, and the pauses before them; the first call of the day comes after a whole one."""
    last: float | None = None
    for minute, count in sorted(function.counts.items()):
        step = 60.0 / count
        first = (minute - 1) * 60.0 + step / 2
        gaps = [(_DAY if last is None else first - last, 1)]
        if count > 1:
            gaps.append((step, count - 1))
        last = first + step * (count - 1)
        yield minute, gaps


def natively_from(function: Function, assumed: Assumed) -> int:
    """The minute from which its calls run natively; after the day if it does not get hot in it."""
    policy = assumed.policy
    window = max(1, round(policy.long_window_seconds / 60))
    needed = policy.hot_per_hour if assumed.compiled else policy.instant_per_hour
    recent: deque[tuple[int, int]] = deque()
    within = 0
    for minute, count in sorted(function.counts.items()):
        recent.append((minute, count))
        within += count
        while recent[0][0] <= minute - window:
            within -= recent.popleft()[1]
        if within >= needed or (assumed.compiled and count >= policy.hot_per_minute):
            under_way = policy.observe_seconds + assumed.build_seconds if assumed.compiled else 0.0
            return minute + 1 + ceil((under_way + policy.canary_seconds) / 60)
    return MINUTES + 1
