"""A build gives way until it was kept from a quarter of the machine for too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_proxy.builder.pace import Pace

pytestmark = pytest.mark.unit
_SECONDS = st.floats(0, 100, allow_nan=False)


def seconds_until(pace: Pace, *, takes_part: bool, used: float, waited: float) -> int:
    for second in range(1, 1000):
        pace = pace.after(1.0, used=used, waited=waited, processors=2)
        if pace.takes_part is takes_part:
            return second
    raise AssertionError(f"never, {pace}")


def test_one_that_gets_nothing_takes_part_after_a_while_and_gives_way_when_it_has_its_share() -> None:
    assert seconds_until(Pace(), takes_part=True, used=0.0, waited=3.0) == 10
    assert seconds_until(Pace(5.0, takes_part=True), takes_part=False, used=1.5, waited=3.0) == 5


def test_one_that_wants_nothing_is_owed_nothing() -> None:
    """It waits for a disk, or a download."""
    pace = Pace()
    for _ in range(1000):
        pace = pace.after(1.0, used=0.0, waited=0.0, processors=2)
    assert pace == Pace()


@given(st.lists(st.tuples(_SECONDS, _SECONDS), max_size=50))
def test_one_that_has_a_quarter_always_gives_way(seconds: list[tuple[float, float]]) -> None:
    pace = Pace()
    for length, waited in seconds:
        pace = pace.after(length, used=length, waited=waited, processors=4)
        assert pace == Pace()


@given(st.lists(st.tuples(_SECONDS, _SECONDS, _SECONDS), max_size=50), st.integers(1, 64))
def test_it_is_never_owed_more_than_it_is_patient_for(
    seconds: list[tuple[float, float, float]], processors: int
) -> None:
    pace = Pace()
    for length, used, waited in seconds:
        pace = pace.after(length, used=used, waited=waited, processors=processors)
        assert 0 <= pace.owed <= 5
        assert pace.takes_part <= (pace.owed > 0)
