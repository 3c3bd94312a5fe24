"""The behaviour of every sandbox, over each technology and its fake."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import worlds
from functions import SOURCES
from worlds import run, value

from argo_proxy.sandboxes.fake import FakeSandbox
from argo_proxy.sandboxes.port import Answered, Gone, SandboxCreationError, SandboxSpec, TimedOut

pytestmark = pytest.mark.contract


@pytest.fixture(params=["process", "container", "zygote", "fake", "microvm"])
async def world(request, tmp_path_factory):
    async with made(request.param, tmp_path_factory) as world:
        yield world


@pytest.fixture(params=["process", "container", "fake", "microvm"])
async def raw_world(request, tmp_path_factory):
    """Those whose launcher sends what it is told to: a zygote's is the product's own."""
    async with made(request.param, tmp_path_factory) as world:
        yield world


@asynccontextmanager
async def made(name, folders):
    world = await getattr(worlds, f"{name}_world")(SOURCES, folders.mktemp("w"))
    yield world
    await asyncio.gather(*(sandbox.destroy() for sandbox in world.started))
    await world.driver.close()


class TestSandbox:
    async def test_serves_one_run_after_another(self, world):
        sandbox = await world.start("echo")
        for number in range(20):
            assert value(await run(sandbox, number=number)) == {"number": number}

    async def test_serves_overlapping_runs_up_to_its_concurrency(self, world):
        sandbox = await world.start("overlap", concurrency=4)
        answers = await asyncio.gather(*(run(sandbox) for _ in range(4)))
        assert [value(answer) for answer in answers] == [{"met": True}] * 4

    async def test_gives_up_when_the_time_is_over(self, world):
        sandbox = await world.start("slow")
        assert await run(sandbox, timeout=0.1) == TimedOut()
        await sandbox.destroy()

    async def test_tells_of_a_function_that_ends_the_process(self, world):
        sandbox = await world.start("exit")
        assert await run(sandbox) == Gone(exit_code=3)

    async def test_refuses_requests_after_its_end_as_never_sent(self, world):
        sandbox = await world.start("exit")
        await run(sandbox)
        answer = await run(sandbox)
        assert isinstance(answer, Gone)
        assert not answer.sent

    async def test_reports_an_end_while_idle_once(self, world):
        sandbox = await world.start("exit_later")
        ends: asyncio.Queue[Gone] = asyncio.Queue()
        sandbox.on_exit(ends.put_nowait)
        value(await run(sandbox))
        if isinstance(sandbox, FakeSandbox):
            sandbox.crash(Gone(exit_code=4))
        async with asyncio.timeout(10):
            assert await ends.get() == Gone(exit_code=4)
        await sandbox.destroy()
        assert ends.empty()

    async def test_does_not_report_its_own_destruction(self, world):
        sandbox = await world.start("echo")
        ends = []
        sandbox.on_exit(ends.append)
        await sandbox.destroy()
        assert ends == []

    async def test_cuts_a_long_answer_and_tells_its_length(self, raw_world):
        sandbox = await raw_world.start("long")
        for _ in range(2):
            answer = await run(sandbox, limit=1000)
            assert answer == Answered(200, b"x" * 1000, 3_000_000)

    async def test_hands_on_what_is_no_json(self, raw_world):
        assert await run(await raw_world.start("garbage")) == Answered(200, b"<html>", 6)

    async def test_hands_on_a_failed_init(self, world):
        answer = await world.init(await world.create(), "fails_init")
        assert isinstance(answer, Answered)
        assert answer.status == 502
        assert b"no such thing" in answer.body

    async def test_collects_what_was_printed_without_sentinels(self, world):
        sandbox = await world.start("prints")
        for _ in range(2):
            value(await run(sandbox))
            logs = await sandbox.collect_logs(limit=10_000, wait=10)
            assert [line.text for line in logs.lines if line.stream == "stdout"] == ["one", "two"]
            assert [line.text for line in logs.lines if line.stream == "stderr"] == ["three"]
            assert logs.complete
            assert not logs.truncated

    async def test_gives_no_more_logs_than_asked_for(self, world):
        sandbox = await world.start("prints")
        value(await run(sandbox))
        logs = await sandbox.collect_logs(limit=50, wait=10)
        assert len(logs.lines) == 1
        assert logs.truncated

    async def test_can_be_destroyed_twice_and_under_a_request(self, world):
        sandbox = await world.start("slow")
        running = asyncio.ensure_future(run(sandbox))
        await asyncio.sleep(0)
        await asyncio.gather(sandbox.destroy(), sandbox.destroy())
        async with asyncio.timeout(10):
            assert isinstance(await running, Gone)
        await sandbox.destroy()

    async def test_reports_what_it_uses(self, world):
        stats = await (await world.start("echo")).stats()
        assert stats.memory_bytes > 0
        assert stats.pids > 0

    async def test_has_an_id_of_its_own_and_its_technology(self, world):
        first, second = await world.start("echo"), await world.start("echo")
        assert first.id != second.id
        assert first.kind is world.driver.kind

    async def test_sweep_of_a_clean_start_finds_nothing(self, world):
        assert await world.driver.sweep() == 0


class TestDriver:
    async def test_is_ready_for_its_runtime(self, world):
        assert world.driver.ready(world.runtime, None)

    async def test_answers_for_an_image_that_is_nowhere(self, world):
        if world.driver.kind.value == "fake":
            world.driver.failures.append(SandboxCreationError("Failed to pull container image 'x'.", user_fault=True))
        with pytest.raises(SandboxCreationError, match="Failed to pull container image") as caught:
            await world.driver.create(SandboxSpec(None, 128, image="no.such.host.invalid/image:none"))
        assert caught.value.user_fault
