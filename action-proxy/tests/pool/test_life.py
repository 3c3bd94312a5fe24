"""The life of a sandbox: what may happen when, and what may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_proxy.pool.entry import Shelf, shelf_of
from argo_proxy.pool.life import (
    ASSIGNED,
    CREATED,
    ENDED,
    INITIALISED,
    RELEASED,
    RETIRED,
    UNBOUND,
    Bound,
    Event,
    ImpossibleTransition,
    Life,
    SandboxState,
    advance,
)
from argo_proxy.pool.shape import Shape
from argo_proxy.pool.table import SandboxTable
from argo_proxy.sandboxes.port import SandboxKind

pytestmark = pytest.mark.unit

BOUND = Bound(("a", "/a/f", "1"))
NEW = Life()
STEM = Life(ready=True)
WARMING = Life(SandboxState.WARMING, 1, True)
WARM = Life(SandboxState.WARM, 0, True)
BUSY = Life(SandboxState.BUSY, 1, True)
GONE = Life(SandboxState.GONE, 0, True)
EVENTS = (CREATED, BOUND, UNBOUND, INITIALISED, ASSIGNED, RELEASED, RETIRED, ENDED)


def retiring(life: Life) -> Life:
    return life._replace(retiring=True)


@pytest.mark.parametrize(
    ("life", "event", "after"),
    [
        (NEW, CREATED, STEM),
        (STEM, BOUND, WARMING),
        (WARMING, UNBOUND, STEM),
        (WARMING, INITIALISED, BUSY),
        (BUSY, RELEASED, WARM),
        (WARM, ASSIGNED, BUSY),
        (BUSY, ASSIGNED, BUSY._replace(in_flight=2)),
        (BUSY._replace(in_flight=2), RELEASED, BUSY),
        (BUSY, RETIRED, retiring(BUSY)),
        (retiring(BUSY), RELEASED, retiring(WARM)),
        (retiring(WARMING), RELEASED, retiring(STEM)),
        (retiring(WARMING), INITIALISED, retiring(BUSY)),
        (NEW, RETIRED, retiring(NEW)),
        (retiring(NEW), CREATED, retiring(STEM)),
        (NEW, ENDED, GONE._replace(ready=False)),
        (WARM, ENDED, GONE),
        (BUSY, ENDED, GONE._replace(in_flight=1)),
        (GONE._replace(in_flight=1), RELEASED, GONE),
    ],
)
def test_possible(life: Life, event: Event, after: Life) -> None:
    assert advance(life, event, 2) == after


@pytest.mark.parametrize(
    ("life", "event"),
    [
        (STEM, CREATED),
        (NEW, BOUND),
        (WARM, BOUND),
        (retiring(STEM), BOUND),
        (WARM, INITIALISED),
        (WARM, UNBOUND),
        (STEM, ASSIGNED),
        (WARMING, ASSIGNED),
        (retiring(WARM), ASSIGNED),
        (BUSY._replace(in_flight=2), ASSIGNED),
        (WARM, RELEASED),
        (WARMING, RELEASED),
        (GONE, RELEASED),
        (GONE, RETIRED),
        (GONE, ASSIGNED),
        (GONE, ENDED),
    ],
)
def test_impossible(life: Life, event: Event) -> None:
    with pytest.raises(ImpossibleTransition):
        advance(life, event, 2)


@given(events=st.lists(st.sampled_from(EVENTS), max_size=40), concurrency=st.integers(1, 4))
def test_no_sequence_of_events_breaks_the_bounds(events: list[Event], concurrency: int) -> None:
    life = Life()
    for event in events:
        before = life
        try:
            life = advance(life, event, concurrency)
        except ImpossibleTransition:
            continue
        assert 0 <= life.in_flight <= concurrency
        assert (life.state is SandboxState.BUSY) <= (life.in_flight > 0)
        assert (life.state in {SandboxState.WARM, SandboxState.COLD}) <= (life.in_flight == 0)
        assert before.state is not SandboxState.GONE or life.state is SandboxState.GONE
        assert before.retiring <= life.retiring
        assert isinstance(shelf_of(life, concurrency), Shelf)


def test_an_impossible_transition_tells_its_story() -> None:
    table = SandboxTable()
    entry = table.add(Shape(SandboxKind.FAKE, "nodejs:20", 256), None, 0.0)
    table.apply(entry, CREATED)
    table.apply(entry, BOUND)
    table.apply(entry, INITIALISED)
    table.apply(entry, RELEASED)
    with pytest.raises(ImpossibleTransition, match=r"Released cannot happen .*warm.* created → bound → initialised"):
        table.apply(entry, RELEASED)
    assert entry.life == WARM


def test_the_story_is_bounded() -> None:
    table = SandboxTable()
    entry = table.add(Shape(SandboxKind.FAKE, "nodejs:20", 256), None, 0.0)
    for event in (CREATED, BOUND, INITIALISED, RELEASED, *(ASSIGNED, RELEASED) * 1000):
        table.apply(entry, event)
    assert len(entry.story) <= 16
