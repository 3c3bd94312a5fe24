"""Makes a day with the distributions that were published for the data set (Shahrad et al., USENIX ATC 2020).

Rates: invocations a day, log-normal so that 45 % of functions come once an hour or less and 81 % once a minute or less;
over a thousand functions that spans eight orders of magnitude. Triggers in the published shares; timers are periodic,
HTTP comes in bursts, the rest at random, all but timers with the rhythm of a day. Durations: the averages of functions
are log-normal (of seconds: mean of the logarithm -0.38, deviation 2.36), and so is each function around its own.
Memory of apps: Burr (shape 11.652 and 0.221, scale 107.083 MB), heavy-tailed.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from traces.model import DURATION_POINTS, MEMORY_POINTS, MINUTES, Durations, Function, Memory, Trace

_TRIGGERS = {
    "http": 55.0,
    "timer": 15.6,
    "queue": 15.2,
    "orchestration": 6.9,
    "storage": 2.8,
    "event": 2.2,
    "others": 2.3,
}
_PERIODS = {1: 12, 5: 25, 10: 10, 15: 15, 30: 10, 60: 16, 360: 2, 1440: 10}  # minutes: weight
_RATE = (1.60, 1.77)  # of the logarithm to base 10 of invocations a day
_DURATION = (-0.38, 2.36)
_SPREAD = 0.6  # deviation of the logarithm of one function's durations
_BURR = (11.652, 0.221, 107.083)
_MEMORY_SPREAD = 0.12
_ONE_MORE = 0.46  # functions of an app: 54 % have one
_SECOND_APP = 0.3
_QUANTILES = {0: -4.0, 1: -2.326, 5: -1.645, 25: -0.674, 50: 0.0, 75: 0.674, 95: 1.645, 99: 2.326, 100: 4.0}


@dataclass(frozen=True, slots=True)
class Shape:
    """What to make. The caps keep a replay within one machine; without them the largest rates are millions a day."""

    functions: int = 1000
    seed: int = 1
    most_per_day: float = 1e8
    longest_ms: float = 600_000.0


def generate(shape: Shape) -> Trace:
    """The same shape gives the same trace."""
    dice = random.Random(shape.seed)
    functions, memory = [], {}
    for owner, app, name in _names(shape, dice):
        if (owner, app) not in memory:
            memory[owner, app] = _memory(dice)
        trigger = dice.choices(list(_TRIGGERS), list(_TRIGGERS.values()))[0]
        counts = _counts(trigger, shape, dice)
        functions.append(Function(owner, app, name, trigger, counts, _durations(counts, shape, dice)))
    return Trace(tuple(functions), memory)


def _names(shape: Shape, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Owners have apps, and those have functions; hashes as in the data set."""
    owner = app = 0
    for number in range(shape.functions):
        if number and dice.random() >= _ONE_MORE:
            app += 1
            if dice.random() >= _SECOND_APP:
                owner += 1
        yield _hash(shape, "owner", owner), _hash(shape, "app", app), _hash(shape, "function", number)


def _hash(shape: Shape, what: str, number: int) -> str:
    return hashlib.sha256(f"{shape.seed}/{what}/{number}".encode()).hexdigest()


def _counts(trigger: str, shape: Shape, dice: random.Random) -> dict[int, int]:
    if trigger == "timer":
        period = dice.choices(list(_PERIODS), list(_PERIODS.values()))[0]
        phase = dice.randrange(period)
        return dict.fromkeys(range(1 + phase, MINUTES + 1, period), 1)
    rate = min(shape.most_per_day, 10 ** dice.gauss(*_RATE))
    peak = dice.randrange(MINUTES)
    if trigger == "http":
        return _bursts(rate, peak, dice)
    return _scattered(rate, peak, dice)


def _day(minute: int, peak: int) -> float:
    """Relative rate of a minute: three times as much at the peak as at night, 1 on average."""
    return 1 + 0.5 * math.cos(2 * math.pi * (minute - peak) / MINUTES)


def _scattered(rate: float, peak: int, dice: random.Random) -> dict[int, int]:
    if rate < 10 * MINUTES:
        return _placed(_poisson(rate, dice), peak, dice)
    each = rate / MINUTES
    drawn = {minute: _poisson(each * _day(minute, peak), dice) for minute in range(1, MINUTES + 1)}
    return {minute: count for minute, count in drawn.items() if count}


def _bursts(rate: float, peak: int, dice: random.Random) -> dict[int, int]:
    """Visits bring several calls, within their minute and the next ones; busy functions hum besides."""
    size = 1 + min(rate / 200, 30.0)
    counts: Counter[int] = Counter(_scattered(rate / 3, peak, dice))
    for minute, visits in _scattered(rate * 2 / 3 / size, peak, dice).items():
        for _ in range(min(visits, 200)):
            left = 1 + _poisson(size - 1, dice) * max(1, visits // 200)
            at = minute
            while left > 0 and at <= MINUTES:
                now = max(1, round(left * 0.7))
                counts[at] += now
                left -= now
                at += 1
    return {minute: counts[minute] for minute in sorted(counts)}


def _placed(number: int, peak: int, dice: random.Random) -> dict[int, int]:
    counts: Counter[int] = Counter()
    while number:
        minute = dice.randrange(1, MINUTES + 1)
        if dice.random() * 1.5 <= _day(minute, peak):
            counts[minute] += 1
            number -= 1
    return {minute: counts[minute] for minute in sorted(counts)}


def _poisson(mean: float, dice: random.Random) -> int:
    """Exact for small means, by the normal distribution above."""
    if mean > 50:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    number, left = 0, dice.expovariate(1.0)
    while left < mean:
        number += 1
        left += dice.expovariate(1.0)
    return number


def _durations(counts: dict[int, int], shape: Shape, dice: random.Random) -> Durations:
    average = min(shape.longest_ms, max(1.0, 1000 * math.exp(dice.gauss(*_DURATION))))
    middle = average / math.exp(_SPREAD**2 / 2)
    points = tuple(min(shape.longest_ms, middle * math.exp(_SPREAD * _QUANTILES[point])) for point in DURATION_POINTS)
    return Durations(average, sum(counts.values()), points)


def _memory(dice: random.Random) -> Memory:
    c, k, scale = _BURR
    share = min(dice.random(), 0.999)
    middle = scale * ((1 - share) ** (-1 / k) - 1) ** (1 / c)
    points = tuple(middle * math.exp(_MEMORY_SPREAD * _QUANTILES[point]) for point in MEMORY_POINTS)
    return Memory(dice.randrange(100, 100_000), middle, points)
