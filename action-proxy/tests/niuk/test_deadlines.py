"""Waits that end when their time is over, on a loop whose time the test sets."""

from __future__ import annotations

import asyncio

import pytest

from argo_proxy.sandboxes.niuk import deadlines
from argo_proxy.sandboxes.niuk.deadlines import Deadlines

pytestmark = pytest.mark.unit


async def test_a_wait_ends_when_its_time_is_over_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "_ROUND_SECONDS", 0.01)
    loop, watched = asyncio.get_running_loop(), Deadlines()
    late, served, forgotten, early = (loop.create_future() for _ in range(4))
    watched.watch(early, 3600.0)
    for future in (late, served, forgotten):
        watched.watch(future, 0.0)
    served.set_result("in time")
    watched.forget(forgotten)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(late), 120)
    assert (await served, forgotten.done(), early.done()) == ("in time", False, False)
    watched.close()


async def test_nothing_is_looked_at_where_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "_ROUND_SECONDS", 0.0)
    watched = Deadlines()
    future = asyncio.get_running_loop().create_future()
    watched.watch(future, 3600.0)
    watched.forget(future)
    async with asyncio.timeout(120):
        while watched._timer is not None:
            await asyncio.sleep(0)
    watched.watch(future, 0.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(future, 120)
