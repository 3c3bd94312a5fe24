"""A day in virtual time, held against what a fixed keep-alive of ten minutes without an optimiser costs in the same day."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from day import Day, Form, World, fixed_keep_alive
from traces.arrivals import arrivals
from traces.generate import Shape, generate

from argo_provider.optimizer.instructions import Build, Promote
from argo_provider.optimizer.model import State
from argo_provider.optimizer.settings import OptimizerSettings

pytestmark = pytest.mark.unit
SETTINGS = replace(OptimizerSettings(), hibernated_mb=0.0, builds_per_hour=60, native_functions=1000)
GB_SECONDS_OF_CPU = 10.0  # that clouds ask as much for as for a second of a processor
FAMILIES = ("java", "nodejs", "python")
# Containers of whole applications against isolates of them.
LARGE = World(dict.fromkeys(FAMILIES, Form(256.0, 800.0)), dict.fromkeys(FAMILIES, Form(8.0, 5.0)))
# As small functions were seen on this project's machine: engines are dear, zygotes cheap, builds seldom repaid.
SMALL = World(
    {"java": Form(30.0, 120.0), "nodejs": Form(18.0, 15.0), "python": Form(7.0, 15.0)},
    {"java": Form(3.0, 5.0), "nodejs": Form(35.0, 8.0), "python": Form(2.5, 5.0)},
)
# Nothing native is worth anything.
DEAR = World(SMALL.ordinary, {family: Form(300.0, 500.0) for family in FAMILIES}, 200.0, 900.0, 1800.0, 4096.0)


def day_of(world: World, functions: int) -> tuple[Day, list]:
    trace = generate(Shape(functions=functions, seed=7, most_per_day=800))
    called = arrivals(trace, seed=7)
    day = Day(called, len(trace.functions), world, SETTINGS)
    day.run()
    return day, called


def test_a_day_of_a_thousand_functions() -> None:
    day, called = day_of(LARGE, 1000)
    assert len(called) > 150_000
    told = [each for each in map(day.policy.explain, day.functions) if each is not None]
    states = Counter(each.state for each in told)
    assert day.natively.total() / len(called) > 0.6
    assert day.most_builds == 1
    assert day.told[Promote] >= states[State.NATIVE] > 100
    assert states[State.PINNED] > 0
    assert {each.rounds for each in told if each.state is State.PINNED} == {3}
    fixed = fixed_keep_alive(called, LARGE)
    assert day.cost.mb_seconds < 0.45 * fixed.mb_seconds
    assert day.cost.waited_ms < 0.5 * fixed.waited_ms
    assert day.cost.cpu_seconds < 1.2 * fixed.cpu_seconds


@pytest.mark.parametrize("world", [pytest.param(SMALL, id="small"), pytest.param(DEAR, id="dear")])
def test_moving_never_costs_more_than_it_saves(world: World) -> None:
    """Rare small functions: what starts more often, and builds, use less than the memory that they save is worth."""
    day, called = day_of(world, 200)
    fixed = fixed_keep_alive(called, world)
    saved = fixed.mb_seconds - day.cost.mb_seconds
    assert saved > 0.3 * fixed.mb_seconds
    assert day.cost.cpu_seconds - fixed.cpu_seconds < saved / 1024 / GB_SECONDS_OF_CPU
    if world is DEAR:
        assert day.told[Promote] == 0
        assert day.told[Build] <= 2 * len(FAMILIES), "one of each language finds out"
