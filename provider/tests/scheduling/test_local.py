"""Placement on this machine, whole, over scripted sandboxes."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from argo_provider.model.stay import Stay
from argo_provider.optimizer.model import FunctionId, Route
from argo_provider.optimizer.ports import Weight
from argo_provider.placement.local import LocalPlacement
from argo_provider.placement.port import ORDINARY, Dropped, Overloaded, OverloadReason, Ticket
from argo_provider.scheduling.loop import CUT_OFF, INTERNAL
from argo_provider.scheduling.settings import PoolSettings
from argo_proxy.pool.events import NoEvents
from argo_proxy.pool.limits import PoolLimits
from argo_proxy.pool.serving import ServingLimits
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable, Execution, Invocation, OutcomeKind
from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.fake import FakeDriver, FakeSandbox, Reply, answered
from argo_proxy.sandboxes.port import Gone, Residence, SandboxCreationError, SandboxKind, SandboxSpec, TimedOut

pytestmark = pytest.mark.unit

NODE = Runtime("nodejs:20", "nodejs", Path("/runtime"), ("node",), default=True)
LIMITS = PoolLimits(serving=ServingLimits(log_seconds=0.2, failed_log_seconds=0.0))
NO_RESOURCES = {"error": "Failed to provision resources to run the action."}
PATIENCE = 20.0


class Journal(NoEvents):
    """What the pool told; `told` is set at every event."""

    def __init__(self) -> None:
        self.starts: list[Shape] = []
        self.ends: list[str] = []
        self.executions: list[Execution] = []
        self.rejections: list[str] = []
        self.failures: list[str] = []
        self.slept = self.woken = 0
        self.told = asyncio.Event()

    def started(self, shape: Shape, seconds: float) -> None:
        self.starts.append(shape)
        self.told.set()

    def start_failed(self, shape: Shape, reason: str) -> None:
        self.failures.append(reason)
        self.told.set()

    def ended(self, shape: Shape, reason: str) -> None:
        self.ends.append(reason)
        self.told.set()

    def executed(self, executable: Executable, execution: Execution) -> None:
        self.executions.append(execution)
        self.told.set()

    def hibernated(self, shape: Shape) -> None:
        self.slept += 1
        self.told.set()

    def woke(self, shape: Shape) -> None:
        self.woken += 1

    def rejected(self, reason: str) -> None:
        self.rejections.append(reason)
        self.told.set()

    async def until(self, what: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while not what():
                self.told.clear()
                await self.told.wait()


class Held:
    """A script that keeps /run back in the sandboxes that it is given to."""

    def __init__(self, driver: FakeDriver) -> None:
        self.gate = asyncio.Event()
        self.running = asyncio.Semaphore(0)
        driver._sleep = self.sleep
        driver.script = lambda path, _: Reply(answered(b"{}"), after=1.0 if path == "/run" else 0.0)

    async def sleep(self, seconds: float) -> None:
        if seconds == 1.0:
            self.running.release()
            await self.gate.wait()


async def load(digest: str) -> bytes:
    return b"code"


def invocation(namespace: str = "a", action: str = "f", **changes: Any) -> Invocation:
    fields: dict[str, Any] = {"revision": "1", "memory_mb": 256, "kind": "nodejs:20"} | changes
    path = f"/{namespace}/{action}"
    executable = Executable(namespace, path, "0.0.1", main="", code_digest="d", binary=False, **fields)
    return Invocation("id", "tid", executable, {}, accepted_at=time.monotonic())


def local(driver: FakeDriver, events: Journal | None = None, **changes: Any) -> LocalPlacement:
    known: dict[str, Any] = {"memory_mb": 1024, "drain_seconds": 5.0, "tick_seconds": 0.01}
    catalogue = changes.pop("catalogue", Catalogue([NODE]))
    router, limits = changes.pop("router", None), changes.pop("limits", LIMITS)
    settings = PoolSettings(**(known | changes))
    drivers = {SandboxKind.FAKE: driver}
    return LocalPlacement(drivers, catalogue, load, settings=settings, limits=limits, events=events, router=router)


async def finished(ticket: Ticket) -> Execution:
    async with asyncio.timeout(PATIENCE):
        return await ticket.execution


async def test_cold_then_warm_in_the_same_sandbox() -> None:
    driver, events = FakeDriver(), Journal()
    async with local(driver, events) as placement:
        first = await finished(placement.submit(invocation()))
        second = await finished(placement.submit(invocation()))
        assert first.sandbox_id == second.sandbox_id
        assert (first.phases.cold, second.phases.cold) == (True, False)
        assert first.phases.start > 0
        assert second.phases.start == second.phases.init == 0
        summary = placement.snapshot().sandboxes[0]
        assert (summary.state, summary.namespace, summary.path) == ("warm", "a", "/a/f")
        assert placement.snapshot().memory_used_mb == 256
    assert driver.alive == []
    assert len(events.executions) == 2


@pytest.mark.parametrize("other", [{"namespace": "b"}, {"action": "g"}, {"revision": "2"}])
async def test_nothing_else_shares_a_sandbox(other: dict[str, str]) -> None:
    driver = FakeDriver()
    async with local(driver) as placement:
        first = await finished(placement.submit(invocation()))
        second = await finished(placement.submit(invocation(**other)))
        assert first.sandbox_id != second.sandbox_id


async def test_memory_is_never_exceeded_and_all_are_served() -> None:
    driver, most = FakeDriver(), 0
    async with local(driver, queue_limit=10_000, grace_seconds=0.0, tenure_seconds=0.0) as placement:
        tickets = [placement.submit(invocation(f"n{index % 9}", f"f{index % 3}")) for index in range(300)]
        for ticket in tickets:
            await finished(ticket)
            most = max(most, placement.snapshot().memory_used_mb)
    assert most <= 1024


async def test_concurrency_shares_one_sandbox() -> None:
    driver = FakeDriver()
    held = Held(driver)
    async with local(driver) as placement:
        tickets = [placement.submit(invocation(concurrency=4)) for _ in range(4)]
        for _ in range(4):
            await held.running.acquire()
        held.gate.set()
        executions = [await finished(ticket) for ticket in tickets]
    assert len({execution.sandbox_id for execution in executions}) == 1
    assert driver.sandboxes[0].most_in_flight == 4
    assert [execution.phases.cold for execution in executions].count(True) == 1


async def test_a_snapshot_tells_what_idle_sandboxes_hold() -> None:
    driver = FakeDriver()
    held = Held(driver)
    async with local(driver) as placement:
        ticket = placement.submit(invocation())
        await held.running.acquire()
        assert (placement.snapshot().memory_used_mb, placement.snapshot().idle_mb) == (256, 0)
        held.gate.set()
        await finished(ticket)
        assert (placement.snapshot().memory_used_mb, placement.snapshot().idle_mb) == (256, 256)


async def test_a_sandbox_freed_first_is_not_left_idle_for_one_that_is_starting() -> None:
    """Late binding: the start goes on, and what it makes serves as a stem cell."""
    driver = FakeDriver()
    async with local(driver) as placement:
        await finished(placement.submit(invocation()))
        held = Held(driver)
        driver.sandboxes[0]._sleep, driver.sandboxes[0].script = held.sleep, driver.script
        starting, over = asyncio.Event(), asyncio.Event()

        async def late(_: SandboxSpec) -> FakeSandbox:
            starting.set()
            await over.wait()
            raise SandboxCreationError("nobody waits for it any more")

        driver.create = late
        first, second = placement.submit(invocation()), placement.submit(invocation())
        await starting.wait()
        assert placement.snapshot().waiting == {"a": 1}
        held.gate.set()
        assert (await finished(second)).sandbox_id == (await finished(first)).sandbox_id
        over.set()


async def test_a_client_that_calls_again_while_its_log_is_read_gets_the_same_sandbox() -> None:
    driver = FakeDriver()
    async with local(driver) as placement:
        await finished(placement.submit(invocation()))
        collect, asked, gate = driver.sandboxes[0].collect_logs, asyncio.Event(), asyncio.Event()

        async def slow(**limits: Any) -> Any:
            asked.set()
            await gate.wait()
            return await collect(**limits)

        driver.sandboxes[0].collect_logs = slow
        first = placement.submit(invocation())
        await first.outcome
        second = placement.submit(invocation())
        await asked.wait()
        gate.set()
        assert (await finished(second)).sandbox_id == (await finished(first)).sandbox_id
    assert len(driver.sandboxes) == 1


async def test_a_full_queue_refuses_at_once() -> None:
    driver = FakeDriver()
    Held(driver)
    events = Journal()
    async with local(driver, events, queue_limit=3, namespace_queue_limit=2, drain_seconds=0.0) as placement:
        for _ in range(2):
            placement.submit(invocation("a"))
        with pytest.raises(Overloaded) as of_namespace:
            placement.submit(invocation("a"))
        placement.submit(invocation("b"))
        with pytest.raises(Overloaded) as of_all:
            placement.submit(invocation("c"))
    assert of_namespace.value.reason is OverloadReason.NAMESPACE_QUEUE_FULL
    assert of_all.value.reason is OverloadReason.QUEUE_FULL
    assert events.rejections == ["namespace_queue_full", "queue_full"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"memory_mb": 2048}, OverloadReason.TOO_LARGE),
        ({"kind": "cobol:85"}, OverloadReason.UNPREPARED),
        ({"kind": "blackbox", "image": "some/image"}, OverloadReason.UNPREPARED),
        ({"annotations": {"argo.sandbox": "microvm"}}, OverloadReason.UNPREPARED),
    ],
)
async def test_what_cannot_run_here_is_refused(asked: dict[str, Any], reason: OverloadReason) -> None:
    async with local(FakeDriver()) as placement:
        with pytest.raises(Overloaded) as refused:
            placement.submit(invocation(**asked))
        assert refused.value.reason is reason


async def test_a_runtime_that_is_not_ready_yet() -> None:
    driver = FakeDriver()
    driver.unready = {"nodejs:20"}
    async with local(driver) as placement:
        with pytest.raises(Overloaded, match="not ready"):
            placement.submit(invocation())
        driver.unready.clear()
        assert (await finished(placement.submit(invocation()))).outcome.kind is OutcomeKind.SUCCESS


async def test_a_sandbox_by_annotation() -> None:
    async with local(FakeDriver()) as placement:
        ticket = placement.submit(invocation(annotations={"argo.sandbox": "fake"}))
        assert (await finished(ticket)).sandbox == "fake"


async def test_a_failed_creation_is_a_platform_error_and_the_next_one_works() -> None:
    driver = FakeDriver()
    driver.failures = [SandboxCreationError("fork: no")]
    async with local(driver) as placement:
        execution = await finished(placement.submit(invocation()))
        assert (execution.outcome.kind, execution.outcome.result) == (OutcomeKind.PLATFORM_ERROR, NO_RESOURCES)
        assert (await finished(placement.submit(invocation()))).outcome.kind is OutcomeKind.SUCCESS


async def test_a_bad_image_is_the_users_fault() -> None:
    driver = FakeDriver()
    driver.failures = [SandboxCreationError("Failed to pull container image 'x'.", user_fault=True)]
    async with local(driver) as placement:
        execution = await finished(placement.submit(invocation()))
    assert execution.outcome.kind is OutcomeKind.DEVELOPER_ERROR
    assert execution.outcome.result == {"error": "Failed to pull container image 'x'."}


async def test_claims() -> None:
    claims: list[str] = []

    async def refuse() -> bool:
        claims.append("refused")
        return False

    async def grant() -> bool:
        claims.append("granted")
        return True

    driver = FakeDriver()
    async with local(driver) as placement:
        refused = placement.submit(invocation(), claim=refuse)
        with pytest.raises(Dropped):
            await refused.execution
        with pytest.raises(Dropped):
            await refused.outcome
        assert driver.sandboxes[0].requests == []
        execution = await finished(placement.submit(invocation(), claim=grant))
        assert execution.outcome.kind is OutcomeKind.SUCCESS
    assert claims == ["refused", "granted"]
    assert len(driver.sandboxes) == 1  # the first one's was used by the second


async def test_a_claim_that_fails_leaves_the_work_in_the_journal() -> None:
    async def broken() -> bool:
        raise OSError("disk full")

    driver = FakeDriver()
    async with local(driver) as placement:
        with pytest.raises(Dropped):
            await finished(placement.submit(invocation(), claim=broken))
        assert (await finished(placement.submit(invocation()))).outcome.kind is OutcomeKind.SUCCESS


async def test_a_warm_sandbox_that_declines_is_replaced_without_a_second_claim() -> None:
    claims = 0

    async def claim() -> bool:
        nonlocal claims
        claims += 1
        return True

    driver = FakeDriver()
    async with local(driver) as placement:
        await finished(placement.submit(invocation()))
        driver.sandboxes[0].script = lambda path, body: Reply(answered(b"{}", 503))
        execution = await finished(placement.submit(invocation(), claim=claim))
    assert execution.outcome.kind is OutcomeKind.SUCCESS
    assert execution.sandbox_id == "f1"
    assert claims == 1


async def test_a_crashed_idle_sandbox_is_not_used() -> None:
    driver, events = FakeDriver(), Journal()
    async with local(driver, events) as placement:
        await finished(placement.submit(invocation()))
        driver.sandboxes[0].crash()
        assert (await finished(placement.submit(invocation()))).sandbox_id == "f1"
    assert events.ends == ["died", "closing"]


async def test_a_crash_under_way_is_not_tried_again() -> None:
    driver = FakeDriver()
    driver.script = lambda path, _: Reply(Gone(exit_code=1) if path == "/run" else answered(b"{}"))
    async with local(driver) as placement:
        execution = await finished(placement.submit(invocation()))
    assert execution.outcome.kind is OutcomeKind.DEVELOPER_ERROR
    assert len(driver.sandboxes) == 1


async def test_forgetting_an_action() -> None:
    driver = FakeDriver()
    async with local(driver) as placement:
        for changes in ({"revision": "1"}, {"revision": "2"}, {"action": "g"}):
            await finished(placement.submit(invocation(**changes)))
        placement.forget("/a/f", keep_revision="2")
        assert [sandbox.path for sandbox in placement.snapshot().sandboxes if sandbox.state == "warm"] == [
            "/a/f",
            "/a/g",
        ]
        placement.forget("/a/f")
        await finished(placement.submit(invocation(action="g")))
        assert placement.snapshot().by_state["warm"] == 1


async def test_idle_sandboxes_end_after_their_time() -> None:
    driver, events = FakeDriver(), Journal()
    async with local(driver, events, keep_alive_seconds=0.05) as placement:
        await finished(placement.submit(invocation()))
        await events.until(lambda: events.ends == ["idle"])
        assert placement.snapshot().by_state["warm"] == 0


async def test_stem_cells_are_kept_in_stock_and_used() -> None:
    driver, events = FakeDriver(creation_seconds=0.001), Journal()
    runtime = Runtime("nodejs:20", "nodejs", Path("/runtime"), ("node",), stem_cells=2)
    async with local(driver, events, catalogue=Catalogue([runtime])) as placement:
        await events.until(lambda: len(events.starts) == 2)
        execution = await finished(placement.submit(invocation()))
        assert execution.phases.cold
        assert execution.phases.start < 1.0  # only the loading of the code
        await events.until(lambda: len(events.starts) == 3)
        assert [spec.label for spec in (one.spec for one in driver.sandboxes)] == ["stem:nodejs:20"] * 3


async def test_a_kind_that_started_cold_is_kept_in_stock_for_functions_of_any_limit() -> None:
    driver, events = FakeDriver(), Journal()
    driver.resizes = True
    runtime = Runtime("nodejs:20", "nodejs", Path("/runtime"), ("node",))
    async with local(driver, events, catalogue=Catalogue([runtime])) as placement:
        await finished(placement.submit(invocation("first")))
        await events.until(lambda: len(events.starts) == 2)  # one for it, and one for the stock
        stem = driver.sandboxes[1].spec
        assert (stem.label, stem.memory_mb, stem.grows_to_mb) == ("stem:nodejs:20", 256, 512)
        execution = await finished(placement.submit(invocation("second", memory_mb=384)))
        assert execution.phases.cold
        assert execution.sandbox_id == driver.sandboxes[1].id
        assert driver.sandboxes[1].spec.memory_mb == 384
        assert placement.snapshot().memory_used_mb >= 256 + 384
        await events.until(lambda: len(events.starts) == 3)  # before the next tick


async def test_what_no_technology_can_resize_is_kept_in_stock_only_where_that_was_asked_for() -> None:
    driver, events = FakeDriver(), Journal()
    runtime = Runtime("nodejs:20", "nodejs", Path("/runtime"), ("node",))
    async with local(driver, events, catalogue=Catalogue([runtime]), tick_seconds=0.001) as placement:
        await finished(placement.submit(invocation("first")))
        assert placement._stock() == {}


async def test_a_stock_that_cannot_be_made_is_not_tried_all_the_time() -> None:
    driver, events = FakeDriver(), Journal()
    driver.failures = [SandboxCreationError("no") for _ in range(50)]
    runtime = Runtime("nodejs:20", "nodejs", Path("/runtime"), ("node",), stem_cells=1)
    async with local(driver, events, catalogue=Catalogue([runtime]), tick_seconds=0.001) as placement:
        await events.until(lambda: events.failures == ["no"])
        for _ in range(20):
            placement._scheduler.tend()
            await asyncio.sleep(0)
    assert len(driver.failures) == 49


async def test_a_wait_that_is_too_long_ends_with_an_error() -> None:
    driver, events = FakeDriver(), Journal()
    held = Held(driver)
    async with local(driver, events, memory_mb=256, queue_wait_seconds=0.05) as placement:
        running = placement.submit(invocation("a"))
        await held.running.acquire()
        late = await finished(placement.submit(invocation("b")))
        assert (late.outcome.kind, late.outcome.result) == (OutcomeKind.PLATFORM_ERROR, NO_RESOURCES)
        assert events.rejections == ["waited_too_long"]
        held.gate.set()
        await finished(running)


async def test_draining_finishes_what_was_accepted() -> None:
    driver = FakeDriver()
    held = Held(driver)
    async with local(driver, memory_mb=256) as placement:
        tickets = [placement.submit(invocation()) for _ in range(3)]
        await held.running.acquire()
        draining = asyncio.ensure_future(placement.drain(PATIENCE))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            placement.submit(invocation())
        assert refused.value.reason is OverloadReason.DRAINING
        held.gate.set()
        assert await draining
        assert [ticket.execution.done() for ticket in tickets] == [True] * 3


async def test_what_does_not_finish_is_cut_off_with_a_record() -> None:
    async def claim() -> bool:
        return True

    driver = FakeDriver()
    held = Held(driver)
    async with local(driver, memory_mb=256, drain_seconds=0.01) as placement:
        running = placement.submit(invocation(), claim=claim)
        await held.running.acquire()
        waiting = placement.submit(invocation("b"))
        journaled = placement.submit(invocation("c"), claim=claim)
    for ticket in (running, waiting):
        execution = await finished(ticket)
        assert (execution.outcome.kind, execution.outcome.result) == (OutcomeKind.PLATFORM_ERROR, {"error": CUT_OFF})
    with pytest.raises(Dropped):
        await journaled.execution
    assert driver.alive == []


async def test_leaving_at_once_tells_even_who_has_not_begun() -> None:
    driver = FakeDriver()
    async with local(driver, drain_seconds=0.0) as placement:
        await finished(placement.submit(invocation()))
        warm, cold = placement.submit(invocation()), placement.submit(invocation("b"))
    for ticket in (warm, cold):
        assert ticket.execution.done()
        assert ticket.outcome.done()
    assert driver.alive == []


async def test_leaving_waits_for_what_is_being_created() -> None:
    driver = FakeDriver()
    creating, gate = asyncio.Event(), asyncio.Event()

    async def held(_: float) -> None:
        creating.set()
        await gate.wait()

    driver._sleep = held
    placement = local(driver, drain_seconds=0.0)
    await placement.__aenter__()
    ticket = placement.submit(invocation())
    await creating.wait()
    leaving = asyncio.ensure_future(placement.__aexit__(None, None, None))
    assert (await finished(ticket)).outcome.result == {"error": CUT_OFF}
    gate.set()
    await leaving
    assert [sandbox.destroyed for sandbox in driver.sandboxes] == [True]


async def test_a_driver_that_raises_costs_one_invocation_and_its_sandbox() -> None:
    driver = FakeDriver()
    async with local(driver) as placement:
        await finished(placement.submit(invocation()))

        async def broken(body: bytes, **_: object) -> Any:
            raise RuntimeError("a bug of the driver")

        driver.sandboxes[0].run = broken
        execution = await finished(placement.submit(invocation()))
        assert execution.outcome.result == {"error": INTERNAL}
        assert (await finished(placement.submit(invocation()))).outcome.kind is OutcomeKind.SUCCESS
    assert driver.alive == []


async def test_a_listener_that_gives_up_changes_nothing() -> None:
    driver = FakeDriver()
    held = Held(driver)
    async with local(driver) as placement:
        ticket = placement.submit(invocation())
        await held.running.acquire()
        ticket.outcome.cancel()
        held.gate.set()
        assert (await finished(ticket)).outcome.kind is OutcomeKind.SUCCESS


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_sandboxes_do_every_ticket_is_settled(seed: int) -> None:
    """A soak: answers of all kinds, crashes, refused claims, failed creations, forgotten actions; nothing is lost."""
    dice = random.Random(seed)  # noqa: S311
    replies = [answered(b"{}")] * 12 + [answered(b'{"error":1}'), answered(b"?"), answered(b"{}", 502)]
    replies += [answered(b"{}", 503), Gone(exit_code=9), Gone(sent=False), TimedOut()]

    def script(path: str, _: bytes) -> Reply:
        return Reply(dice.choice(replies), after=dice.choice([0.0, 0.0, 0.001]))

    async def claim() -> bool:
        await asyncio.sleep(0)
        return dice.random() < 0.9

    driver = FakeDriver(script, creation_seconds=0.001)
    tickets = []
    async with local(driver, queue_limit=10_000, grace_seconds=0.0, tenure_seconds=0.0) as placement:
        for index in range(400):
            name, shared = dice.choice("abcd"), dice.choice([1, 3])
            wanted = invocation(name, f"f{shared}", concurrency=shared, memory_mb=128 * shared)
            tickets.append(placement.submit(wanted, claim=claim if index % 3 else None))
            if dice.random() < 0.05:
                driver.failures.append(SandboxCreationError("no"))
            if dice.random() < 0.05 and driver.alive:
                dice.choice(driver.alive).crash()
            if dice.random() < 0.02:
                placement.forget(f"/{name}/f{shared}")
            if dice.random() < 0.3:
                await asyncio.sleep(0.001)
            assert placement.snapshot().memory_used_mb <= 1024
        done = await asyncio.wait_for(
            asyncio.gather(*(ticket.execution for ticket in tickets), return_exceptions=True), PATIENCE
        )
    assert {type(one) for one in done} <= {Execution, Dropped}
    assert sum(isinstance(one, Execution) and one.outcome.kind is OutcomeKind.SUCCESS for one in done) > 100
    assert driver.alive == []
    assert placement._scheduler.jobs == 0


class Keeps:
    """A router that keeps sandboxes for as long as the test says."""

    stays: tuple[Stay, Stay] | None = None

    def route(self, executable: Executable) -> Route:
        return ORDINARY

    def keep_alive(self, namespace: str, path: str) -> tuple[Stay, Stay] | None:
        return self.stays


async def test_how_long_a_sandbox_idles_is_its_routers_to_say() -> None:
    driver, events, keeps = FakeDriver(), Journal(), Keeps()
    async with local(driver, events, router=keeps) as placement:
        await finished(placement.submit(invocation()))
        assert placement.snapshot().by_state["warm"] == 1
        keeps.stays = (Stay(0.0), Stay(0.0))
        await events.until(lambda: events.ends)
    assert events.ends[0] == "idle"


class Hibernates:
    """A `Hibernator` to whom nothing is ever hard."""

    async def put_out(self, residence: Residence) -> object:
        return residence

    async def let_go(self, residence: Residence) -> None: ...

    def call_back(self, put_out: object) -> None: ...


async def test_what_idles_for_longer_than_it_is_to_be_awake_hibernates_and_its_next_call_is_warm() -> None:
    keeps, events = Keeps(), Journal()
    keeps.stays = (Stay(3600.0, 0.0), Stay(3600.0, 0.0))
    limits = replace(LIMITS, hibernator=Hibernates(), written_seconds=0.0)
    async with local(FakeDriver(), events, router=keeps, limits=limits) as placement:
        for call in range(3):
            served = await finished(placement.submit(invocation()))
            assert served.phases.cold is (call == 0)
            await events.until(lambda call=call: events.slept == call + 1)
            snapshot = placement.snapshot()
            assert snapshot.by_state == {"hibernated": 1}
            assert snapshot.memory_used_mb == snapshot.idle_mb == snapshot.sandboxes[0].memory_mb
            assert await placement.weigh(4) == [], "what it holds is seen while it is awake"
    assert (len(events.starts), events.woken) == (1, 2)


async def test_a_sandbox_is_weighed_when_it_was_used_and_again_when_twice_as_often() -> None:
    async with local(FakeDriver()) as placement:
        assert await placement.weigh(4) == []
        await finished(placement.submit(invocation()))
        await until_idle(placement)
        [weight] = await placement.weigh(4)
        assert weight == Weight(FunctionId("a", "/a/f"), "", 256.0, start_cpu_ms=0.0)
        assert await placement.weigh(4) == []
        await finished(placement.submit(invocation()))
        await until_idle(placement)
        assert await placement.weigh(0) == []
        [weight] = await placement.weigh(4)
        assert weight.start_cpu_ms is None  # more than a start is in it by now


async def test_a_sandbox_that_cannot_be_weighed_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: FakeSandbox) -> Any:
        raise RuntimeError("a driver's bug")

    monkeypatch.setattr(FakeSandbox, "stats", broken)
    async with local(FakeDriver()) as placement:
        await finished(placement.submit(invocation()))
        await until_idle(placement)
        assert await placement.weigh(4) == []


async def until_idle(placement: LocalPlacement) -> None:
    async with asyncio.timeout(PATIENCE):
        while placement.snapshot().by_state.get("busy"):
            await asyncio.sleep(0.001)
