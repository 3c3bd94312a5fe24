"""What the pool does with sandboxes, told instruction by instruction."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from scripted import SHAPE, Bench

from argo_proxy.pool.depth import MOST_INSIDE
from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.job import Dropped, ReadyClaim
from argo_proxy.pool.life import SandboxState
from argo_proxy.pool.limits import PoolLimits
from argo_proxy.pool.pool import Unserved
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Execution, OutcomeKind
from argo_proxy.sandboxes.port import (
    Answered,
    CollectedLogs,
    Gone,
    LogLine,
    Queued,
    SandboxCreationError,
    SandboxKind,
    TimedOut,
)

pytestmark = pytest.mark.unit


@pytest.fixture
async def bench(driver: Any) -> Bench:
    return Bench(driver)


def executed(served: Execution | Unserved) -> Execution:
    assert isinstance(served, Execution)
    return served


async def test_cold_then_warm(bench: Bench) -> None:
    entry = await bench.started()
    first = executed(await bench.serve(entry, bench.job()))
    second = executed(await bench.serve(entry, bench.job()))
    assert (first.outcome.kind, first.outcome.result) == (OutcomeKind.SUCCESS, {"ok": True})
    assert (first.phases.cold, second.phases.cold) == (True, False)
    assert second.phases.init == second.phases.start == 0
    assert (first.sandbox, first.sandbox_id) == ("fake", "fake-1")
    assert bench.loaded == ["sha256:1"]
    bodies = [json.loads(body)["value"] for body in bench.driver.sandboxes[0].bodies]
    assert [body.get("code") for body in bodies] == ["code of it", None, None]
    assert entry.life.state is SandboxState.WARM


async def test_the_outcome_is_known_before_the_logs(bench: Bench) -> None:
    entry = await bench.warmed()
    line = LogLine(0, "stdout", "hello")
    bench.driver.sandboxes[0].logs = CollectedLogs((line,))
    job = bench.job()
    execution = executed(await bench.serve(entry, job))
    assert job.answered.result().logs == ()
    assert job.answered.result().outcome == execution.outcome
    assert execution.logs == ("1970-01-01T00:00:00.000000000Z stdout: hello",)


@pytest.mark.parametrize("answer", [TimedOut(), Gone(), Answered(502, b'{"error":"x"}', 13), Answered(200, b"no", 2)])
async def test_a_developer_error_ends_the_sandbox(bench: Bench, answer: Any) -> None:
    entry = await bench.warmed()
    bench.driver.sandboxes[0].answer = answer
    execution = executed(await bench.serve(entry, bench.job()))
    assert execution.outcome.kind is OutcomeKind.DEVELOPER_ERROR
    assert execution.outcome.timed_out is isinstance(answer, TimedOut)
    assert "stderr: The action did not initialize or run as expected." in execution.logs[-1]
    assert bench.driver.sandboxes[0].destroyed
    assert len(bench.pool.table) == 0
    assert bench.pool.table.memory_used == 0


async def test_an_application_error_keeps_it(bench: Bench) -> None:
    entry = await bench.warmed()
    bench.driver.sandboxes[0].answer = Answered(200, b'{"error":"mine"}', 16)
    execution = executed(await bench.serve(entry, bench.job()))
    assert execution.outcome.kind is OutcomeKind.APPLICATION_ERROR
    assert entry.life.state is SandboxState.WARM


async def test_failed_init_ends_the_invocation_and_the_sandbox(bench: Bench) -> None:
    entry = await bench.started()
    bench.driver.sandboxes[0].init_answer = Answered(502, b'{"error":"bad code"}', 20)
    execution = executed(await bench.serve(entry, bench.job()))
    assert execution.outcome.result == {"error": "bad code"}
    assert len(bench.driver.sandboxes[0].bodies) == 1
    assert bench.driver.sandboxes[0].destroyed


async def test_code_that_is_gone(bench: Bench) -> None:
    entry = await bench.started()
    execution = executed(await bench.serve(entry, bench.job(code_digest="missing")))
    assert execution.outcome.kind is OutcomeKind.APPLICATION_ERROR
    assert execution.outcome.result == {"error": "Action could not be found or may have been deleted."}
    assert len(bench.pool.table) == 0


async def test_logs_out_of_step_end_the_sandbox(bench: Bench) -> None:
    """A function that closed its stdout: the next one's log would be taken for its own."""
    entry = await bench.warmed()
    bench.driver.sandboxes[0].logs = CollectedLogs((), complete=False)
    execution = executed(await bench.serve(entry, bench.job()))
    assert execution.outcome.kind is OutcomeKind.SUCCESS
    assert "There was an issue while collecting your logs." in execution.logs[-1]
    assert bench.driver.sandboxes[0].destroyed
    assert bench.ends.reasons == ["failed"]


IMAGE = SHAPE._replace(kind="blackbox", image="mine/image")


async def test_an_image_that_never_marks_its_logs_is_not_waited_for(bench: Bench) -> None:
    bench.driver.prepare = lambda sandbox: setattr(sandbox, "logs", CollectedLogs((), complete=False))
    entry = await bench.started(IMAGE)
    for _ in range(2):
        execution = executed(await bench.serve(entry, bench.job(shape=IMAGE)))
        assert execution.logs == ()
    assert bench.driver.sandboxes[0].waits == [0.02, 0.02]
    assert bench.driver.sandboxes[0].spec.runtime is None
    assert entry.life.state is SandboxState.WARM


async def test_an_image_that_marks_its_logs_once_is_expected_to_go_on(bench: Bench) -> None:
    entry = await bench.warmed(IMAGE)
    bench.driver.sandboxes[0].logs = CollectedLogs((), complete=False)
    execution = executed(await bench.serve(entry, bench.job(shape=IMAGE)))
    assert bench.driver.sandboxes[0].waits == [0.02, 0.5]
    assert len(execution.logs) == 1
    assert bench.driver.sandboxes[0].destroyed


@pytest.mark.parametrize("answer", [Gone(sent=False), Answered(503, b"{}", 2)])
async def test_a_warm_sandbox_that_took_nothing_sends_the_job_elsewhere(bench: Bench, answer: Any) -> None:
    entry = await bench.warmed()
    bench.driver.sandboxes[0].answer = answer
    job = bench.job()
    assert await bench.serve(entry, job) is Unserved.ELSEWHERE
    assert not job.began
    assert not job.answered.done()
    assert len(bench.pool.table) == 0


async def test_once_init_was_sent_nothing_is_tried_again(bench: Bench) -> None:
    entry = await bench.started()
    bench.driver.sandboxes[0].answer = Gone(sent=False)
    execution = executed(await bench.serve(entry, bench.job()))
    assert execution.outcome.result == {"error": "The action did not produce a valid response and exited unexpectedly."}


async def test_a_stem_cell_that_died_before_init_sends_the_job_elsewhere(bench: Bench) -> None:
    entry = await bench.started()
    bench.driver.sandboxes[0].init_answer = Gone(sent=False)
    assert await bench.serve(entry, bench.job()) is Unserved.ELSEWHERE
    assert len(bench.pool.table) == 0


@pytest.mark.parametrize("out_of_memory", [True, False])
async def test_the_second_try_says_what_happened(bench: Bench, out_of_memory: bool) -> None:
    """A runtime that never comes up, perhaps for lack of the memory that its action allows it."""
    entry = await bench.started()
    bench.driver.sandboxes[0].init_answer = Gone(out_of_memory=out_of_memory, sent=False)
    job = bench.job()
    job.retried = True
    said = executed(await bench.serve(entry, job)).outcome
    assert said.kind is OutcomeKind.DEVELOPER_ERROR
    text = "exhausted its memory and was aborted." if out_of_memory else "did not initialize and exited unexpectedly."
    assert said.result == {"error": f"The action {text}"}


async def test_a_sandbox_that_dies_idle_leaves_the_table(bench: Bench) -> None:
    entry = await bench.warmed()
    bench.driver.sandboxes[0].exit(Gone(exit_code=1))
    await bench.settle()
    assert entry.gone
    assert len(bench.pool.table) == 0
    assert bench.ends.reasons == ["died"]


async def test_dead_between_assignment_and_claim(bench: Bench) -> None:
    entry = await bench.warmed()

    async def claim() -> bool:
        bench.driver.sandboxes[0].exit(Gone())
        return True

    job = bench.job(claim=claim)
    assert await bench.serve(entry, job) is Unserved.ELSEWHERE
    assert job.claim is None  # not claimed twice
    assert len(bench.pool.table) == 0


async def test_a_refused_claim_leaves_a_stem_cell(bench: Bench) -> None:
    async def refuse() -> bool:
        return False

    entry = await bench.started()
    assert await bench.serve(entry, bench.job(claim=refuse)) is Unserved.DROPPED
    assert entry.key is None
    assert bench.pool.table.stem(SHAPE) == entry.number
    assert bench.driver.sandboxes[0].bodies == []


async def test_a_refused_claim_leaves_a_warm_sandbox_warm(bench: Bench) -> None:
    async def refuse() -> bool:
        return False

    entry = await bench.warmed()
    assert await bench.serve(entry, bench.job(claim=refuse)) is Unserved.DROPPED
    assert bench.pool.table.free_slot(("a", "/a/f", "1")) == entry.number


async def test_a_claim_that_never_answers_is_a_refusal(driver: Any) -> None:
    bench = Bench(driver, PoolLimits(claim_seconds=0.01))
    never = asyncio.Event()

    async def claim() -> bool:
        return await never.wait()

    entry = await bench.warmed()
    assert await bench.serve(entry, bench.job(claim=claim)) is Unserved.DROPPED


class Mostly(ReadyClaim):
    """One that says at once what it is told to; asked, it refuses."""

    def __init__(self, *, ready: bool) -> None:
        self.ready = ready
        self.asked = False

    def at_once(self) -> bool:
        return self.ready

    async def __call__(self) -> bool:
        self.asked = True
        return False


async def test_a_claim_that_is_ready_is_not_asked(bench: Bench) -> None:
    entry, claim = await bench.warmed(), Mostly(ready=True)
    job = bench.job(claim=claim)
    assert executed(await bench.serve(entry, job)).outcome.kind is OutcomeKind.SUCCESS
    assert (claim.asked, job.claim) == (False, None)


async def test_a_claim_that_is_not_ready_is_asked(bench: Bench) -> None:
    entry, claim = await bench.warmed(), Mostly(ready=False)
    assert await bench.serve(entry, bench.job(claim=claim)) is Unserved.DROPPED
    assert claim.asked


async def test_up_to_concurrency_share_a_sandbox_and_one_failure_spares_the_others(bench: Bench) -> None:
    shape = SHAPE._replace(concurrency=3)
    entry = await bench.warmed(shape)
    sandbox = bench.driver.sandboxes[0]
    sandbox.hold()
    jobs = [bench.job(shape=shape, concurrency=3) for _ in range(3)]
    running = [bench.serving(entry, job) for job in jobs]
    assert bench.pool.table.free_slot(jobs[0].key) is None
    for _ in jobs:
        await sandbox.entered.acquire()
    sandbox.answer = Answered(502, b'{"error":"x"}', 13)
    sandbox.gate.set()
    served = [executed(await one) for one in running]
    assert [execution.outcome.kind for execution in served] == [OutcomeKind.DEVELOPER_ERROR] * 3
    assert sandbox.most_running == 3
    await bench.settle()
    assert sandbox.destroyed
    assert len(bench.pool.table) == 0


async def test_one_that_fails_among_several_lets_the_others_finish(bench: Bench) -> None:
    shape = SHAPE._replace(concurrency=2)
    entry = await bench.warmed(shape)
    sandbox = bench.driver.sandboxes[0]
    sandbox.hold()
    slow = bench.job(shape=shape, concurrency=2)
    running = bench.serving(entry, slow)
    await sandbox.entered.acquire()
    gate, sandbox.gate = sandbox.gate, asyncio.Event()
    sandbox.gate.set()
    sandbox.answer = TimedOut()
    await bench.serve(entry, bench.job(shape=shape, concurrency=2))
    assert not sandbox.destroyed
    assert bench.pool.table.free_slot(slow.key) is None
    sandbox.answer = Answered(200, b'{"ok":1}', 8)
    gate.set()
    assert executed(await running).outcome.kind is OutcomeKind.SUCCESS
    await bench.settle()
    assert sandbox.destroyed


async def test_evicting_a_busy_sandbox_waits_for_its_activation(bench: Bench) -> None:
    entry = await bench.warmed()
    sandbox = bench.driver.sandboxes[0]
    sandbox.hold()
    job = bench.job()
    running = bench.serving(entry, job)
    await sandbox.entered.acquire()
    bench.pool.evict(entry, "forgotten")
    bench.pool.evict(entry, "forgotten")
    assert not sandbox.destroyed
    sandbox.gate.set()
    assert executed(await running).outcome.kind is OutcomeKind.SUCCESS
    await bench.settle()
    assert sandbox.destroyed


async def test_a_creation_that_fails_is_told_and_frees_its_memory(bench: Bench) -> None:
    bench.driver.error = SandboxCreationError("no more processes")
    entry = await bench.started()
    assert [error.reason for error in bench.failures] == ["no more processes"]
    assert entry.gone
    assert bench.pool.table.memory_used == 0


async def test_a_driver_that_raises_holds_no_memory(bench: Bench) -> None:
    bench.driver.error = RuntimeError("a bug of the driver")
    await bench.started()
    assert "a bug of the driver" in bench.failures[0].reason
    assert not bench.failures[0].user_fault
    assert bench.pool.table.memory_used == 0


async def test_a_sandbox_that_cannot_be_destroyed_holds_no_memory(bench: Bench) -> None:
    async def broken() -> None:
        raise RuntimeError("a bug of the driver")

    entry = await bench.warmed()
    bench.driver.sandboxes[0].destroy = broken
    bench.pool.evict(entry, "idle")
    await bench.settle()
    assert bench.pool.table.memory_used == 0


async def test_a_creation_that_hangs_is_a_failure(driver: Any) -> None:
    bench = Bench(driver, PoolLimits(create_seconds=0.01))
    driver.gate.clear()
    await bench.started()
    assert "within 0.01 s" in bench.failures[0].reason
    assert len(bench.pool.table) == 0


async def test_closing_ends_every_sandbox(bench: Bench) -> None:
    await bench.warmed()
    await bench.started()
    await bench.pool.close()
    assert [sandbox.destroyed for sandbox in bench.driver.sandboxes] == [True, True]
    assert bench.ends.reasons == ["closing", "closing"]


async def test_what_serving_raises_leaves_no_sandbox_behind(bench: Bench) -> None:
    entry = await bench.warmed()

    async def broken(**_: object) -> CollectedLogs:
        raise OSError("disk")

    bench.driver.sandboxes[0].collect_logs = broken
    with pytest.raises(OSError, match="disk"):
        await bench.serve(entry, bench.job())
    await bench.settle()
    assert bench.driver.sandboxes[0].destroyed


async def test_a_dropped_job_needs_no_listener(bench: Bench) -> None:
    job = bench.job()
    job.drop("cancelled")
    with pytest.raises(Dropped):
        await job.finished


NIUK = Shape(SandboxKind.NIUK, "nodejs:20", 16)


async def niuk_bench(driver: Any) -> tuple[Bench, SandboxEntry]:
    """A pool of slots in which invocations wait, and one that is initialised."""
    bench = Bench(driver)
    bench.pool._drivers = {SandboxKind.NIUK: driver}
    return bench, await bench.warmed(NIUK)


def took(waited: float, seconds: float) -> Answered:
    return Answered(200, b"{}", 2, queued=Queued(waited, seconds))


async def test_a_slot_in_which_invocations_wait_is_sent_as_many_as_are_served_soon(driver: Any) -> None:
    driver.prepare = lambda sandbox: setattr(sandbox, "answer", took(0.001, 0.005))
    bench, entry = await niuk_bench(driver)
    assert entry.room == 4, "patience is 20 ms"
    driver.sandboxes[0].hold()
    serving = [bench.serving(entry, bench.job(shape=NIUK)) for _ in range(4)]
    for _ in serving:
        await driver.sandboxes[0].entered.acquire()
    assert bench.pool.table.free_slot(entry.key) is None
    driver.sandboxes[0].answer = took(1000.0, 0.0)
    driver.sandboxes[0].gate.set()
    for execution in await asyncio.gather(*serving):
        phases = executed(execution).phases
        assert (phases.run, phases.place > 0.0) == (0.0, True), "what it waited inside is no run time"
    assert bench.pool.table.free_slot(entry.key) == entry.number


async def test_who_waited_inside_for_too_long_makes_the_slot_smaller(driver: Any) -> None:
    driver.prepare = lambda sandbox: setattr(sandbox, "answer", took(0.0, 0.0001))
    bench, entry = await niuk_bench(driver)
    assert entry.room == MOST_INSIDE
    driver.sandboxes[0].answer = took(5.0, 0.0001)
    for _ in range(20):
        await bench.serve(entry, bench.job(shape=NIUK))
    assert entry.room == 1


async def test_a_failure_does_not_end_a_slot_that_others_wait_in(driver: Any) -> None:
    bench, entry = await niuk_bench(driver)
    driver.sandboxes[0].answer = Answered(502, b'{"error":"thrown"}', 18, queued=Queued(0.0, 0.001))
    execution = executed(await bench.serve(entry, bench.job(shape=NIUK)))
    assert execution.outcome.kind is OutcomeKind.DEVELOPER_ERROR
    assert entry.life.state is SandboxState.WARM
