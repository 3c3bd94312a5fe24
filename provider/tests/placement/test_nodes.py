"""Which node: warm first, room for it and artefact next, load last, and a reason where there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node_views import View

from argo_provider.placement.nodes import Wanted, choose
from argo_provider.placement.port import Overloaded, OverloadReason

NODE = View("n")
WANTED = Wanted("key", "nodejs:20", 256, artefacts=("sha256:x",))


def nodes(*changes):
    return [replace(NODE, name=f"n{number}", **change) for number, change in enumerate(changes)]


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ([{}, {"places": 1}], "n1"),
        ([{"artefacts": frozenset({"sha256:x"})}, {"places": 1, "in_flight": 100}], "n1"),
        ([{}, {"artefacts": frozenset({"sha256:x"}), "in_flight": 3}], "n1"),
        ([{"in_flight": 1}, {"artefacts": frozenset({"sha256:x"}), "in_flight": 200}], "n0"),
        ([{"room_mb": 255}, {"places": 1, "room_mb": 0}], "n1"),
        ([{"room_mb": 255, "artefacts": frozenset({"sha256:x"})}, {"in_flight": 100}], "n1"),
        ([{"room_mb": -512}, {"room_mb": None, "in_flight": 100}], "n1"),
        ([{"room_mb": 0}, {"room_mb": 0, "in_flight": 100}], "n0"),
        ([{"in_flight": 100}, {"in_flight": 4}], "n1"),
        ([{"in_flight": 100, "cores": 64}, {"in_flight": 60, "cores": 4}], "n0"),
        ([{"usable": False, "places": 1}, {}], "n1"),
        ([{"full": True, "places": 1}, {}], "n1"),
        ([{"sandbox_memory_mb": 128}, {}], "n1"),
        ([{"kinds": frozenset()}, {}], "n1"),
    ],
    ids=[
        "warm",
        "warm before artefact",
        "artefact before load",
        "no artefact crowds a node",
        "warm before room",
        "room before artefact",
        "room that is unknown is room",
        "no room anywhere",
        "load",
        "load per core",
        "down",
        "full",
        "small",
        "kind",
    ],
)
def test_chooses(changes, chosen):
    assert choose(nodes(*changes), WANTED).name == chosen


@pytest.mark.parametrize(
    ("views", "reason", "says"),
    [
        ([], OverloadReason.UNPREPARED, "argofn nodes"),
        (nodes({"usable": False}), OverloadReason.UNPREPARED, "No node is up"),
        (nodes({"kinds": frozenset()}), OverloadReason.UNPREPARED, "'nodejs:20'"),
        (nodes({"sandbox_memory_mb": 128}), OverloadReason.TOO_LARGE, "256 MB"),
        (nodes({"full": True}), OverloadReason.QUEUE_FULL, "later"),
    ],
    ids=["none", "down", "kind", "small", "full"],
)
def test_says_why_not(views, reason, says):
    with pytest.raises(Overloaded, match=says) as refusal:
        choose(views, WANTED)
    assert refusal.value.reason is reason


def test_an_image_of_a_user_goes_where_images_run():
    wanted = replace(WANTED, kind="", image=True)
    assert choose(nodes({}, {"images": True}), wanted).name == "n1"


@settings(deadline=None)
@given(st.sets(st.text(min_size=1), min_size=1, max_size=8), st.text())
def test_every_replica_chooses_alike(names, key):
    views = [replace(NODE, name=name) for name in sorted(names)]
    wanted = replace(WANTED, key=key)
    assert choose(views, wanted) == choose(views[::-1], wanted)


VIEWS = st.builds(
    View,
    name=st.text(min_size=1, max_size=4),
    room_mb=st.none() | st.integers(-1024, 4096),
    places=st.integers(-2, 2),
    in_flight=st.integers(0, 99),
    usable=st.booleans(),
    full=st.booleans(),
    artefacts=st.sampled_from([frozenset(), frozenset({"sha256:x"})]),
)


@settings(deadline=None)
@given(st.lists(VIEWS, min_size=1, max_size=8, unique_by=lambda view: view.name), st.integers(1, 1024))
def test_it_queues_for_memory_only_where_no_node_has_any(views, memory_mb):
    able = [view for view in views if view.usable and not view.full]
    wanted = replace(WANTED, memory_mb=memory_mb)
    if not able:
        with pytest.raises(Overloaded):
            choose(views, wanted)
        return
    chosen = choose(views, wanted)
    assert chosen in able
    assert (chosen.places > 0) == any(view.places > 0 for view in able)
    room = [view for view in able if view.room_mb is None or view.room_mb >= memory_mb]
    assert chosen.places > 0 or chosen in room or not room


def test_actions_are_spread_and_few_move_when_a_node_comes():
    def where(count):
        views = [replace(NODE, name=f"n{number}") for number in range(count)]
        return [choose(views, replace(WANTED, key=str(key))).name for key in range(2000)]

    before, after = where(9), where(10)
    assert min(Counter(before).values()) > 100
    moved = sum(old != new for old, new in zip(before, after, strict=True))
    assert all(new == "n9" for old, new in zip(before, after, strict=True) if old != new)
    assert 100 < moved < 300
