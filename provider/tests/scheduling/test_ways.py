"""Another way than the ordinary one, through the whole placement: taken, prepared, fallen back from, compared."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from argo_provider.model.stay import Stay
from argo_provider.optimizer.model import Route
from argo_provider.placement.local import LocalPlacement
from argo_provider.placement.port import ORDINARY, Overloaded
from argo_provider.scheduling.settings import PoolSettings
from argo_proxy.pool.limits import PoolLimits
from argo_proxy.pool.serving import ServingLimits
from argo_proxy.protocol.messages import Executable, Execution, Invocation, OutcomeKind
from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.fake import FakeDriver, FakeSandbox, Reply, answered
from argo_proxy.sandboxes.port import Answered, Gone, SandboxCreationError, SandboxKind, Shortfall, TimedOut

pytestmark = pytest.mark.unit

JAVA = Runtime("java:17", "java", Path("/runtime"), ("java",), default=True)
NATIVE, CANARY, OBSERVED = Route("niuk"), Route("niuk", canary=True), Route(observed=True)
LIMITS = PoolLimits(serving=ServingLimits(log_seconds=0.2, failed_log_seconds=0.0), recorder=lambda: Path("/agent.jar"))
PATIENCE = 20.0


class Told:
    """A router whose route is set by the test, a listener, and whoever compares."""

    def __init__(self) -> None:
        self.way = NATIVE
        self.short: list[tuple[Shortfall | None, bool]] = []
        self.executions: list[Execution] = []
        self.comparisons: list[tuple[Any, Any]] = []
        self.kept: tuple[Stay, Stay] | None = None

    def route(self, executable: Executable) -> Route:
        return self.way

    def keep_alive(self, namespace: str, path: str) -> tuple[Stay, Stay] | None:
        return self.kept

    def compared(self, executable: Executable, native: Execution, ordinary: Execution) -> None:
        self.comparisons.append((native.outcome.result, ordinary.outcome.result))

    def fell_short(self, executable: Executable, shortfall: Shortfall | None, words: str, *, rerun: bool) -> None:
        self.short.append((shortfall, rerun))

    def executed(self, executable: Executable, execution: Execution) -> None:
        self.executions.append(execution)

    def started(self, *_: object) -> None: ...

    start_failed = ended = rejected = started


class Machine:
    """An ordinary and a native driver, both scripted."""

    def __init__(self) -> None:
        self.told = Told()
        self.ordinary, self.native = FakeDriver(), FakeDriver(sleep=self._wait)
        self.may_start = asyncio.Event()  # native sandboxes, once `creation_seconds` is set
        self.ordinary.kind = SandboxKind.PROCESS  # type: ignore[misc]  # stands for it
        self.native.kind = SandboxKind.NIUK  # type: ignore[misc]
        self.ordinary.script = lambda path, _: Reply(answered(b'{"by": "ordinary"}' if path == "/run" else b"{}"))
        self.native.script = lambda path, _: Reply(answered(b'{"by": "native"}' if path == "/run" else b"{}"))
        self.placement = LocalPlacement(
            {SandboxKind.PROCESS: self.ordinary, SandboxKind.NIUK: self.native},
            Catalogue([JAVA]),
            _load,
            settings=PoolSettings(memory_mb=1024, drain_seconds=5.0, tick_seconds=0.01),
            limits=LIMITS,
            events=self.told,
            router=self.told,
            compared=self.told,
        )

    async def _wait(self, seconds: float) -> None:
        if seconds:
            await self.may_start.wait()

    def natively(self, *, init: Any = None, run: Any = None) -> None:
        """What the native sandboxes answer."""
        ok = answered(b"{}")
        self.native.script = lambda path, _: Reply((init or ok) if path == "/init" else (run or ok))


async def _load(digest: str) -> bytes:
    return b"code"


def invocation(**changes: Any) -> Invocation:
    fields: dict[str, Any] = {"revision": "1", "memory_mb": 256, "kind": "java:17"} | changes
    executable = Executable("a", "/a/f", "0.0.1", main="Main", code_digest="d", binary=False, **fields)
    return Invocation("id", "tid", executable, {})


async def run(machine: Machine, **changes: Any) -> Execution:
    async with asyncio.timeout(PATIENCE):
        return await machine.placement.submit(invocation(**changes)).execution


def short(shortfall: Shortfall, *, began: bool, status: int = 503) -> Answered:
    body = json.dumps({"error": shortfall.value}).encode()
    return Answered(status, body, len(body), shortfall, began)


async def test_the_native_way_and_the_ordinary_one_share_no_sandbox() -> None:
    machine = Machine()
    async with machine.placement as placement:
        assert (await run(machine)).outcome.result == {"by": "native"}
        machine.told.way = ORDINARY
        assert (await run(machine)).outcome.result == {"by": "ordinary"}
        machine.told.way = NATIVE
        assert not (await run(machine)).phases.cold
        [slot] = [one for one in placement.snapshot().sandboxes if one.kind == "java:17" and one.memory_mb < 256]
        assert slot.memory_mb == 16, "isolates share their process's memory"
        assert machine.native.sandboxes[0].spec.memory_mb == 256, "and each is held to the action's own limit"


async def test_nothing_but_a_route_leads_there() -> None:
    machine = Machine()
    machine.told.way = ORDINARY
    async with machine.placement:
        asked = {"argo.sandbox": "niuk"}
        assert (await run(machine, annotations=asked)).outcome.result == {"by": "ordinary"}
        machine.native.unready = {"java:17"}
        machine.told.way = NATIVE
        assert (await run(machine)).outcome.result == {"by": "ordinary"}, "and not where no NIUk is"


@pytest.mark.parametrize(
    "init",
    [
        short(Shortfall.ABSENT, began=False),
        short(Shortfall.BANNED, began=False),
        short(Shortfall.MISSING, began=True, status=502),
        answered(b'{"error": "no"}', 502),
        TimedOut(),
        Gone(sent=False, shortfall=Shortfall.ABSENT),
    ],
)
async def test_where_it_does_not_initialise_the_ordinary_runtime_serves(init: Any) -> None:
    machine = Machine()
    machine.natively(init=init)
    async with machine.placement:
        execution = await run(machine)
    assert execution.outcome.result == {"by": "ordinary"}
    assert [rerun for _, rerun in machine.told.short] == [True]
    assert len(machine.told.executions) == 1, "one invocation, one record"


@pytest.mark.parametrize(
    ("answer", "idempotent", "served"),
    [
        (short(Shortfall.BUSY, began=False), False, True),
        (short(Shortfall.MISSING, began=False, status=502), False, True),
        (short(Shortfall.MISSING, began=True, status=502), False, False),
        (short(Shortfall.MISSING, began=True, status=502), True, True),
        (short(Shortfall.UNSUPPORTED, began=True, status=502), True, True),
        (Gone(shortfall=Shortfall.CRASHED), False, False),
        (Gone(shortfall=Shortfall.CRASHED), True, True),
    ],
)
async def test_what_fell_short_is_run_again_only_where_that_does_no_harm(
    answer: Any, idempotent: bool, served: bool
) -> None:
    machine = Machine()
    machine.natively(run=answer)
    async with machine.placement:
        execution = await run(machine, annotations={"argo.idempotent": idempotent})
    assert (execution.outcome.kind is OutcomeKind.SUCCESS) == served
    assert machine.told.short == [(answer.shortfall, served)]
    assert execution.sandbox == "fake"


async def test_a_failure_of_the_functions_own_is_its_answer_either_way() -> None:
    machine = Machine()
    machine.natively(run=answered(b'{"error": "mine"}', 502))
    async with machine.placement:
        assert (await run(machine, annotations={"argo.idempotent": True})).outcome.result == {"error": "mine"}
    assert machine.told.short == []
    assert all(path != "/run" for box in machine.ordinary.sandboxes for path, _ in box.requests)


async def test_what_falls_short_is_run_again_with_the_recorder_beside_it() -> None:
    machine = Machine()
    machine.natively(run=short(Shortfall.MISSING, began=False, status=502))
    async with machine.placement:
        await run(machine)
    assert [box.spec.recorder for box in machine.ordinary.sandboxes] == [Path("/agent.jar")]


async def test_a_native_sandbox_that_cannot_be_created() -> None:
    machine = Machine()
    machine.native.failures = [SandboxCreationError("no NIUk")]
    async with machine.placement:
        assert (await run(machine)).outcome.result == {"by": "ordinary"}
    assert machine.told.short == [(Shortfall.ABSENT, True)]


async def test_a_claimed_invocation_is_claimed_once_whichever_way_it_goes() -> None:
    machine, claims = Machine(), []
    machine.natively(init=short(Shortfall.ABSENT, began=False))

    async def claim() -> bool:
        claims.append(1)
        return True

    async with machine.placement as placement, asyncio.timeout(PATIENCE):
        execution = await placement.submit(invocation(), claim=claim).execution
    assert execution.outcome.result == {"by": "ordinary"}
    assert claims == [1]


async def test_prepared_sandboxes_are_initialised_and_nothing_ran() -> None:
    machine = Machine()
    async with machine.placement as placement:
        made = await placement.prepare(invocation().executable, NATIVE)
        assert made.outcome.kind is OutcomeKind.SUCCESS
        assert [path for path, _ in machine.native.sandboxes[0].requests] == ["/init"]
        assert placement.warm(invocation().executable, NATIVE.variant) == 1
        assert not (await run(machine)).phases.cold
        assert len(machine.told.executions) == 1


async def test_what_serves_goes_on_serving_while_more_are_prepared() -> None:
    machine = Machine()
    async with machine.placement as placement, asyncio.timeout(PATIENCE):
        await run(machine)
        machine.native.creation_seconds = 1.0
        growing = asyncio.create_task(placement.prepare(invocation().executable, NATIVE, slots=3))
        while not placement.snapshot().starting:
            await asyncio.sleep(0)
        assert [(await run(machine)).outcome.result for _ in range(5)] == [{"by": "native"}] * 5
        machine.may_start.set()
        assert (await growing).outcome.kind is OutcomeKind.SUCCESS
        assert placement.warm(invocation().executable, NATIVE.variant) == 3
        assert [[path for path, _ in box.requests] for box in machine.native.sandboxes[1:]] == [["/init"]] * 2


async def test_sandboxes_that_share_what_serves_them_are_told_how_many_they_are() -> None:
    machine = Machine()
    grown: list[int] = []

    async def grow(self: FakeSandbox, slots: int) -> None:
        grown.append(slots)

    async with machine.placement as placement, asyncio.timeout(PATIENCE):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FakeSandbox, "grow", grow, raising=False)
            await placement.prepare(invocation().executable, NATIVE, slots=4)
    assert grown == [4]


async def test_no_more_are_prepared_than_there_is_memory_for() -> None:
    machine = Machine()
    async with machine.placement as placement, asyncio.timeout(PATIENCE):
        made = await placement.prepare(invocation(memory_mb=512).executable, ORDINARY, slots=5)
        assert made.outcome.kind is OutcomeKind.SUCCESS, "which is no fault of the function's"
        assert placement.warm(invocation(memory_mb=512).executable) == 2


async def test_one_that_cannot_be_started_is_nobody_elses_failure() -> None:
    machine = Machine()
    async with machine.placement as placement, asyncio.timeout(PATIENCE):
        await run(machine)
        machine.native.failures.append(SandboxCreationError("no room"))
        made = await placement.prepare(invocation().executable, NATIVE, slots=2)
        assert made.outcome.kind is OutcomeKind.SUCCESS, "one is there"
        assert placement.warm(invocation().executable, NATIVE.variant) == 1
        assert (await run(machine)).outcome.result == {"by": "native"}


async def test_preparing_tells_how_it_came_out() -> None:
    machine = Machine()
    machine.natively(init=short(Shortfall.MISSING, began=True, status=502))
    async with machine.placement as placement:
        made = await placement.prepare(invocation().executable, NATIVE)
        assert made.outcome.result["reply"] == '{"error": "missing"}'
        machine.native.unready = {"java:17"}
        with pytest.raises(Overloaded, match="niuk"):
            await placement.prepare(invocation().executable, NATIVE)
    assert machine.ordinary.sandboxes == []


async def test_a_closed_way_ends_its_sandboxes_and_no_others() -> None:
    machine = Machine()
    async with machine.placement as placement:
        await run(machine)
        machine.told.way = ORDINARY
        await run(machine)
        placement.close_way("a", "/a/f", NATIVE.variant)
        assert [box.destroyed for box in machine.ordinary.sandboxes] == [False]
        async with asyncio.timeout(PATIENCE):
            while not machine.native.sandboxes[0].destroyed:
                await asyncio.sleep(0.001)


async def test_an_update_ends_the_sandboxes_of_every_way() -> None:
    machine = Machine()
    async with machine.placement as placement:
        await run(machine)
        placement.forget("/a/f", keep_revision="1")
        assert placement.warm(invocation().executable, NATIVE.variant) == 1
        placement.forget("/a/f", keep_revision="2")
        assert placement.warm(invocation().executable, NATIVE.variant) == 0


@pytest.mark.parametrize("ordinary", [b'{"n": 1}', b'{"n": 2}'])
async def test_on_trial_an_idempotent_invocation_goes_both_ways(ordinary: bytes) -> None:
    machine = Machine()
    machine.told.way = CANARY
    machine.natively(run=answered(b'{"n": 1}'))
    machine.ordinary.script = lambda path, _: Reply(answered(ordinary))
    async with machine.placement:
        execution = await run(machine, annotations={"argo.idempotent": True})
        assert execution.canary
        async with asyncio.timeout(PATIENCE):
            while not machine.told.comparisons:
                await asyncio.sleep(0.001)
    assert machine.told.comparisons == [({"n": 1}, json.loads(ordinary))]


async def test_what_answers_otherwise_each_time_is_not_compared() -> None:
    machine, count = Machine(), iter(range(100))
    machine.told.way = CANARY
    machine.ordinary.script = lambda path, _: Reply(answered(json.dumps({"n": next(count)}).encode()))
    async with machine.placement:
        await run(machine, annotations={"argo.idempotent": True})
        async with asyncio.timeout(PATIENCE):
            while sum(path == "/run" for box in machine.ordinary.sandboxes for path, _ in box.requests) < 2:
                await asyncio.sleep(0.001)
    assert machine.told.comparisons == []


async def test_observed_sandboxes_have_the_recorder() -> None:
    machine = Machine()
    machine.told.way = OBSERVED
    async with machine.placement:
        assert (await run(machine)).outcome.result == {"by": "ordinary"}
        machine.told.way = ORDINARY
        await run(machine)
    assert [box.spec.recorder for box in machine.ordinary.sandboxes] == [Path("/agent.jar"), None]


@pytest.mark.parametrize("init", [answered(b'{"error": "no agent"}', 502), TimedOut(), Gone(sent=False), Gone()])
@pytest.mark.parametrize("way", [OBSERVED, NATIVE])
async def test_a_recorder_that_fails_costs_nobody_an_answer(init: Any, way: Route) -> None:
    machine = Machine()
    machine.told.way = way
    machine.natively(init=short(Shortfall.ABSENT, began=False))
    inits = iter([init])  # with the recorder; without one it is fine
    machine.ordinary.script = lambda path, _: Reply(
        next(inits, answered(b"{}")) if path == "/init" else answered(b'{"by": "ordinary"}')
    )
    async with machine.placement:
        assert (await run(machine)).outcome.result == {"by": "ordinary"}
    assert [box.spec.recorder for box in machine.ordinary.sandboxes] == [Path("/agent.jar"), None]
    assert len(machine.told.executions) == 1, "one invocation, one record"


async def test_a_sandbox_with_a_recorder_that_cannot_be_created() -> None:
    machine = Machine()
    machine.told.way = OBSERVED
    machine.ordinary.failures = [SandboxCreationError("no agent")]
    async with machine.placement:
        assert (await run(machine)).outcome.result == {"by": "ordinary"}
    assert machine.told.short == [], "that says nothing of the native form"


async def test_a_failure_of_the_functions_own_is_its_answer_with_and_without_a_recorder() -> None:
    machine = Machine()
    machine.told.way = OBSERVED
    machine.ordinary.script = lambda path, _: Reply(answered(b'{"error": "mine"}', 502 if path == "/init" else 200))
    async with machine.placement:
        execution = await run(machine)
    assert execution.outcome.kind is OutcomeKind.DEVELOPER_ERROR
    assert len(machine.ordinary.sandboxes) == 2
