"""Streams over the ring: bounds, gaps, and what one does not want."""

from dataclasses import dataclass

import pytest

from argo_provider.errors import Overloaded, Throttled
from argo_provider.events import ActionChanged, ActivationEnded, NamespaceChanged
from argo_provider.insight.fake import FakeBuilds, FakeTiers
from argo_provider.insight.feed import KINDS, Feed, FeedLimits, Interest
from argo_provider.insight.happenings import Happenings
from argo_provider.model.activation import Activation, Response, Status
from argo_provider.model.names import FullName
from argo_provider.placement.port import PlacementSnapshot

pytestmark = pytest.mark.unit

ALL = Interest(frozenset(KINDS))
AT_ONCE = 0.01


@dataclass
class Time:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    def __init__(self, **limits) -> None:
        self.time = Time()
        happenings = Happenings(FakeTiers(), FakeBuilds())
        self.feed = Feed(happenings, lambda: PlacementSnapshot(1), lambda _: "figures", self.time, FeedLimits(**limits))

    def change(self, name="a", namespace="me", version="0.0.1"):
        self.feed.on_event(ActionChanged(FullName(namespace, name), deleted=False, version=version))


async def versions(stream):
    batch = await stream.next(AT_ONCE)
    return [h.body.version for h in batch.happenings]


async def test_a_slow_reader_has_a_gap_and_goes_on_from_now():
    world = World(ring=10)
    with world.feed.open("me", ALL) as stream:
        for number in range(11):
            world.change(version=str(number))
        batch = await stream.next(AT_ONCE)
        assert (batch.gap, batch.happenings) == (True, ())
        world.change(version="later")
        assert await versions(stream) == ["later"]


async def test_what_a_stream_does_not_want_makes_no_gap_and_wakes_nobody():
    world = World(ring=10)
    with world.feed.open("me", Interest(frozenset({"action"}), "b")) as stream:
        for _ in range(100):
            world.change("a")
        assert not (await stream.next(AT_ONCE)).tells
        world.change("b", version="mine")
        assert await versions(stream) == ["mine"]


async def test_a_busy_namespace_is_told_in_batches():
    world = World()
    with world.feed.open("me", ALL) as stream:
        for number in range(450):
            world.change(version=str(number))
        got = [await versions(stream) for _ in range(3)]
        assert [len(batch) for batch in got] == [200, 200, 50]
        assert [v for batch in got for v in batch] == [str(n) for n in range(450)]
        assert not (await stream.next(AT_ONCE)).tells


async def test_where_nobody_listens_nothing_is_kept():
    world = World()
    world.change()
    assert world.feed._channels == {}


async def test_a_ring_outlives_its_streams_for_a_while():
    world = World(linger=60)
    with world.feed.open("me", ALL) as stream:
        last = stream.id
    world.time.now = 59
    world.change(version="missed")
    with world.feed.open("me", ALL, "nonsense") as stream:
        assert (await stream.next(AT_ONCE)).gap
    world.time.now = 200
    world.change(version="too late")
    with world.feed.open("me", ALL, last) as stream:
        assert (await stream.next(AT_ONCE)).gap


async def test_memory_is_shared_between_namespaces():
    world = World(weight=10_000)
    with world.feed.open("me", ALL), world.feed.open("you", ALL):
        for channel in world.feed._channels.values():
            assert channel.ring.most_weight == 5000
        for _ in range(100):
            world.change()
        assert world.feed._channels["me"].ring.weight <= 5000


async def test_a_large_record_is_weighed_by_what_is_kept():
    world = World()
    with world.feed.open("me", ALL):
        result, lines = {"a": "x" * 10**6}, ("y" * 10**6,) * 5
        record = Activation("me", "a", "1", "me", "0" * 32, 1, 2, Response(Status.SUCCESS, result, 10**6), logs=lines)
        world.feed.on_event(ActivationEnded(record))
        assert world.feed._channels["me"].ring.weight < 80_000


async def test_bounds_of_streams():
    world = World(streams=2, streams_of_one=1)
    with world.feed.open("me", ALL), world.feed.open("you", ALL):
        with pytest.raises(Throttled, match="close one"):
            world.feed.open("me", ALL)
        with pytest.raises(Overloaded):
            world.feed.open("third", ALL)
    world.feed.open("third", ALL)


async def test_who_gets_a_name_later_sees_nothing_of_who_had_it():
    world = World()
    with world.feed.open("me", ALL) as stream:
        world.change()
        last = stream.id
        world.feed.on_event(NamespaceChanged("me"))
        assert await stream.next(AT_ONCE) is None
    with world.feed.open("me", ALL, last) as again:
        batch = await again.next(AT_ONCE)
        assert (batch.gap, batch.happenings) == (True, ())


async def test_the_pool_is_for_those_who_want_it():
    world = World()
    with world.feed.open("me", ALL) as one, world.feed.open("me", Interest(frozenset({"log"}))) as other:
        world.feed.look()
        assert (await one.next(AT_ONCE)).pool == "figures"
        assert (await one.next(AT_ONCE)).pool is None, "once"
        assert not (await other.next(AT_ONCE)).tells


async def test_closing_ends_every_stream():
    world = World()
    with world.feed.open("me", ALL) as stream:
        world.change()
        world.feed.close()
        assert await stream.next(AT_ONCE) is None
    with pytest.raises(Overloaded):
        world.feed.open("me", ALL)
