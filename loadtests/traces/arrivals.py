"""From counts a minute to single invocations, and the part of a trace that a replay takes. Seeded, and pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from traces.model import Function, Trace

_BURST_SECONDS = 2.0  # mean distance of a call from the start of its burst
_BURST_SIZE = 5


class Arrival(NamedTuple):
    """One invocation: seconds after the start of the window, which function, and how long it is to run."""

    at: float
    function: int  # index in the trace's functions
    duration_ms: float


def arrivals(trace: Trace, *, seed: int, first: int = 1, minutes: int = 1440) -> list[Arrival]:
    """Those of a window, in order. A function's own do not depend on which others are in the trace."""
    each = (_of_function(index, one, seed, first, minutes) for index, one in enumerate(trace.functions))
    return sorted(chain.from_iterable(each))


def _of_function(index: int, function: Function, seed: int, first: int, minutes: int) -> Iterator[Arrival]:
    dice = random.Random(f"{seed}/{function.name}")
    phase = dice.random() * 60
    draw = function.durations.sampler(dice) if function.durations else lambda: 1.0
    for minute, count in function.counts.items():
        if first <= minute < first + minutes:
            for second in _seconds(function.trigger, count, phase, dice):
                yield Arrival((minute - first) * 60 + second, index, draw())


def _seconds(trigger: str, count: int, phase: float, dice: random.Random) -> Sequence[float]:
    """Within a minute: timers at even distances, HTTP in bursts, others anywhere."""
    if trigger == "timer":
        return [(phase + number * 60 / count) % 60 for number in range(count)]
    if trigger != "http":
        return [dice.random() * 60 for _ in range(count)]
    starts = [dice.random() * 60 for _ in range(-(-count // _BURST_SIZE))]
    return [min(59.999, dice.choice(starts) + dice.expovariate(1 / _BURST_SECONDS)) for _ in range(count)]


def part(trace: Trace, *, functions: int, seed: int, first: int, minutes: int, most: int) -> Trace:
    """`functions` of those called in the window, evenly over their rates, each with at most `most` calls in it.

    Busier ones are left out rather than thinned, so that each keeps its own pattern.
    """
    window = range(first, first + minutes)
    called = []
    for each in trace.functions:
        counts = {minute: count for minute, count in each.counts.items() if minute in window}
        if 0 < sum(counts.values()) <= most:
            called.append(replace(each, counts=counts))
    dice = random.Random(seed)
    dice.shuffle(called)
    called.sort(key=lambda each: each.total)
    step = max(1.0, len(called) / functions)
    chosen = [called[int(number * step)] for number in range(min(functions, len(called)))]
    apps = {(each.owner, each.app) for each in chosen}
    return Trace(tuple(chosen), {app: memory for app, memory in trace.memory.items() if app in apps})
