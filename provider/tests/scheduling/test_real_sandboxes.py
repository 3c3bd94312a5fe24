"""Placement on this machine with the real process driver and the real Node.js launcher."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from argo_provider.placement.local import LocalPlacement
from argo_provider.scheduling.settings import PoolSettings
from argo_proxy.pool.events import NoEvents
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable, Execution, Invocation, OutcomeKind
from argo_proxy.runtimes import Catalogue, load_catalogue
from argo_proxy.sandboxes.port import Provision, SandboxKind
from argo_proxy.sandboxes.process.driver import ProcessDriver, ProcessSettings

pytestmark = pytest.mark.integration

KIND = "nodejs:20"
PATIENCE = 60.0
CODE = {
    "echo": """
        let calls = 0;
        function main(args) {
            console.log('out', args.word); console.error('err');
            return { word: args.word, calls: ++calls, host: process.env.__OW_API_HOST, secret: process.env.secret };
        }""",
    "meet": """
        let waiting = [];
        function main({ guests }) {
            return new Promise((resolve) => {
                waiting.push(resolve);
                if (waiting.length < guests) return;
                waiting.forEach((open) => open({ pid: process.pid }));
                waiting = [];
            });
        }""",
    "pid": "function main() { return { pid: process.pid }; }",
    "hang": "function main() { return new Promise(() => setInterval(() => {}, 1000)); }",
    "spin": "function main() { for (;;) {} }",
    "quit": "function main() { process.exit(3); }",
    "mute": "function main() { require('fs').closeSync(1); return { ok: true }; }",
    "broken": "function main( {",
}


def unavailable(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
async def driver(catalogue: Catalogue) -> AsyncIterator[ProcessDriver]:
    async def progress(_: Provision) -> None: ...

    runtime = catalogue.get(KIND)
    assert runtime is not None
    with tempfile.TemporaryDirectory(prefix="argo-", ignore_cleanup_errors=True) as folder:
        made = ProcessDriver(ProcessSettings(f"t{os.getpid()}{time.monotonic_ns() % 10**6}", Path(folder)))
        report = await made.probe()
        if not report.available:
            unavailable(f"{report.reason}: {report.fix}")
        provision = await made.provision(runtime, progress)
        if not provision.ready:
            unavailable(provision.error)
        yield made
        assert await made.sweep() == 0  # nothing was left behind
        await made.close()


async def load(digest: str) -> bytes:
    return CODE[digest].encode()


class Deaths(NoEvents):
    def __init__(self, seen: asyncio.Event) -> None:
        self._seen = seen

    def ended(self, shape: Shape, reason: str) -> None:
        if reason == "died":
            self._seen.set()


@pytest.fixture
async def deaths() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def placement(
    driver: ProcessDriver, catalogue: Catalogue, deaths: asyncio.Event
) -> AsyncIterator[LocalPlacement]:
    unstocked = Catalogue(replace(runtime, stem_cells=0) for runtime in catalogue.runtimes())
    settings = PoolSettings(memory_mb=1024, drain_seconds=1.0)
    drivers, events = {SandboxKind.PROCESS: driver}, Deaths(deaths)
    async with LocalPlacement(drivers, unstocked, load, settings=settings, events=events) as local:
        yield local


def invocation(action: str, arguments: dict[str, Any] | None = None, **changes: Any) -> Invocation:
    fields: dict[str, Any] = {"revision": "1", "timeout_ms": 20_000} | changes
    executable = Executable(
        "a", f"/a/{action}", "0.0.1", kind=KIND, main="", code_digest=action, binary=False, **fields
    )
    return Invocation("id", "tid", executable, arguments or {}, accepted_at=time.monotonic())


async def call(placement: LocalPlacement, action: str, arguments: Any = None, **changes: Any) -> Execution:
    async with asyncio.timeout(PATIENCE):
        return await placement.submit(invocation(action, arguments, **changes)).execution


async def test_cold_and_warm_with_logs_and_environment(placement: LocalPlacement) -> None:
    arguments = {"word": "hello", "secret": "s3"}
    first = await call(placement, "echo", arguments, init_parameters={"secret": "s3"})
    second = await call(placement, "echo", arguments, init_parameters={"secret": "s3"})
    assert first.outcome.result == {"word": "hello", "calls": 1, "secret": "s3"}
    assert second.outcome.result["calls"] == 2
    assert (first.phases.cold, second.phases.cold) == (True, False)
    assert min(first.phases.start, first.phases.init, first.phases.run, second.phases.run) > 0
    assert sorted(line.split(" ", 1)[1] for line in second.logs) == ["stderr: err", "stdout: out hello"]
    assert (first.sandbox, second.sandbox_id) == ("process", first.sandbox_id)


async def test_overlapping_runs_share_one_process(placement: LocalPlacement) -> None:
    calls = [call(placement, "meet", {"guests": 4}, concurrency=4) for _ in range(4)]
    executions = await asyncio.gather(*calls)
    assert len({execution.outcome.result["pid"] for execution in executions}) == 1
    again = await asyncio.gather(*(call(placement, "meet", {"guests": 4}, concurrency=4) for _ in range(4)))
    assert {execution.outcome.kind for execution in again} == {OutcomeKind.SUCCESS}


@pytest.mark.parametrize("action", ["hang", "spin"])
async def test_a_function_over_its_time_is_replaced_and_harms_no_other(placement: LocalPlacement, action: str) -> None:
    before = await call(placement, "pid")
    late = await call(placement, action, timeout_ms=3000)
    assert late.outcome.timed_out
    assert late.outcome.result == {"error": "The action exceeded its time limits of 3000 milliseconds."}
    assert [sandbox.path for sandbox in placement.snapshot().sandboxes if sandbox.state == "warm"] == ["/a/pid"]
    assert (await call(placement, "pid")).outcome.result == before.outcome.result


async def test_a_function_that_ends_its_process(placement: LocalPlacement) -> None:
    execution = await call(placement, "quit")
    assert execution.outcome.result == {"error": "The action did not produce a valid response and exited unexpectedly."}
    assert (await call(placement, "quit")).sandbox_id != execution.sandbox_id


async def test_a_function_that_closes_its_output_is_replaced(placement: LocalPlacement) -> None:
    first = await call(placement, "mute")
    second = await call(placement, "mute")
    assert first.outcome.kind is second.outcome.kind is OutcomeKind.SUCCESS
    assert first.sandbox_id != second.sandbox_id


async def test_code_that_does_not_load(placement: LocalPlacement) -> None:
    execution = await call(placement, "broken")
    assert execution.outcome.kind is OutcomeKind.DEVELOPER_ERROR
    assert "SyntaxError" in str(execution.outcome.result["error"])
    assert placement.snapshot().by_state["warm"] == 0


async def test_a_warm_sandbox_that_was_killed_costs_the_caller_nothing(
    placement: LocalPlacement, deaths: asyncio.Event
) -> None:
    first = await call(placement, "pid")
    sandbox = next(iter(placement._pool.table)).sandbox
    os.kill(sandbox.pid, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE):
        await deaths.wait()
    second = await call(placement, "pid")
    assert second.outcome.kind is OutcomeKind.SUCCESS
    assert second.sandbox_id != first.sandbox_id


async def test_a_burst_stays_within_memory_and_all_are_answered(placement: LocalPlacement) -> None:
    bursts = [call(placement, "echo", {"word": str(index)}, revision=str(index % 3)) for index in range(30)]
    executions = await asyncio.gather(*bursts)
    assert [execution.outcome.result["word"] for execution in executions] == [str(index) for index in range(30)]
    assert placement.snapshot().memory_used_mb <= 1024
