"""Turns between namespaces and their actions."""

from __future__ import annotations

from asyncio import Future
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_provider.scheduling.queue import FairQueue, Turns
from argo_proxy.pool.job import Job
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable, Invocation
from argo_proxy.sandboxes.port import SandboxKind

pytestmark = pytest.mark.unit
NOBODY: Any = Future.__new__(Future)


def job(namespace: str, action: str = "f", number: int = 0) -> Job:
    executable = Executable(namespace, f"/{namespace}/{action}", "0.0.1", "1", "nodejs:20", "", None, binary=False)
    invocation = Invocation(str(number), "", executable, {}, accepted_at=1.0 + number)
    shape = Shape(SandboxKind.FAKE, "nodejs:20", 256)
    return Job(invocation, shape, claim=None, answered=NOBODY, finished=NOBODY, now=1.0)


def first(queue: FairQueue) -> str:
    return next(queue.in_turn()).key[1]


def grants(queue: FairQueue, count: int, cost: int = 256) -> list[str]:
    """Always grant the one whose turn it is."""
    served = []
    for _ in range(count):
        line = next(queue.in_turn())
        served.append(line.key[1])
        queue.pop(line.key, cost, 0.0)
    return served


def test_one_line_is_first_in_first_out() -> None:
    queue = FairQueue(256)
    for number in range(5):
        queue.push(job("a", number=number))
    key = next(queue.in_turn()).key
    assert [queue.pop(key, 256, 0.0).invocation.activation_id for _ in range(5)] == ["0", "1", "2", "3", "4"]
    assert not queue
    assert list(queue.in_turn()) == []


def test_who_lost_a_sandbox_goes_first() -> None:
    queue = FairQueue(256)
    queue.push(job("a", number=1))
    queue.push(job("a", number=2), first=True)
    assert queue.remove_oldest(next(iter(queue.lines))).invocation.activation_id == "2"


def test_namespaces_take_turns_by_quantum() -> None:
    queue = FairQueue(512)
    for number in range(6):
        queue.push(job("a", number=number))
    for number in range(6):
        queue.push(job("b", number=number))
    assert grants(queue, 12) == [*["/a/f"] * 2, *["/b/f"] * 2] * 3


def test_dearer_grants_end_a_turn_sooner() -> None:
    queue = FairQueue(512)
    for number in range(4):
        queue.push(job("a", number=number))
        queue.push(job("b", number=number))
    assert grants(queue, 4, cost=1024) == ["/a/f", "/b/f", "/a/f", "/b/f"]


def test_actions_of_one_namespace_take_turns_too() -> None:
    queue = FairQueue(256)
    for number in range(3):
        queue.push(job("a", "hot", number))
    queue.push(job("a", "rare"))
    assert grants(queue, 4) == ["/a/hot", "/a/rare", "/a/hot", "/a/hot"]


def test_a_grant_out_of_turn_costs_the_place_in_the_row() -> None:
    turns: Turns[str] = Turns(100)
    for name in "abc":
        turns.join(name)
    turns.charge("b", 40)
    assert list(turns) == ["a", "c", "b"]
    turns.charge("b", 10_000)
    assert turns.deficit("b") == -100


def test_counts_follow() -> None:
    queue = FairQueue(256)
    queue.push(job("a"))
    queue.push(job("a", "g"))
    queue.push(job("b"))
    assert (len(queue), queue.waiting("a"), queue.counts()) == (3, 2, {"a": 2, "b": 1})
    queue.remove_oldest(next(line.key for line in queue.in_turn() if line.key[0] == "b"))
    assert (len(queue), queue.waiting("b"), queue.counts()) == (2, 0, {"a": 2})


@given(
    costs=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 3000)), max_size=200),
    quantum=st.integers(1, 2000),
)
def test_only_the_first_may_be_above_zero(costs: list[tuple[str, int]], quantum: int) -> None:
    turns: Turns[str] = Turns(quantum)
    for name in "abcd":
        turns.join(name)
    for name, cost in costs:
        turns.charge(name, cost)
        order = list(turns)
        assert sorted(order) == list("abcd")
        assert turns.deficit(order[0]) > 0
        assert all(-quantum <= turns.deficit(other) <= 0 for other in order[1:])


@given(
    names=st.lists(st.sampled_from("abcde"), min_size=2, max_size=5, unique=True),
    quantum=st.integers(1, 4).map(lambda n: n * 256),
    rounds=st.integers(1, 10),
)
def test_backlogged_namespaces_get_equal_shares(names: list[str], quantum: int, rounds: int) -> None:
    queue = FairQueue(quantum)
    turn = quantum // 256
    for name in names:
        for number in range(rounds * turn):
            queue.push(job(name, number=number))
    served = Counter(grants(queue, rounds * turn * len(names) // 2))
    assert max(served.values()) - min(served[f"/{name}/f"] for name in names) <= turn
