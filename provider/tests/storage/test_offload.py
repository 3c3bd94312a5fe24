"""Blocking work in threads beside a busy event loop."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
import uvloop

from argo_provider.storage import offload
from argo_provider.storage.offload import Offload

pytestmark = pytest.mark.unit


@pytest.fixture
def threads():
    opened = Offload(1, "test")
    yield opened
    opened.close()


@pytest.fixture
def naps(monkeypatch):
    """Those that the loop took."""
    taken = []
    monkeypatch.setattr(offload.time, "sleep", taken.append)
    return taken


async def test_result_and_error_come_back(threads):
    assert await threads.run(lambda a, b: a + b, 2, 3) == 5
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 / 0)


async def test_begun_work_ends_though_its_caller_went_away(threads):
    begun, let_go, ended = threading.Event(), threading.Event(), threading.Event()

    def work():
        begun.set()
        let_go.wait(10)
        ended.set()

    caller = asyncio.ensure_future(threads.run(work))
    await asyncio.to_thread(begun.wait, 10)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    let_go.set()
    await threads.run(lambda: None)
    assert ended.is_set()


async def test_busy_loop_hands_the_lock_over_only_while_work_is_in_flight(threads, naps):
    let_go = threading.Event()
    work = asyncio.ensure_future(threads.run(let_go.wait, 10))
    await asyncio.sleep(0)
    end = time.monotonic() + 0.02
    while time.monotonic() < end:
        pass  # a loop that is busy for 20 ms
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert naps
    let_go.set()
    await work
    naps.clear()
    await asyncio.sleep(0.002)
    assert naps == []


async def test_a_loop_that_sleeps_keeps_its_time(threads, naps):
    let_go = threading.Event()
    work = asyncio.ensure_future(threads.run(let_go.wait, 10))
    await asyncio.sleep(0.05)
    let_go.set()
    await work
    assert naps == []


def test_uvloop_sleeps_while_work_is_in_flight(threads, monkeypatch):
    looks = []
    monkeypatch.setattr(offload.time, "thread_time", lambda: looks.append(time.monotonic()) or 0.0)

    async def wait():
        let_go = threading.Event()
        work = asyncio.ensure_future(threads.run(let_go.wait, 10))
        await asyncio.sleep(0.05)
        let_go.set()
        await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(wait())
    milliseconds = (looks[-1] - looks[0]) * 1000
    assert 2 <= len(looks) <= 2 * (milliseconds + 2)
