"""What waking a hibernated sandbox up costs: a setting that gives way to what is measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driving import Drive, F, G
from hypothesis import given
from hypothesis import strategies as st

from argo_provider.optimizer import events as ev
from argo_provider.optimizer.policy import Policy
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.sizes import Sizes

pytestmark = pytest.mark.unit
SETTINGS = OptimizerSettings()
DAY = 86_400.0
EDGE = 1e-6  # of what is reckoned in floating point
times = st.floats(0.0, 1e7, allow_nan=False)


STEADY_MS = 10.0


def woken(run_ms: float, at: float = 0.0, *, succeeded: bool = True) -> ev.Invoked:
    return ev.Invoked(F, at, "one", False, False, False, 0, 0.0, run_ms, succeeded, woken=True)


def learnt(sizes: Sizes, *measured: float, settings: OptimizerSettings = SETTINGS) -> float:
    for number, ms in enumerate(measured):
        sizes.woke("java", woken(STEADY_MS + ms, float(number)), STEADY_MS, settings)
    return sizes.wake_ms("java", settings)


@given(st.lists(times, max_size=30))
def test_it_stays_among_the_setting_and_what_was_measured(measured: list[float]) -> None:
    known = [SETTINGS.wake_ms, *measured]
    assert min(known) - EDGE <= learnt(Sizes(), *measured) <= max(known) + EDGE


@given(st.lists(times, max_size=30), times)
def test_one_more_moves_it_towards_itself_and_less_than_doubles_it(measured: list[float], last: float) -> None:
    sizes = Sizes()
    before = learnt(sizes, *measured)
    after = learnt(sizes, last)
    assert min(before, last) - EDGE <= after <= max(before, last) + EDGE
    assert after < 2 * max(before, SETTINGS.wake_ms)


@given(st.floats(0.01, 60_000.0), st.lists(st.floats(0.01, 60_000.0), max_size=5))
def test_a_disk_that_says_the_same_again_and_again_is_believed(ms: float, before: list[float]) -> None:
    assert learnt(Sizes(), *before, *[ms] * 80) == pytest.approx(ms, rel=0.01, abs=0.01)


@given(st.lists(times, max_size=5))
def test_other_languages_are_not_touched_and_a_setting_of_nothing_stays(measured: list[float]) -> None:
    sizes, free = Sizes(), replace(SETTINGS, wake_ms=0.0)
    learnt(sizes, *measured)
    assert sizes.wake_ms("nodejs", SETTINGS) == SETTINGS.wake_ms
    assert learnt(Sizes(), *measured, settings=free) == sizes.wake_ms("java", free) == 0.0


def test_what_says_nothing_of_waking_up_is_not_learnt_from() -> None:
    sizes = Sizes()
    assert not sizes.woke("java", woken(5000.0), 0.0, SETTINGS), "what it takes else is not known"
    assert not sizes.woke("java", woken(5000.0), 2000.0, SETTINGS), "it takes long, by chance longer"
    assert not sizes.woke("java", woken(5000.0, succeeded=False), STEADY_MS, SETTINGS), "it failed"
    assert sizes.wake_ms("java", SETTINGS) == SETTINGS.wake_ms


def slept(drive: Drive, ms: float, times: int) -> Drive:
    drive.invoke(G, times=5, run_ms=STEADY_MS, cold=True)
    drive.invoke(G, times=times, every=900.0, run_ms=STEADY_MS + ms, woken=True)
    return drive


def java() -> Drive:
    drive = Drive(SETTINGS)
    for function in (F, G):
        drive.deploy(function)
    return drive


def test_on_a_slow_disk_functions_are_awake_for_longer_or_never_sleep() -> None:
    stays = []
    for ms in (1.0, 60.0, 20_000.0):
        drive = slept(java(), ms, 40)
        drive.invoke(times=30, every=20.0, run_ms=500.0, cold=True, wait_ms=400.0)
        stays.append(drive.policy.stays(F)[0])
    quick, slower, slow = stays
    assert quick.awake < slower.awake
    assert slow.awake == slow.kept, "a start is cheaper"


def test_it_is_kept_over_a_restart_and_forgotten_where_it_was_not_measured_for_a_day() -> None:
    drive = slept(java(), 100.0, 40)
    assert drive.policy.wakes_ms() == pytest.approx({"java": 100.0}, rel=0.01)
    assert drive.policy.take_changes().rest is not None
    drive.policy = Policy.from_json(drive.policy.to_json(), SETTINGS)
    drive.passes(DAY - 1.0)
    assert list(drive.policy.wakes_ms()) == ["java"]
    drive.policy.take_changes()
    drive.passes(1.0)
    assert drive.policy.wakes_ms() == {}
    assert drive.policy.take_changes().rest is not None
