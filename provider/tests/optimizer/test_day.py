"""A day of a thousand functions in virtual time, with a pipeline that answers as a real one would.

Held against what a fixed keep-alive of ten minutes costs in the same day.
"""

from __future__ import annotations

import heapq
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "loadtests"))

from traces.arrivals import Arrival, arrivals
from traces.generate import Shape, generate

from argo_provider.optimizer import events as ev
from argo_provider.optimizer.instructions import Build, Canary, Demote, Instruction, Observe, Promote, Scale
from argo_provider.optimizer.model import FailureKind, FunctionId, State, Wishes
from argo_provider.optimizer.policy import Policy
from argo_provider.optimizer.settings import OptimizerSettings

pytestmark = pytest.mark.unit
DAY, TICK = 86_400.0, 5.0
FIXED_SECONDS = 600.0
ORDINARY_MB, ISOLATE_MB = 256.0, 8.0
START_MS = {ORDINARY_MB: 800.0, ISOLATE_MB: 5.0}
BUILD_SECONDS = 90.0
FAMILIES = ("java", "java", "nodejs", "nodejs", "python")
SETTINGS = replace(OptimizerSettings(), builds_per_hour=60, native_functions=1000)


@dataclass
class Warmth:
    """One function's sandboxes, taken as one: alive from a first invocation until it is scaled to zero."""

    since: float | None = None
    mb: float = ORDINARY_MB
    mb_seconds: float = 0.0
    waited_ms: float = 0.0  # for cold starts

    def use(self, at: float, mb: float) -> bool:
        cold = self.since is None
        if cold:
            self.waited_ms += START_MS[mb]
        elif mb != self.mb:
            self.end(at)
        if self.since is None:
            self.since = at
        self.mb = mb
        return cold

    def end(self, at: float) -> None:
        if self.since is not None:
            self.mb_seconds += (at - self.since) * self.mb
            self.since = None


@dataclass
class Day:
    arrivals: list[Arrival]
    number: int
    policy: Policy = field(default_factory=lambda: Policy(SETTINGS))
    queue: list[tuple[float, int, ev.Event]] = field(default_factory=list)
    natively: int = 0
    told: Counter[type] = field(default_factory=Counter)
    trials: dict[FunctionId, int] = field(default_factory=dict)
    most_builds: int = 0

    def __post_init__(self) -> None:
        self.functions = [FunctionId(f"ns{index % 7}", f"/ns{index % 7}/f{index}") for index in range(self.number)]
        self.warmth = {function: Warmth() for function in self.functions}
        self.building: set[FunctionId] = set()
        for index, function in enumerate(self.functions):
            self.carry_out(self.policy.handle(ev.Deployed(function, 0.0, "x", FAMILIES[index % 5], Wishes(), 256)), 0.0)

    def run(self) -> None:
        tick = TICK
        for arrival in self.arrivals:
            while min(tick, self.queue[0][0] if self.queue else DAY) <= arrival.at:
                if self.queue and self.queue[0][0] <= tick:
                    at, _, event = heapq.heappop(self.queue)
                    if isinstance(event, ev.BuildEnded):
                        self.building.discard(event.function)
                    self.carry_out(self.policy.handle(event), at)
                else:
                    self.carry_out(self.policy.handle(ev.Tick(tick)), tick)
                    tick += TICK
            self.invoke(arrival)
        for warmth in self.warmth.values():
            warmth.end(DAY)

    def invoke(self, arrival: Arrival) -> None:
        function, at = self.functions[arrival.function], arrival.at
        route = self.policy.route(function, "x")
        native = route.technology is not None
        self.natively += native
        mb = ISOLATE_MB if native else ORDINARY_MB
        cold = self.warmth[function].use(at, mb)
        wait = START_MS[mb] if cold else 0.2
        done = ev.Invoked(function, at, "x", native, route.canary, cold, 0, wait, arrival.duration_ms, succeeded=True)
        self.carry_out(self.policy.handle(done), at)
        if route.canary and function in self.trials:
            self.trials[function] -= 1
            if not self.trials[function]:
                del self.trials[function]
                self.carry_out(self.policy.handle(ev.CanaryEnded(function, at, "x")), at)

    def answer(self, at: float, event: ev.Event) -> None:
        heapq.heappush(self.queue, (at, self.told.total(), event))

    def carry_out(self, instructions: list[Instruction], at: float) -> None:
        for each in instructions:
            self.told[type(each)] += 1
            if isinstance(each, Observe):
                self.answer(at + 60, ev.Recorded(each.function, at + 60, "x"))
            elif isinstance(each, Build):
                self.begin_build(each, at)
            elif isinstance(each, Canary):
                self.trials[each.function] = each.invocations
            elif isinstance(each, Scale) and not each.warm:
                self.warmth[each.function].end(at)
            elif isinstance(each, Demote):
                self.trials.pop(each.function, None)

    def begin_build(self, build: Build, at: float) -> None:
        number = int(build.function.path.rpartition("f")[2])
        compiled = FAMILIES[number % 5] == "java"
        seconds = BUILD_SECONDS if compiled else 0.01
        if compiled:
            self.building.add(build.function)
            self.most_builds = max(self.most_builds, len(self.building))
        failure = FailureKind.CLOSED_WORLD if compiled and number % 10 == 0 else None
        ended = ev.BuildEnded(build.function, at + seconds, "x", seconds, failure, "class Missing")
        self.answer(at + seconds, ended)


def fixed_keep_alive(day: list[Arrival]) -> tuple[float, float]:
    """MB-seconds, and waiting for cold starts (ms), of the same day where every sandbox is kept for the same time."""
    last: dict[int, float] = {}
    held, cold = 0.0, 0
    for arrival in day:
        before = last.get(arrival.function)
        cold += before is None or arrival.at - before > FIXED_SECONDS
        held += 0.0 if before is None else min(arrival.at - before, FIXED_SECONDS)
        last[arrival.function] = arrival.at
    return (held + FIXED_SECONDS * len(last)) * ORDINARY_MB, cold * START_MS[ORDINARY_MB]


def test_a_day_of_a_thousand_functions() -> None:
    trace = generate(Shape(functions=1000, seed=7, most_per_day=800))
    called = arrivals(trace, seed=7)
    assert len(called) > 150_000
    day = Day(called, len(trace.functions))
    day.run()
    told = [each for each in map(day.policy.explain, day.functions) if each is not None]
    states = Counter(each.state for each in told)
    assert day.natively / len(called) > 0.6
    assert day.most_builds == 1
    assert day.told[Promote] >= states[State.NATIVE] > 100
    assert states[State.PINNED] > 0
    assert {each.rounds for each in told if each.state is State.PINNED} == {3}
    fixed_held, fixed_waited = fixed_keep_alive(called)
    assert sum(each.mb_seconds for each in day.warmth.values()) < 0.45 * fixed_held
    assert sum(each.waited_ms for each in day.warmth.values()) < 0.5 * fixed_waited
