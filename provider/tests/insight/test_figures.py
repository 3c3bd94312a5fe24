"""Live figures against what a plain count over the same records gives."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_provider.events import ActivationEnded
from argo_provider.insight.figures import SLOT_SECONDS, SLOTS, Figures, LiveFigures
from argo_provider.model.activation import Activation, Response, Status

pytestmark = pytest.mark.unit

WINDOW = SLOT_SECONDS * SLOTS


@dataclass
class Time:
    now: float = 1000 * SLOT_SECONDS

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    time: Time = field(default_factory=Time)

    def __post_init__(self):
        self.figures = LiveFigures(self.time)
        self.time.now += WINDOW  # the window is full from the start, unless a test says otherwise

    def invoke(self, ms=1.0, path="me/a", namespace="me", status=Status.SUCCESS, cold=False, phases=True):
        """One record, closed now."""
        annotations = {"path": path} if path else {}
        if phases:
            annotations["argo.phases"] = {"cold": cold, "queue": 0.0, "run": ms}
        record = Activation(
            namespace,
            "a",
            "0.0.1",
            namespace,
            "0" * 32,
            int(self.time.now),
            0,
            Response(status),
            int(ms),
            annotations=annotations,
        )
        self.figures.on_event(ActivationEnded(record))


def test_a_function_nobody_called():
    assert World().figures.of("me", "me/a") == Figures()


def test_counts_shares_and_rate():
    world = World()
    for number in range(10):
        world.invoke(status=Status.APPLICATION_ERROR if number < 2 else Status.SUCCESS, cold=number == 0)
    found = world.figures.of("me", "me/a")
    assert (found.invocations, found.error_share, found.cold_share) == (10, 0.2, 0.1)
    assert found.rate_per_minute == pytest.approx(10 / 4.5)
    assert world.figures.counted("me", "me/a") == (10, 2)
    assert found.last_invoked == world.time.now


def test_a_service_that_has_just_started_has_not_counted_for_five_minutes():
    world = World()
    world.figures = LiveFigures(world.time)
    world.time.now += 60
    for _ in range(10):
        world.invoke()
    assert world.figures.of("me", "me/a").rate_per_minute == pytest.approx(10)


def test_what_is_older_than_the_window_is_gone_and_the_last_time_is_not():
    world = World()
    world.invoke()
    last = int(world.time.now)
    world.time.now += WINDOW
    assert world.figures.of("me", "me/a") == Figures(last_invoked=last)
    world.invoke(5.0)
    assert world.figures.of("me", "me/a").invocations == 1


def test_time_is_all_phases_together_and_the_duration_where_there_are_none():
    world = World()
    world.invoke(200.0, phases=False)
    assert world.figures.of("me", "me/a").p50 == pytest.approx(200, rel=0.04)


def test_triggers_are_no_invocations():
    world = World()
    world.invoke(path="")
    assert len(world.figures) == 0


def test_namespaces_are_apart():
    world = World()
    world.invoke(namespace="you", path="me/a")
    assert world.figures.of("me", "me/a") == Figures()
    assert world.figures.of("you", "me/a").invocations == 1


def test_of_too_many_functions_those_not_called_for_longest_go():
    world = World()
    world.figures = LiveFigures(world.time, most=100)
    for number in range(1000):
        world.time.now += 1
        world.invoke(path=f"me/{number}")
        assert len(world.figures) <= 100
    assert world.figures.of("me", "me/999").invocations == 1
    assert world.figures.of("me", "me/0") == Figures()


@given(st.lists(st.floats(0.01, 300_000), min_size=1, max_size=300))
def test_percentiles_are_off_by_four_percent_at_most(times):
    world = World()
    for ms in times:
        world.invoke(ms)
    found, ordered = world.figures.of("me", "me/a"), sorted(times)
    for share, value in ((0.5, found.p50), (0.99, found.p99)):
        exact = ordered[math.ceil(share * len(ordered)) - 1]
        assert value == pytest.approx(exact, rel=0.041)


@given(st.lists(st.tuples(st.floats(0, 120), st.booleans()), max_size=60))
def test_the_window_holds_what_a_plain_count_holds(steps):
    world, calls = World(), []
    for wait, failed in steps:
        world.time.now += wait
        world.invoke(status=Status.WHISK_ERROR if failed else Status.SUCCESS)
        calls.append((int(world.time.now) // SLOT_SECONDS, failed))
    recent = [failed for slot, failed in calls if slot > int(world.time.now) // SLOT_SECONDS - SLOTS]
    assert world.figures.counted("me", "me/a") == (len(recent), sum(recent))
