"""Invocations that wait inside a NIUk: more of one slot than there are isolates, and what becomes of those that wait."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from argo_proxy.sandboxes.niuk.driver import NiukDriver
from argo_proxy.sandboxes.niuk.frames import IsolatePolicy
from argo_proxy.sandboxes.niuk.slot import NiukSlot
from argo_proxy.sandboxes.port import Answered, Gone, Shortfall

from .functions import SECONDS
from .test_driver import LIMIT, driver_of, run, run_body, slot_of

pytestmark = pytest.mark.integration
FOR_EVER = IsolatePolicy(patience_ms=3_600_000)  # nobody gets an isolate for having waited


async def figures(driver: NiukDriver) -> dict[str, Any]:
    process = driver.houses[0].process
    assert process is not None
    found: dict[str, Any] = json.loads(await process.stats())["functions"][0]
    return found


async def until(driver: NiukDriver, **wanted: int) -> dict[str, Any]:
    """Until the host's figures say so; fails with what they were."""
    found: dict[str, Any] = {}
    try:
        async with asyncio.timeout(SECONDS):
            while any(found.get(name) != value for name, value in wanted.items()):
                await asyncio.sleep(0.01)
                found = await figures(driver)
    except TimeoutError:
        pytest.fail(f"wanted {wanted}, seen {found}")
    return found


def begun(slot: NiukSlot, value: object, seconds: float = SECONDS) -> asyncio.Future[object]:
    return asyncio.ensure_future(run(slot, value, seconds))


async def printed(slot: NiukSlot, text: str) -> list[str]:
    """What the pool does: the lines of an invocation are there with its answer."""
    answer = await slot.run(run_body({"do": "print", "text": text}), timeout=SECONDS, limit=LIMIT)
    assert isinstance(answer, Answered)
    assert answer.queued is not None
    return [line.text for line in (await slot.collect_logs(limit=1000, wait=0)).lines]


async def test_one_isolate_serves_all_that_wait_and_each_has_its_own_lines(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch, policy=FOR_EVER) as driver:
        slot = await slot_of(driver)
        texts = [f"line-{number}" for number in range(40)]
        assert await asyncio.gather(*(printed(slot, text) for text in texts)) == [[text] for text in texts]
        assert (await until(driver, idle=1, busy=0, queued=0))["runs"] == 40


async def test_a_cancelled_one_and_a_late_one_leave_those_behind_them(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch, policy=FOR_EVER) as driver:
        slot = await slot_of(driver)
        running = begun(slot, {"do": "loop"})
        await until(driver, busy=1, queued=0)
        cancelled, behind = begun(slot, {"x": 1}), begun(slot, {"x": 2})
        late = await run(slot, {"x": 3}, seconds=0.02)
        assert isinstance(late, Answered)
        assert (late.shortfall, late.began) == (Shortfall.BUSY, False), "it may run elsewhere"
        await until(driver, busy=1, queued=2)
        cancelled.cancel()
        await until(driver, busy=1, queued=1)
        running.cancel()
        answer = await behind
        assert isinstance(answer, Answered)
        assert answer.body == b'{"x":2}'
        assert cancelled.cancelled()


async def test_a_slow_one_does_not_hold_those_behind_it_and_what_was_added_goes_again(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = IsolatePolicy(patience_ms=5, idle_ms=1)
    async with driver_of(host_program, fake_library, work, monkeypatch, policy=policy) as driver:
        slot = await slot_of(driver)
        slow = begun(slot, {"do": "loop"})
        await until(driver, busy=1)
        answers = await asyncio.gather(*(run(slot, {"x": number}) for number in range(8)))
        assert [json.loads(answer.body) for answer in answers] == [{"x": number} for number in range(8)]
        assert not slow.done()
        slow.cancel()
        await until(driver, starting=0, idle=1, busy=0)


async def test_a_killed_niuk_tells_who_had_begun_from_who_had_not_and_the_next_gets_a_fresh_one(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch, policy=FOR_EVER) as driver:
        slot = await slot_of(driver)
        running = [begun(slot, {"do": "loop"}), *(begun(slot, {"x": number}) for number in range(6))]
        await until(driver, busy=1, queued=6)
        process = driver.houses[0].process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        answers = await asyncio.wait_for(asyncio.gather(*running), SECONDS)
        begun_one, *others = answers
        assert begun_one == Gone(shortfall=Shortfall.CRASHED)
        assert others == [Gone(sent=False, shortfall=Shortfall.BUSY)] * 6, "they may run elsewhere"
        answer = await run(slot, {"x": 7})
        assert isinstance(answer, Answered)
        assert answer.body == b'{"x":7}'
