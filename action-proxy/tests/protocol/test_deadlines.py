"""Waits that end when their time is over, and what they leave behind."""

from __future__ import annotations

import asyncio

import pytest

from argo_proxy.deadlines import Deadlines

pytestmark = pytest.mark.unit


async def test_a_wait_ends_when_its_time_is_over_and_others_go_on() -> None:
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
    assert watched._timer is None


async def test_the_timer_comes_for_the_first_that_is_due_and_then_for_the_next() -> None:
    loop, watched = asyncio.get_running_loop(), Deadlines()
    waits = [loop.create_future() for _ in range(3)]
    for future, seconds in zip(waits, (3600.0, 0.02, 0.01), strict=True):
        watched.watch(future, seconds)
    for future in reversed(waits[1:]):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(future, 120)
    assert not waits[0].done()
    assert watched._timer is not None
    watched.close()


async def test_no_timer_is_left_where_nobody_waits() -> None:
    watched = Deadlines()
    future = asyncio.get_running_loop().create_future()
    watched.watch(future, 0.005)
    watched.forget(future)
    async with asyncio.timeout(120):
        while watched._timer is not None:
            await asyncio.sleep(0)
    watched.watch(future, 0.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(future, 120)
