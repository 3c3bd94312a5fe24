"""What a replica knows of nodes, and when it gives one up."""

from __future__ import annotations

import pytest

from argo_provider.cluster.messages import PROTOCOL, About, Beat, artefact_name, decode, encode
from argo_provider.cluster.nodes import HANDFUL, NodeTable, key_of
from argo_provider.placement.port import Overloaded
from argo_proxy.protocol.messages import Executable

EXECUTABLE = Executable("a", "/a/f", "0.0.1", "1", "nodejs:20", "", "sha256:x", binary=False)
LEASE = 2.0


class World:
    def __init__(self):
        self.now = 100.0
        self.lost = []
        self.table = NodeTable(LEASE, self.lost.append, {"known/image": "binary"}.get, lambda: self.now)
        self.number = 0

    def join(self, name="n", incarnation="1", **more):
        about = About(name, incarnation, "0.1.0", PROTOCOL, 4, 100, 1024, **{"kinds": ["nodejs:20"], **more})
        self.table.told(about)
        self.beat(name, incarnation)

    def beat(self, name="n", incarnation="1", **more):
        self.number += 1
        self.table.heard(Beat(name, incarnation, self.number, 1024, **more))

    def choose(self, executable=EXECUTABLE, besides=()):
        return self.table.choose(executable, besides).name


@pytest.fixture
def world():
    return World()


def test_a_node_is_chosen_once_it_has_said_how_it_is(world):
    with pytest.raises(Overloaded):
        world.choose()
    world.join()
    assert world.choose() == "n"
    with pytest.raises(Overloaded):
        world.choose(besides=["n"])


def test_the_code_is_where_a_node_says_so(world):
    names = [f"n{number}" for number in range(HANDFUL)]
    for name in names:
        world.join(name)
    home = world.choose()
    other = next(name for name in names if name != home)
    world.join(other, incarnation="2", artefacts=[artefact_name(EXECUTABLE.code_digest)])
    assert world.choose() == other
    world.beat(other, incarnation="2", in_flight=100)
    assert world.choose() == home


def test_a_node_of_another_version_gets_nothing(world):
    world.table.told(About("n", "1", "0.0.9", PROTOCOL - 1, 4, 100, 1024, kinds=["nodejs:20"]))
    world.beat()
    assert len(world.table) == 0
    with pytest.raises(Overloaded):
        world.choose()


def test_a_silent_node_is_given_up_after_its_lease(world):
    world.join()
    world.now += LEASE
    world.table.expire()
    assert not world.lost
    world.now += 0.1
    world.table.expire()
    assert [node.name for node in world.lost] == ["n"]
    with pytest.raises(Overloaded):
        world.choose()
    world.beat()  # it was only slow; what it is, it has to say again
    assert len(world.table) == 0


def test_another_incarnation_replaces_the_first(world):
    world.join()
    world.join(incarnation="2")
    assert [node.incarnation for node in world.lost] == ["1"]
    assert [node.incarnation for node in world.table] == ["2"]
    world.beat(incarnation="1")  # late
    assert world.choose() == "n"


def test_an_older_beat_changes_nothing(world):
    world.join()
    world.table.heard(Beat("n", "1", 0, 1024, draining=True))
    assert world.choose() == "n"


def test_a_draining_node_gets_nothing(world):
    world.join()
    world.beat(draining=True)
    with pytest.raises(Overloaded):
        world.choose()
    world.beat()
    assert world.choose() == "n"


def test_where_nobody_listened_nothing_goes_until_it_is_heard_again(world):
    world.join()
    world.table.silent("n")
    with pytest.raises(Overloaded):
        world.choose()
    world.beat()
    assert world.choose() == "n"


def test_a_sandbox_just_left_counts_as_warm_before_any_beat_says_so(world):
    for name in ("n", "m"):
        world.join(name)
    first = world.table.choose(EXECUTABLE)
    other = next(node for node in world.table if node is not first)
    world.table.sent(other, EXECUTABLE)
    assert world.choose() == first.name
    world.table.ended(other, EXECUTABLE, warm=True)
    assert world.choose() == other.name
    world.table.sent(other, EXECUTABLE)  # its only place is taken
    assert world.choose() == first.name


def test_slots_of_a_beat_count_less_what_is_there_of_ours(world):
    for name in ("n", "m"):
        world.join(name)
        world.beat(name, slots={key_of(EXECUTABLE): 2})
    chosen = [world.table.choose(EXECUTABLE)]
    for _ in range(3):
        world.table.sent(chosen[-1], EXECUTABLE)
        chosen.append(world.table.choose(EXECUTABLE))
    assert [node.name for node in chosen].count(chosen[0].name) == 2


def test_what_fits_on_no_idle_memory_of_a_node_goes_to_another(world):
    for name in ("n", "m"):
        world.join(name)
        world.beat(name, memory_used_mb=1024, idle_mb=512)
    first = world.table.choose(EXECUTABLE)
    other = next(node for node in world.table if node is not first)
    for left in (256, 0):
        world.table.sent(first, EXECUTABLE)
        assert first.room_mb == left
    assert world.choose() == other.name
    world.beat(first.name, memory_used_mb=1024, idle_mb=512)  # they have ended since
    world.beat(other.name, memory_used_mb=1024, idle_mb=0)
    assert world.choose() == first.name


def test_of_an_older_node_that_does_not_say_what_is_idle_no_memory_is_short(world):
    world.join()
    old = encode(Beat("n", "1", 9, 1024, memory_used_mb=1024)).replace(b'"idle_mb":null,', b"")
    assert b"idle_mb" not in old
    world.table.heard(decode(old, Beat))
    assert world.table.choose(EXECUTABLE).room_mb is None


def test_a_warm_place_that_is_free_takes_no_memory(world):
    world.join()
    world.beat(memory_used_mb=1024, idle_mb=256, slots={key_of(EXECUTABLE): 1})
    node = world.table.choose(EXECUTABLE)
    world.table.sent(node, EXECUTABLE)
    assert node.room_mb == 256


def test_a_well_known_image_goes_where_its_kind_runs(world):
    world.join(kinds=["binary"])
    image = Executable("a", "/a/f", "0.0.1", "1", "blackbox", "", None, binary=True, image="known/image")
    assert world.choose(image) == "n"


def test_of_many_nodes_few_are_looked_at_and_all_where_those_cannot(world):
    for number in range(HANDFUL + 20):
        world.join(f"n{number}", kinds=[])
    world.join("able", kinds=["nodejs:20"])
    assert world.choose() == "able"


def test_of_many_nodes_an_action_stays_where_it_was(world):
    for number in range(HANDFUL + 20):
        world.join(f"n{number}")
    first = world.choose()
    world.beat(first, slots={key_of(EXECUTABLE): 1})
    assert {world.choose() for _ in range(10)} == {first}
    world.beat(first, draining=True)
    assert world.choose() != first
