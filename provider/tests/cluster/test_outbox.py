"""What goes to one subject within a moment goes in one message."""

from __future__ import annotations

import asyncio
import json

import pytest

from argo_provider.cluster import outbox
from argo_provider.cluster.outbox import Crowd, Outbox, bites_of

PATIENCE = 30.0


class Bus:
    """Keeps what is sent, in its order; `come` waits for so many messages."""

    largest = 1000

    def __init__(self):
        self.sent = []
        self.bounces = None

    def send(self, subject, content, *, bounce=""):
        self.sent.append((subject, json.loads(content), bounce))

    async def listen_bounces(self, subject, handler):
        self.bounces = handler

    async def come(self, count):
        async with asyncio.timeout(PATIENCE):
            while len(self.sent) < count:
                await asyncio.sleep(0.001)
        return [content for _, content, _ in self.sent]


@pytest.fixture
def bus():
    return Bus()


async def test_with_little_to_do_all_of_a_turn_goes_at_once(bus):
    box = Outbox(bus, lambda: 0)
    box.put("a", b"1")
    box.put("b", b"2")
    box.put("a", b"3")
    await asyncio.sleep(0)
    assert [(subject, content) for subject, content, _ in bus.sent] == [("a", [1, 3]), ("b", [2])]


async def test_with_much_to_do_later_turns_go_together_once_no_more_is_about_to_come(bus, monkeypatch):
    monkeypatch.setattr(outbox, "_GATHER", 3600.0)
    box = Outbox(bus, lambda: 100)
    for number in range(3):
        box.put("a" if number else "b", str(number).encode())
        await asyncio.sleep(0)
    assert not bus.sent
    box.release()
    box.release()
    await asyncio.sleep(0)
    assert [(subject, content) for subject, content, _ in bus.sent] == [("b", [0]), ("a", [1, 2])]


async def test_with_much_to_do_what_waits_goes_by_itself(bus):
    Outbox(bus, lambda: 100).put("a", b"1")
    assert await bus.come(1) == [[1]]


def test_a_crowd_outlasts_a_lull_and_no_more():
    crowd = Crowd()
    counts = [(8, 0.0), (1, 0.5), (1, 1.5), (3, 1.6), (1, 2.5), (1, 3.5), (5, 3.6), (1, 9.0)]
    seen = []
    for count, windows in counts:
        crowd.note(count, windows * outbox._LATELY)
        seen.append(crowd.most)
    assert seen == [8, 8, 8, 8, 3, 1, 5, 1]


async def test_what_nobody_waits_for_goes_with_the_next(bus, monkeypatch):
    monkeypatch.setattr(outbox, "_LATER", 3600.0)
    box = Outbox(bus, lambda: 0)
    box.put("a", b"1", later=True)
    await asyncio.sleep(0)
    assert not bus.sent
    box.put("a", b"2")
    await asyncio.sleep(0)
    assert await bus.come(1) == [[1, 2]]


async def test_what_nobody_waits_for_goes_by_itself(bus):
    Outbox(bus, lambda: 0).put("a", b"1", later=True)
    assert await bus.come(1) == [[1]]


async def test_a_part_may_be_made_when_it_goes(bus):
    box, said = Outbox(bus, lambda: 0), []
    box.put("a", lambda: json.dumps(said).encode())
    said.append("what came in the meantime")
    assert await bus.come(1) == [[["what came in the meantime"]]]


async def test_the_keys_of_what_reached_nobody_come_back(bus):
    bounced = []
    box = Outbox(bus, lambda: 0, "bounced", bounced.extend)
    await box.start()
    box.put("a", b"1", "one")
    box.put("a", b"2", "two")
    await bus.come(1)
    bus.bounces(bus.sent[0][2])
    bus.bounces("bounced.of.nothing")
    assert bounced == ["one", "two"]


async def test_no_message_is_larger_than_half_of_what_the_bus_takes(bus):
    box = Outbox(bus, lambda: 0)
    for _ in range(5):
        box.put("a", json.dumps("x" * 200).encode())
    assert [len(content) for content in await bus.come(3)] == [2, 2, 1]


def test_a_bite_is_as_large_as_may_be():
    assert bites_of([3, 3, 5, 9, 1], 6, int) == [[3, 3], [5], [9], [1]]
    assert bites_of([], 6, int) == [[]]
