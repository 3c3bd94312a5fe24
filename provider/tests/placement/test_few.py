"""Few of many nodes: those of the action's own order, then where it was, then others by chance."""

from __future__ import annotations

import random
from dataclasses import replace

from node_views import View

from argo_provider.placement.few import FewNodes
from argo_provider.placement.nodes import Wanted

NODES = {name: View(name) for name in (f"n{number}" for number in range(100))}


def few(names=NODES, seed=1):
    made = FewNodes(random.Random(seed))  # noqa: S311  # the same every time
    for name in names:
        made.join(name)
    return made


def looked_at(made, key, nodes=NODES, mean=0.0):
    return {view.name for view in made.worth_a_look(Wanted(key, "nodejs:20", 256), nodes, mean)}


def own(key):
    return looked_at(few(), key)


def crowded(*names):
    return {**NODES, **{name: replace(NODES[name], in_flight=8) for name in names}}


def test_two_replicas_look_at_the_same_nodes():
    assert len(own("a")) == 8
    assert own("a") == looked_at(few(reversed(NODES), seed=2), "a")
    assert own("a") != own("b")


def test_a_node_that_goes_moves_only_what_was_its_own():
    gone = sorted(own("a"))[0]
    made = few()
    made.leave(gone)
    after = looked_at(made, "a", {n: v for n, v in NODES.items() if n != gone})
    assert own("a") - {gone} < after
    assert gone not in after
    made.join(gone)
    assert looked_at(made, "a") == own("a")


def test_crowded_nodes_are_left_out():
    first = sorted(own("a"))[0]
    assert looked_at(few(), "a", crowded(first)) == own("a") - {first}


def test_nodes_without_memory_for_it_are_left_out():
    first, second = sorted(own("a"))[:2]
    short = {**NODES, first: replace(NODES[first], room_mb=255), second: replace(NODES[second], room_mb=255, places=1)}
    assert looked_at(few(), "a", short) == own("a") - {first}
    full = {**NODES, **{name: replace(NODES[name], room_mb=0) for name in own("a")}}
    assert looked_at(few(), "a", full)
    assert not looked_at(few(), "a", full) & own("a")


def test_where_it_was_is_looked_at_while_it_has_room_there():
    made, other = few(), next(name for name in NODES if name not in own("a"))
    made.placed("a", other)
    warm = {**NODES, other: replace(NODES[other], places=1)}
    assert looked_at(made, "a", warm) == {*own("a"), other}
    assert looked_at(made, "a") == own("a")
    assert looked_at(made, "a", {**warm, other: replace(warm[other], in_flight=8)}) == own("a")


def test_others_are_drawn_where_its_own_are_crowded():
    looked = looked_at(few(), "a", crowded(*own("a")))
    assert looked
    assert not looked & own("a")


def test_where_all_are_crowded_its_own_are_looked_at():
    assert looked_at(few(), "a", crowded(*NODES)) == own("a")


def test_what_is_crowded_is_so_next_to_the_others():
    assert looked_at(few(), "a", crowded(*own("a")), mean=2.0) == own("a")


def test_none_without_nodes():
    assert not looked_at(few(()), "a", {})
