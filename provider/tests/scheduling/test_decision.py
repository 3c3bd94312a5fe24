"""The policy, case by case: a pool, who waits, and the one instruction that must follow."""

from __future__ import annotations

from asyncio import Future
from dataclasses import dataclass, replace
from typing import Any

import pytest

from argo_provider.model.stay import Stay
from argo_provider.scheduling.decision import Assign, Evict, Expire, Instruction, Start, decide, tend
from argo_provider.scheduling.queue import FairQueue
from argo_provider.scheduling.settings import PoolSettings
from argo_provider.scheduling.view import PoolSnapshot
from argo_proxy.pool.entry import SandboxFacts
from argo_proxy.pool.job import Job
from argo_proxy.pool.life import Life, SandboxState
from argo_proxy.pool.shape import Key, Shape
from argo_proxy.protocol.messages import Executable, Invocation
from argo_proxy.sandboxes.port import SandboxKind

pytestmark = pytest.mark.unit
NOBODY: Any = Future.__new__(Future)
NOW = 1000.0
SETTINGS = PoolSettings(memory_mb=1024, max_starts=3, quantum_mb=2048, tenure_seconds=2.0)

STARTING = Life()
STEM = Life(ready=True)
WARMING = Life(SandboxState.WARMING, 1, True)
IDLE = Life(SandboxState.WARM, 0, True)
BUSY = Life(SandboxState.BUSY, 1, True)
ENDING = Life(SandboxState.GONE, 0, True)


def shape(memory: int = 256, concurrency: int = 1, kind: str = "nodejs:20") -> Shape:
    return Shape(SandboxKind.FAKE, kind, memory, concurrency)


USUAL = shape()


def key(name: str) -> Key:
    """ "a/f" → the first revision of the action f of the namespace a, invoked there."""
    return name.split("/", maxsplit=1)[0], f"/{name}", "1"


def sandbox(
    number: int, life: Life, name: str | None = None, *, of: Shape | None = None, age: float = 100.0, idle: float = 10.0
) -> SandboxFacts:
    bound = None if name is None else key(name)
    starting = life.state is SandboxState.COLD and not life.ready
    return SandboxFacts(
        number=number,
        shape=of or shape(),
        life=life,
        key=None if starting else bound,
        shelved=number,
        idle_since=NOW - idle,
        uses=0,
        start_seconds=0.1,
        bound_at=NOW - age,
        requested_by=bound,
        room=(of or shape()).concurrency,
        held_mb=(of or shape()).memory_mb,
    )


def queue_of(*names: str, of: Shape | None = None, accepted_at: float = NOW) -> FairQueue:
    queue = FairQueue(SETTINGS.quantum_mb)
    for name in names:
        add(queue, name, of or shape(), accepted_at)
    return queue


def add(queue: FairQueue, name: str, of: Shape, accepted_at: float = NOW) -> None:
    namespace, path, revision = key(name)
    executable = Executable(namespace, path, "0.0.1", revision, of.kind, "", None, binary=False)
    invocation = Invocation("id", "", executable, {}, accepted_at=accepted_at)
    queue.push(Job(invocation, of, claim=None, answered=NOBODY, finished=NOBODY, now=accepted_at))


@dataclass(frozen=True)
class Case:
    says: str
    pool: tuple[SandboxFacts, ...]
    waiting: tuple[str, ...]
    then: Instruction | None
    settings: PoolSettings = SETTINGS
    of: Shape = USUAL


CASES = [
    Case("nobody waits, nothing happens", (sandbox(1, IDLE, "a/f"),), (), None),
    Case("nothing is there: start one", (), ("a/f",), Start(shape(), key("a/f"))),
    Case("warm comes first", (sandbox(1, STEM), sandbox(2, IDLE, "a/f")), ("a/f",), Assign(key("a/f"), 2, 256)),
    Case(
        "the most recently used of two warm ones",
        (sandbox(1, IDLE, "a/f"), sandbox(2, IDLE, "a/f")),
        ("a/f",),
        Assign(key("a/f"), 2, 256),
    ),
    Case("a stem cell before a start", (sandbox(1, STEM),), ("a/f",), Assign(key("a/f"), 1, 1024)),
    Case(
        "a stem cell of another size does not fit",
        (sandbox(1, STEM, of=shape(512)),),
        ("a/f",),
        Start(shape(), key("a/f")),
    ),
    Case(
        "a stem cell of another kind does not fit",
        (sandbox(1, STEM, of=shape(kind="python:3.11")),),
        ("a/f",),
        Start(shape(), key("a/f")),
    ),
    Case("what is being created is waited for", (sandbox(1, STARTING, "a/f"),), ("a/f",), None),
    Case("even when it was begun for another", (sandbox(1, STARTING, "b/g"),), ("a/f",), None),
    Case(
        "one that is spoken for is not counted twice",
        (sandbox(1, STARTING, "a/f"),),
        ("a/f", "b/f"),
        Start(shape(), key("b/f")),
    ),
    Case(
        "another's warm sandbox is of no use",
        (sandbox(1, IDLE, "b/f"),),
        ("a/f",),
        Start(shape(), key("a/f")),
    ),
    Case(
        "too many are being created already",
        tuple(sandbox(n, STARTING, "b/f", of=shape(kind="java:17")) for n in range(3)),
        ("a/f",),
        None,
    ),
    Case(
        "the last start is kept for those who have none",
        (sandbox(1, BUSY, "a/f"), *(sandbox(n, STARTING, "b/f", of=shape(kind="java:17")) for n in (2, 3))),
        ("a/f",),
        None,
        replace(SETTINGS, memory_mb=4096),
    ),
    Case(
        "and they get it",
        (sandbox(1, BUSY, "a/f"), *(sandbox(n, STARTING, "b/f", of=shape(kind="java:17")) for n in (2, 3))),
        ("a/f", "c/f"),
        Start(shape(), key("c/f")),
        replace(SETTINGS, memory_mb=4096),
    ),
    Case(
        "memory is short: the longest idle one goes",
        (*(sandbox(n, BUSY, "b/f") for n in (1, 2)), sandbox(3, IDLE, "b/g", idle=5), sandbox(4, IDLE, "b/h", idle=9)),
        ("a/f",),
        Evict(4, "memory"),
    ),
    Case(
        "one that was in use a moment ago counts as in demand",
        (*(sandbox(n, BUSY, "a/g") for n in (1, 2, 3)), sandbox(4, IDLE, "b/f", idle=0.9)),
        ("a/f",),
        None,
    ),
    Case(
        "a stem cell nobody fits goes too",
        (*(sandbox(n, BUSY, "b/f") for n in (1, 2, 3)), sandbox(4, STEM, of=shape(kind="java:17"))),
        ("a/f",),
        Evict(4, "memory"),
    ),
    Case(
        "enough is ending already: wait",
        (*(sandbox(n, BUSY, "b/f") for n in (1, 2)), sandbox(3, ENDING, "b/g"), sandbox(4, IDLE, "b/h")),
        ("a/f",),
        None,
    ),
    Case("everything is busy: wait", tuple(sandbox(n, BUSY, "b/f") for n in range(4)), ("a/f",), None),
    Case(
        "who has a sandbox does not take one in demand from an equal",
        (*(sandbox(n, BUSY, "a/f") for n in (1, 2)), sandbox(3, BUSY, "b/f"), sandbox(4, IDLE, "b/f")),
        ("a/f", "b/f"),
        Assign(key("b/f"), 4, 256),
    ),
    Case(
        "but from one who has much more",
        (sandbox(1, BUSY, "a/f"), *(sandbox(n, BUSY, "b/f") for n in (2, 3)), sandbox(4, IDLE, "b/f")),
        ("a/f", "b/f"),
        Evict(4, "memory"),
    ),
    Case(
        "who has none takes one in demand after its tenure",
        (*(sandbox(n, BUSY, "b/f") for n in (1, 2, 3)), sandbox(4, IDLE, "b/f", age=2.0)),
        ("a/f", "b/f"),
        Evict(4, "memory"),
    ),
    Case(
        "and not before",
        (*(sandbox(n, BUSY, "b/f") for n in (1, 2, 3)), sandbox(4, IDLE, "b/f", age=1.9)),
        ("a/f", "b/f"),
        Assign(key("b/f"), 4, 256),
    ),
    Case(
        "an action with none takes one of its own namespace, not of a smaller one",
        (*(sandbox(n, BUSY, "a/g") for n in (1, 2)), sandbox(3, IDLE, "a/g"), sandbox(4, IDLE, "b/f")),
        ("a/f", "a/g", "b/f"),
        Evict(3, "memory"),
    ),
    Case(
        "an action that has two in preparation waits for them before it gets more",
        (sandbox(1, WARMING, "a/f", age=0.9), sandbox(2, STARTING, "a/f")),
        ("a/f",) * 5,
        None,
    ),
    Case(
        "unless they take long to initialise",
        (sandbox(1, WARMING, "a/f", age=1.1), sandbox(2, STARTING, "a/f")),
        ("a/f",) * 5,
        Start(shape(), key("a/f")),
    ),
    Case(
        "and gets one more when one is ready",
        (sandbox(1, BUSY, "a/f"), sandbox(2, WARMING, "a/f", age=0.1)),
        ("a/f",) * 5,
        Start(shape(), key("a/f")),
    ),
    Case(
        "room in a busy sandbox",
        (sandbox(1, BUSY, "a/f", of=shape(concurrency=4)),),
        ("a/f",),
        Assign(key("a/f"), 1, 256),
        of=shape(concurrency=4),
    ),
    Case(
        "busy ones are filled before idle ones",
        (sandbox(1, BUSY, "a/f", of=shape(concurrency=4)), sandbox(2, IDLE, "a/f", of=shape(concurrency=4))),
        ("a/f",),
        Assign(key("a/f"), 1, 256),
        of=shape(concurrency=4),
    ),
    Case(
        "three more fit into one that is being initialised",
        (sandbox(1, WARMING, "a/f", of=shape(concurrency=4)),),
        ("a/f",) * 3,
        None,
        of=shape(concurrency=4),
    ),
    Case(
        "a fourth does not",
        (sandbox(1, WARMING, "a/f", of=shape(concurrency=4)),),
        ("a/f",) * 4,
        Start(shape(concurrency=4), key("a/f")),
        of=shape(concurrency=4),
    ),
    Case(
        "who has none keeps a shared sandbox from taking more, or it would never end",
        tuple(sandbox(n, Life(SandboxState.BUSY, 5 - n, True), "b/f", of=shape(concurrency=9)) for n in range(1, 5)),
        ("a/f",),
        Evict(4, "memory"),
    ),
    Case(
        "a retiring sandbox gets no more work",
        (sandbox(1, Life(SandboxState.BUSY, 1, True, True), "a/f", of=shape(concurrency=4)),),
        ("a/f",),
        Start(shape(concurrency=4), key("a/f")),
        of=shape(concurrency=4),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_decide(case: Case) -> None:
    assert decide(PoolSnapshot(case.pool), queue_of(*case.waiting, of=case.of), case.settings, NOW) == case.then


PACED = [
    # seconds an activation takes, waiting, sandboxes, since when the first waits → start another?
    (0.001, 15, 1, 0.0, False),
    (0.001, 15, 1, 0.19, False),
    (0.001, 15, 1, 0.2, True),
    (0.001, 25, 1, 0.0, True),
    (0.001, 25, 2, 0.0, False),
    (0.050, 1, 1, 0.0, True),
    (0.050, 2, 3, 0.0, True),
    (None, 1, 1, 0.0, True),
]


@pytest.mark.parametrize(("pace", "waiting", "sandboxes", "waited", "starts"), PACED)
def test_a_line_that_is_soon_served_gets_no_more_sandboxes(
    pace: float | None, waiting: int, sandboxes: int, waited: float, *, starts: bool
) -> None:
    settings = replace(SETTINGS, memory_mb=4096, patience_seconds=0.02)
    paces = {} if pace is None else {key("a/f"): pace}
    pool = PoolSnapshot(tuple(sandbox(number, BUSY, "a/f") for number in range(sandboxes)), paces)
    queue = queue_of(*["a/f"] * waiting, accepted_at=NOW - waited)
    assert decide(pool, queue, settings, NOW) == (Start(shape(), key("a/f")) if starts else None)


def niuk() -> Shape:
    return Shape(SandboxKind.NIUK, "nodejs:20", 16)


# seconds that an invocation takes, in flight in the one slot, waiting, since when, seconds since that slot was bound
INSIDE = [
    pytest.param(None, 1, 4, 0.01, 100.0, False, id="the first is not over yet, and might be quick"),
    pytest.param(None, 1, 4, 0.03, 100.0, True, id="nor is it after the patience"),
    pytest.param(0.0001, 32, 40, 0.01, 100.0, False, id="all are served within the patience"),
    pytest.param(0.0005, 32, 40, 0.01, 100.0, True, id="those behind would wait for longer"),
    pytest.param(0.005, 4, 1, 0.0, 100.0, True, id="as many wait inside as patience allows"),
    pytest.param(0.005, 4, 9, 0.3, 0.1, False, id="what is quick: not before the last one has shown itself"),
    pytest.param(0.5, 1, 1, 0.0, 0.1, True, id="what is slow: at once"),
    pytest.param(0.0001, 32, 1, 0.3, 100.0, True, id="it does not move at all"),
]


@pytest.mark.parametrize(("pace", "inside", "waiting", "waited", "age", "starts"), INSIDE)
def test_where_invocations_wait_inside_a_slot_more_must_win_something(
    pace: float | None, inside: int, waiting: int, waited: float, age: float, *, starts: bool
) -> None:
    settings = replace(SETTINGS, memory_mb=4096, patience_seconds=0.02)
    paces = {} if pace is None else {key("a/f"): pace}
    full = replace(sandbox(1, Life(SandboxState.BUSY, inside, True), "a/f", of=niuk()), room=inside)
    pool = PoolSnapshot((full,), paces, {key("a/f"): NOW - age})
    queue = queue_of(*["a/f"] * waiting, of=niuk(), accepted_at=NOW - waited)
    assert decide(pool, queue, settings, NOW) == (Start(niuk(), key("a/f")) if starts else None)


def test_a_busy_slot_with_room_inside_takes_the_next() -> None:
    pool = PoolSnapshot((replace(sandbox(1, BUSY, "a/f", of=niuk()), room=32), sandbox(2, IDLE, "a/f", of=niuk())))
    assert decide(pool, queue_of("a/f", of=niuk()), SETTINGS, NOW) == Assign(key("a/f"), 1, 16)


def test_isolates_beyond_those_at_work_go_but_for_those_asked_for() -> None:
    idle = tuple(sandbox(n, IDLE, "a/f", of=niuk(), idle=20.0) for n in (1, 2, 3))
    pool = PoolSnapshot((*idle, sandbox(4, IDLE, "a/f", idle=20.0)))
    steps = tend(pool, queue_of(), SETTINGS, stock={}, now=NOW)
    assert next(steps) == Evict(1, "idle")
    assert list(tend(pool, queue_of(), SETTINGS, stock={}, now=NOW, kept={key("a/f"): 4})) == []


def test_a_stem_cell_is_not_spent_on_who_is_soon_served() -> None:
    pool = PoolSnapshot((sandbox(1, BUSY, "a/f"), sandbox(2, STEM)), {key("a/f"): 0.001})
    assert decide(pool, queue_of("a/f"), SETTINGS, NOW) is None
    slow = PoolSnapshot(pool.sandboxes, {key("a/f"): 1.0})
    assert decide(slow, queue_of("a/f"), SETTINGS, NOW) == Assign(key("a/f"), 2, 1024)


def test_a_line_that_moves_is_patient_however_long_its_oldest_has_waited() -> None:
    """After a cold start all have waited for long; what counts is how soon it will be over."""
    pool = PoolSnapshot((sandbox(1, BUSY, "a/f"),), {key("a/f"): 0.001})
    queue = queue_of(*["a/f"] * 10, accepted_at=NOW - 1.0)
    settings = replace(SETTINGS, patience_seconds=0.02)
    assert isinstance(decide(pool, queue, settings, NOW), Start)
    queue.pop(key("a/f"), 256, NOW - 0.01)
    assert decide(pool, queue, settings, NOW) is None


def test_what_is_freed_for_a_larger_one_is_not_given_to_those_behind() -> None:
    """512 MB are wanted first, 256 are free: the smaller one behind has to wait, or the larger would for ever."""
    pool = PoolSnapshot(tuple(sandbox(n, BUSY, "b/f") for n in range(3)))
    queue = FairQueue(SETTINGS.quantum_mb)
    add(queue, "a/large", shape(512))
    add(queue, "c/small", shape(256))
    assert decide(pool, queue, SETTINGS, NOW) is None
    add(queue, "b/f", shape())
    freed = PoolSnapshot((*pool.sandboxes[:2], sandbox(2, IDLE, "b/f", age=0.5)))
    assert decide(freed, queue, SETTINGS, NOW) == Assign(key("b/f"), 2, 256)


def test_the_least_worth_goes_first() -> None:
    """Idle for longer, yet its many uses saved long starts."""
    costly = replace(sandbox(1, IDLE, "b/java", idle=9.0), uses=20, start_seconds=1.0)
    cheap = replace(sandbox(2, IDLE, "b/node", idle=2.0), uses=1, start_seconds=0.1)
    busy = (sandbox(3, BUSY, "b/f"), sandbox(4, BUSY, "b/f"))
    assert decide(PoolSnapshot((costly, cheap, *busy)), queue_of("a/f"), SETTINGS, NOW) == Evict(2, "memory")


def test_time_ends_long_waits_and_long_idling() -> None:
    settings = replace(SETTINGS, keep_alive_seconds=600.0, queue_wait_seconds=300.0)
    queue = queue_of("a/f", accepted_at=NOW - 300.0)
    pool = PoolSnapshot((sandbox(1, IDLE, "b/f", idle=600.0), sandbox(2, IDLE, "b/g", idle=599.0)))
    steps = tend(pool, queue, settings, stock={}, now=NOW)
    assert next(steps) == Expire(key("a/f"))
    queue.remove_oldest(key("a/f"))
    assert list(steps) == [Evict(1, "idle")]


def test_how_long_an_idle_sandbox_stays_is_told_by_action_for_the_one_used_last_and_for_the_others() -> None:
    pool = PoolSnapshot(
        (sandbox(1, IDLE, "b/f", idle=9.0), sandbox(2, IDLE, "b/f", idle=8.0), sandbox(3, IDLE, "b/g", idle=9.0))
    )
    told = {key("b/f"): (Stay(10.0), Stay(5.0))}
    last = pool.free_slot(key("b/f"))
    steps = list(tend(pool, queue_of(), SETTINGS, stock={}, now=NOW, keep_alive=told.get))
    assert steps == [Evict(next(number for number in (1, 2) if number != last), "idle")]
    told[key("b/f")] = (Stay(8.0), Stay(5.0))
    assert len(list(tend(pool, queue_of(), SETTINGS, stock={}, now=NOW, keep_alive=told.get))) == 2


def test_the_stock_is_filled_from_free_memory_one_at_a_time() -> None:
    stock = {shape(): 2, shape(kind="java:17"): 1}
    empty = queue_of()
    assert list(tend(PoolSnapshot(), empty, SETTINGS, stock=stock, now=NOW))[:1] == [Start(shape(), None)]
    starting = PoolSnapshot((sandbox(1, STARTING),))
    assert list(tend(starting, empty, SETTINGS, stock=stock, now=NOW)) == []
    full = PoolSnapshot(tuple(sandbox(n, BUSY, "a/f") for n in range(4)))
    assert list(tend(full, empty, SETTINGS, stock=stock, now=NOW)) == []
    assert list(tend(PoolSnapshot(), queue_of("a/f"), SETTINGS, stock=stock, now=NOW)) == []


def test_a_wanted_stem_cell_stays_and_a_surplus_one_goes() -> None:
    pool = PoolSnapshot((sandbox(1, STEM, idle=10_000.0),))
    assert list(tend(pool, queue_of(), SETTINGS, stock={shape(): 1}, now=NOW)) == []
    assert list(tend(pool, queue_of(), SETTINGS, stock={}, now=NOW)) == [Evict(1, "idle")]
