"""The plans: what is called, by how many, for how long, and what must come of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from argo_dev.loads.slopes import Sample, growing

KIND = "nodejs:default"
ACCEPTED_SECONDS = 5.0  # wanted of p99 where there are 25 clients for each place


@dataclass(frozen=True, slots=True)
class Stage:
    """`clients` call `actions` functions for `seconds`. `rate`: calls a second of all together; 0: without a pause."""

    title: str
    clients: int
    seconds: float
    actions: int = 1
    kinds: tuple[str, ...] = (KIND,)  # given to the actions in turn; empty: every kind that the service has
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a stage showed; latencies in ms. `samples`: the service's resources meanwhile."""

    stage: Stage
    requests: int
    failures: int
    refused: int
    rate: float  # answered requests a second
    p50: float
    p95: float
    p99: float
    samples: tuple[Sample, ...] = ()


Verdict = tuple[str, bool]
"""A sentence, and whether it is as wanted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`across`: what the report's curves are drawn over."""

    name: str
    about: str
    stages: Sequence[Stage]
    judge: Callable[[Sequence[Measured]], list[Verdict]]
    across: str = "stage"
    memory_mb: int = 0  # what the pool may promise; 0: the service's default


def _clean(measured: Sequence[Measured]) -> list[Verdict]:
    failures = sum(stage.failures for stage in measured)
    return [(f"{failures} of {sum(stage.requests for stage in measured)} calls failed", failures == 0)]


def _many(measured: Sequence[Measured]) -> list[Verdict]:
    first, last = measured[0], measured[-1]
    share = last.rate / first.rate
    text = f"{last.stage.actions} actions: {share:.0%} of the throughput of {first.stage.actions} (wanted: 60 %)"
    return [*_clean(measured), (text, share >= 0.6)]


def _knee(measured: Sequence[Measured]) -> list[Verdict]:
    best = max(measured, key=lambda stage: stage.rate)
    enough = next(stage for stage in measured if stage.rate >= 0.9 * best.rate)
    last = measured[-1]
    text = f"saturated at {enough.stage.clients} clients: {enough.rate:.0f}/s, p99 {enough.p99:.0f} ms"
    kept = f"{last.rate / best.rate:.0%} of the best throughput is left at {last.stage.clients} clients (wanted: 80 %)"
    return [*_clean(measured), (text, True), (kept, last.rate >= 0.8 * best.rate)]


def _overload(measured: Sequence[Measured]) -> list[Verdict]:
    peak, over = measured[0], measured[1]
    text = f"goodput under overload is {over.rate / peak.rate:.0%} of the peak (wanted: 80 %), {over.refused} refused"
    late = f"p99 of what was accepted is {over.p99 / 1000:.1f} s under overload (wanted: {ACCEPTED_SECONDS:g})"
    before, most = (max((one.memory_mb for one in stage.samples), default=0.0) for stage in (peak, over))
    grown = f"the service takes at most {most:.0f} MB under overload, {before:.0f} at the peak (wanted: twice that)"
    return [
        *_clean(measured),
        (text, over.rate >= 0.8 * peak.rate),
        (late, over.p99 <= ACCEPTED_SECONDS * 1000),
        (grown, 0 < most <= 2 * before),
    ]


def _burst(measured: Sequence[Measured]) -> list[Verdict]:
    before, after = measured[0], measured[-1]
    text = f"p99 after the burst is {after.p99 / max(before.p99, 0.1):.1f} times that before (wanted: 2)"
    return [*_clean(measured), (text, after.p99 <= 2 * max(before.p99, 5.0))]


def _soak(measured: Sequence[Measured]) -> list[Verdict]:
    samples = [sample for stage in measured for sample in stage.samples]
    return [*_clean(measured), *((f"{name}: {told}", flat) for name, told, flat in growing(samples))]


def plans(*, minutes: float = 30.0) -> Mapping[str, Plan]:
    """By name. `minutes`: of the soak."""
    ramp = [Stage(f"{clients} clients", clients, 8) for clients in (1, 2, 4, 8, 16, 32, 64)]
    many = [Stage(f"{number} actions", 16, 10, number) for number in (1, 10, 50, 100, 200)]
    bursts = [Stage("before", 4, 8, 4), Stage("burst", 64, 5, 4), Stage("after", 4, 8, 4)]
    found = [
        Plan("smoke", "every kind answers under a little load", [Stage("smoke", 2, 10, 8, ())], _clean),
        Plan("ramp", "from one client to saturation", ramp, _knee, "clients"),
        Plan("soak", "memory, descriptors, tasks and tables stay flat", [Stage("soak", 8, minutes * 60, 8)], _soak),
        Plan("burst", "sixteen times the load for a moment", bursts, _burst),
        Plan("many-functions", "from 1 to 200 actions", many, _many, "actions", memory_mb=40_000),
        Plan("mixed", "all kinds at once", [Stage("mixed", 16, 30, 16, ())], _clean),
        Plan(
            "overload",
            "the clients of five times the peak",
            [Stage("peak", 16, 10), Stage("overload", 400, 15)],
            _overload,
        ),
    ]
    return {plan.name: plan for plan in found}
