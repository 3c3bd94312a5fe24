"""What a replica shows of functions that live on nodes: gathered over a real bus from scripted optimisers."""

from __future__ import annotations

import asyncio

import pytest

from argo_provider.cluster.messages import PROTOCOL, About
from argo_provider.cluster.nodes import NodeTable
from argo_provider.cluster.showing import Showing
from argo_provider.cluster.sight import UNKNOWN, Sight
from argo_provider.events import BuildChanged, EventBus, TierChanged
from argo_provider.insight.fake import FakeBuilds, FakeNiuks, FakeTiers
from argo_provider.insight.port import BuildView, IsolateGroup, LogPage, NiukView, TierView, WishRefused
from argo_provider.insight.services import Optimiser
from argo_provider.optimizer.model import FunctionId, State, Step
from argo_provider.placement.port import PlacementSnapshot, SandboxSummary

pytestmark = pytest.mark.integration

HELLO = FunctionId("blue", "/blue/hello")


def tier(state, function=HELLO, since=1.0):
    history = (Step(0.5, State.ORDINARY, state, "so"),)
    return TierView(function, state, since, f"It is {state.value}.", "Nothing.", history=history)


def build(build_id, started, state="running"):
    return BuildView(build_id, HELLO, "f1", state, started)


class Node:
    """A node's side with a scripted optimiser."""

    def __init__(self):
        self.tiers, self.builds, self.niuks = FakeTiers(), FakeBuilds(), FakeNiuks()
        self.sandboxes = []
        self.looks = 0

    def snapshot(self):
        self.looks += 1
        return PlacementSnapshot(512, sandboxes=tuple(self.sandboxes))


class Shown:
    def __init__(self, join):
        self._join = join
        self.table = NodeTable(60.0, lambda _: None, lambda _: None)
        self.events = EventBus()

    async def sight(self):
        return Sight(await self._join("r1"), self.table, self.events)

    async def node(self, name, *, answers=True):
        node = Node()
        bus = await self._join(name)
        if answers:
            await Showing(bus, name, node, Optimiser(node.tiers, node.builds, node.niuks)).start()
            await bus.flush()
        self.table.told(About(name, "i1", "0.1.0", PROTOCOL, 1, 1, 1))
        return node


@pytest.fixture
def shown(join):
    return Shown(join)


async def test_sandboxes_of_the_namespace_and_of_nobody_on_every_node(shown):
    for name in ("n1", "n2"):
        (await shown.node(name)).sandboxes += [
            SandboxSummary("s1", "process", "warm", "nodejs:20", 256, "blue", "/blue/hello"),
            SandboxSummary("s2", "process", "cold", "nodejs:20", 256),
            SandboxSummary("s3", "process", "warm", "nodejs:20", 256, "green", "/green/hello"),
        ]
    sight = await shown.sight()
    assert sight.sandboxes() == ()
    await sight.look("blue")
    assert {s.id for s in sight.sandboxes()} == {"n1.s1", "n1.s2", "n2.s1", "n2.s2"}
    await sight.look("green")
    assert {s.namespace for s in sight.sandboxes()} == {"", "blue", "green"}
    assert len({s.id for s in sight.sandboxes()}) == len(sight.sandboxes()) == 6


async def test_of_a_function_on_several_nodes_the_one_furthest_on_its_way(shown):
    for name, state in (("n1", State.OBSERVED), ("n2", State.NATIVE)):
        (await shown.node(name)).tiers.put(tier(state))
    sight = await shown.sight()
    tiers = sight.optimiser().tiers
    assert tiers.of(HELLO) is None
    await sight.look("blue")
    view = tiers.of(HELLO)
    assert (view.state, view.history) == (State.NATIVE, tier(State.NATIVE).history)
    assert view.reason == "On node n2: It is native. On node n1 it is observed."
    assert tiers.states("blue") == {"/blue/hello": State.NATIVE}
    assert tiers.states("green") == {}


async def test_who_comes_during_a_look_shares_the_next_and_sees_what_was_done_before(shown):
    node = await shown.node("n1")
    sight = await shown.sight()
    tiers = sight.optimiser().tiers

    async def done_then_looked():
        node.tiers.put(tier(State.OBSERVED))
        await sight.look("blue")
        return tiers.of(HELLO)

    _, *seen = await asyncio.gather(sight.look("blue"), *(done_then_looked() for _ in range(5)))
    assert all(view.state is State.OBSERVED for view in seen)
    assert node.looks == 2
    await sight.look("blue")
    await sight.look("green")
    assert node.looks == 4


async def test_a_wish_goes_to_the_nodes_that_know_the_function(shown):
    node, other = await shown.node("n1"), await shown.node("n2")
    tiers = (await shown.sight()).optimiser().tiers
    with pytest.raises(WishRefused, match="No node of this cluster has run it yet") as refused:
        await tiers.wish(HELLO, "pin")
    assert str(refused.value) == UNKNOWN
    node.tiers.put(tier(State.ORDINARY))
    await tiers.wish(HELLO, "pin")
    assert (node.tiers.wishes, other.tiers.wishes) == ([(HELLO, "pin")], [])
    node.tiers.refuse = "It is pinned."
    with pytest.raises(WishRefused, match=r"It is pinned\."):
        await tiers.wish(HELLO, "pin")


async def test_builds_newest_first_and_their_logs(shown):
    first, second = await shown.node("n1"), await shown.node("n2")
    first.builds.put(build("b1", 1.0), b"one")
    second.builds.put(build("b2", 2.0), b"two")
    sight = await shown.sight()
    builds = sight.optimiser().builds
    await sight.look("blue")
    assert [b.id for b in builds.list("blue", None, 10)] == ["b2", "b1"]
    assert [b.id for b in builds.list("blue", "/blue/hello", 1)] == ["b2"]
    assert builds.list("blue", "/blue/other", 10) == []
    assert builds.get("blue", "b1") == build("b1", 1.0)
    assert await builds.log("blue", "b2", 1, 100) == LogPage(b"wo", 3)
    assert await builds.log("blue", "no such", 0, 100) is None


async def test_niuks_by_node(shown):
    node = await shown.node("n1")
    group = IsolateGroup("/blue/hello", 1, 2)
    node.niuks.niuks.append(NiukView("k1", "blue", "process", 7, 1.0, 10, 20, 0, (group,)))
    sight = await shown.sight()
    await sight.look("blue")
    (view,) = sight.optimiser().niuks.of("blue")
    assert (view.id, view.functions) == ("n1.k1", (group,))
    assert [*sight.optimiser().niuks.of("green")] == []


async def test_a_node_that_does_not_answer_hides_nothing_of_the_others(shown):
    (await shown.node("n1")).tiers.put(tier(State.NATIVE))
    await shown.node("n2", answers=False)
    sight = await shown.sight()
    await sight.look("blue")
    assert sight.optimiser().tiers.states("blue") == {"/blue/hello": State.NATIVE}


async def test_what_changed_between_two_looks_is_told(shown):
    node, told = await shown.node("n1"), []
    shown.events.listen(told.append)
    sight = await shown.sight()
    node.tiers.put(tier(State.OBSERVED))
    await sight.look("blue")
    assert told == []
    node.tiers.put(tier(State.BUILDING, since=2.0))
    node.builds.put(build("b1", 2.0))
    await sight.look("blue")
    assert told == [TierChanged(HELLO), BuildChanged(HELLO, "b1")]
    await sight.look("blue")
    assert len(told) == 2
