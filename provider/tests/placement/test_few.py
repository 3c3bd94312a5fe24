"""Few of many nodes: those of the action's own order, then where it was, then others by chance."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from argo_provider.placement.few import FewNodes


@dataclass(frozen=True)
class View:
    name: str
    cores: int = 4
    sandbox_memory_mb: int = 1024
    kinds: frozenset = frozenset()
    images: bool = False
    usable: bool = True
    full: bool = False
    in_flight: int = 0
    places: int = 0
    artefacts: frozenset = frozenset()

    def free(self, key):
        return self.places


NODES = {name: View(name) for name in (f"n{number}" for number in range(100))}


def few(names=NODES, seed=1):
    made = FewNodes(random.Random(seed))  # noqa: S311  # the same every time
    for name in names:
        made.join(name)
    return made


def named(views):
    return {view.name for view in views}


def own(key):
    return named(few().worth_a_look(key, NODES, 0.0))


def crowded(*names):
    return {**NODES, **{name: replace(NODES[name], in_flight=8) for name in names}}


def test_two_replicas_look_at_the_same_nodes():
    assert len(own("a")) == 8
    assert own("a") == named(few(reversed(NODES), seed=2).worth_a_look("a", NODES, 0.0))
    assert own("a") != own("b")


def test_a_node_that_goes_moves_only_what_was_its_own():
    gone = sorted(own("a"))[0]
    made = few()
    made.leave(gone)
    after = named(made.worth_a_look("a", {n: v for n, v in NODES.items() if n != gone}, 0.0))
    assert own("a") - {gone} < after
    assert gone not in after
    made.join(gone)
    assert named(made.worth_a_look("a", NODES, 0.0)) == own("a")


def test_crowded_nodes_are_left_out():
    first = sorted(own("a"))[0]
    assert named(few().worth_a_look("a", crowded(first), 0.0)) == own("a") - {first}


def test_where_it_was_is_looked_at_while_it_has_room_there():
    made, other = few(), next(name for name in NODES if name not in own("a"))
    made.placed("a", other)
    warm = {**NODES, other: replace(NODES[other], places=1)}
    assert named(made.worth_a_look("a", warm, 0.0)) == {*own("a"), other}
    assert named(made.worth_a_look("a", NODES, 0.0)) == own("a")
    assert named(made.worth_a_look("a", {**warm, other: replace(warm[other], in_flight=8)}, 0.0)) == own("a")


def test_others_are_drawn_where_its_own_are_crowded():
    looked = named(few().worth_a_look("a", crowded(*own("a")), 0.0))
    assert looked
    assert not looked & own("a")


def test_where_all_are_crowded_its_own_are_looked_at():
    assert named(few().worth_a_look("a", crowded(*NODES), 0.0)) == own("a")


def test_what_is_crowded_is_so_next_to_the_others():
    assert named(few().worth_a_look("a", crowded(*own("a")), 2.0)) == own("a")


def test_none_without_nodes():
    assert not few(()).worth_a_look("a", {}, 0.0)
