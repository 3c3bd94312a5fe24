"""The ring against a plain list of all that was ever appended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_provider.insight.ring import Happening, Ring

pytestmark = pytest.mark.unit


def filled(count, most=5, most_weight=10**9):
    ring = Ring(most, most_weight, "e")
    for number in range(count):
        ring.append(Happening("action", str(number), number, weight=1))
    return ring


@given(
    weights=st.lists(st.integers(1, 10), max_size=60),
    most=st.integers(1, 20),
    most_weight=st.integers(10, 60),
    position=st.integers(0, 70),
    window=st.integers(1, 10),
)
def test_it_holds_the_newest_that_fit_in_order(weights, most, most_weight, position, window):
    ring = Ring(most, most_weight)
    for number, weight in enumerate(weights):
        ring.append(Happening("action", "", number, weight))
    kept = [h.body for h in ring.since(0, 100)]
    assert kept == [*range(len(weights))][len(weights) - len(kept) :]
    assert len(kept) <= most
    assert ring.weight == sum(weights[n] for n in kept) <= most_weight
    assert (ring.begin, ring.end) == (len(weights) - len(kept), len(weights))
    following = [h.body for h in ring.since(position, window)]
    assert following == [n for n in kept if n >= position][:window]


def test_an_id_leads_behind_its_event():
    ring = filled(3)
    assert ring.after(ring.id_of(0)) == 1
    assert ring.after(ring.id_of(2)) == 3
    assert ring.after(ring.id_of(-1)) is None, "nothing has this id"


def test_an_id_whose_successor_is_gone_is_none():
    ring = filled(10)
    assert ring.begin == 5
    assert ring.after("e.3") is None
    assert ring.after("e.4") == 5, "all that came after it is there"


@pytest.mark.parametrize("last_id", ["", "e", "e.", "e.x", "e.99", "other.1", "e.1.2", "e.²", "e." + "9" * 30])
def test_what_is_no_id_of_this_ring(last_id):
    assert filled(3).after(last_id) is None


def test_one_heavier_than_all_is_not_kept_and_leaves_a_gap():
    ring = filled(3, most_weight=5)
    ring.append(Happening("log", "", "huge", weight=50))
    assert (ring.begin, ring.end, ring.weight) == (4, 4, 0)
