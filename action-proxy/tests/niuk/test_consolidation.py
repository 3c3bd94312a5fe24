"""Which NIUk takes a slot."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_proxy.sandboxes.niuk.consolidation import Room, choose, is_full

pytestmark = pytest.mark.unit

ROOM = Room(limit_mb=1000, most=3)


@dataclass(frozen=True)
class Niuk:
    held_mb: float
    functions: frozenset[str] = frozenset()
    added: int = 0


@pytest.mark.parametrize(
    ("niuks", "expected"),
    [
        ([], None),
        ([Niuk(100)], 0),
        ([Niuk(100), Niuk(500)], 1),  # the fullest that has room, so that the others may become empty
        ([Niuk(100, frozenset("f")), Niuk(500)], 0),  # its isolates are there
        ([Niuk(900, frozenset("f")), Niuk(500)], 1),
        ([Niuk(900), Niuk(840)], None),  # full, and a third may be
        ([Niuk(900), Niuk(860), Niuk(990)], 1),  # all are full, and no more may be
        ([Niuk(500, added=30)], None),  # what was added since it was looked at counts
    ],
)
def test_the_one_that_takes_it(niuks: list[Niuk], expected: int | None) -> None:
    assert choose(niuks, "f", ROOM) == expected


def test_without_a_limit_there_is_one() -> None:
    assert choose([Niuk(1e9)], "f", Room()) == 0


@given(st.lists(st.builds(Niuk, st.floats(0, 2000), added=st.integers(0, 50)), max_size=5), st.integers(1, 5))
def test_nothing_is_added_to_a_full_one_while_another_has_room(niuks: list[Niuk], most: int) -> None:
    room = Room(1000, most)
    chosen = choose(niuks, "f", room)
    if chosen is None:
        assert not niuks or (len(niuks) < most and all(is_full(each, room) for each in niuks))
    elif is_full(niuks[chosen], room):
        assert len(niuks) >= most
        assert all(is_full(each, room) for each in niuks)
