"""Limits of a namespace hold over all replicas."""

from __future__ import annotations

import asyncio

import pytest

from argo_provider.cluster.counts import SharedCounts
from argo_provider.errors import Throttled
from argo_provider.invocation.throttle import Throttle, ThrottleDefaults
from argo_provider.model.clock import Clock
from argo_provider.model.identity import NamespaceRecord

from .conftest import PATIENCE

pytestmark = pytest.mark.integration

IDENTITY = NamespaceRecord("me", "me", "key", b"x" * 32, 0).identity
CLOCK = Clock(now_ms=lambda: 60_000)  # one minute for ever


@pytest.fixture
async def throttles(join):
    tasks, made = [], []
    for name in ("r1", "r2"):
        throttle = Throttle(ThrottleDefaults(5, 3, 5), CLOCK)
        bus = await join()
        tasks.append(asyncio.create_task(SharedCounts(bus, name).run(throttle)))
        made.append(throttle)
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def refused(check):
    """Until it is: the other replica's counts are on their way."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                check()
            except Throttled as error:
                return str(error)
            await asyncio.sleep(0.01)


async def told(throttle, what, count):
    async with asyncio.timeout(PATIENCE):
        while getattr(throttle.others(1), what)["me"] != count:
            await asyncio.sleep(0.01)


async def test_calls_of_a_minute_are_counted_together(throttles):
    first, second = throttles
    for _ in range(3):
        first.check_invocation(IDENTITY)
    await told(second, "invocations", 3)
    for _ in range(2):
        second.check_invocation(IDENTITY)
    with pytest.raises(Throttled, match="count: 6, allowed: 5"):
        second.check_invocation(IDENTITY)
    await told(first, "invocations", 2)
    with pytest.raises(Throttled, match="count: 6, allowed: 5"):
        first.check_invocation(IDENTITY)


async def test_calls_in_flight_are_counted_together(throttles):
    first, second = throttles
    for throttle in (first, first, second):
        throttle.enter("me")
    assert "count: 3, allowed: 3" in await refused(lambda: second.check_invocation(IDENTITY))
    first.leave("me")
    await told(second, "in_flight", 1)
    second.check_invocation(IDENTITY)


async def test_fires_are_counted_together(throttles):
    first, second = throttles
    for _ in range(5):
        first.check_fire(IDENTITY)
    await told(second, "fires", 5)
    with pytest.raises(Throttled):
        second.check_fire(IDENTITY)
