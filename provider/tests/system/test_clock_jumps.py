"""The machine's clock is set while the service runs: alarms neither storm nor stall, nothing is deleted too early."""

import asyncio
from dataclasses import dataclass, replace

import pytest

from argo_provider.invocation.activator import BuiltinCall
from argo_provider.model.activation import Activation, Response, Status
from argo_provider.model.clock import Clock
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.names import new_activation_id
from argo_provider.storage.memory import memory_stores
from argo_provider.storage.port import ActivationQuery
from argo_provider.storage.sweep import Sweep
from argo_provider.system.alarms import Alarms

pytestmark = pytest.mark.unit

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
BEGIN = 1_790_000_000_000 // MINUTE * MINUTE + 20_000  # not on the beat of a cron
OWNER = NamespaceRecord("me", "me", "key", b"x" * 32, 0)


@dataclass
class Hands:
    """A clock that stands still unless told. Milliseconds."""

    wall: int = BEGIN
    steady: int = 5_000

    def passes(self, ms):
        self.wall += ms
        self.steady += ms

    @property
    def clock(self):
        return Clock(now_ms=lambda: self.wall, monotonic=lambda: self.steady / 1000, now=lambda: self.wall / 1000)


class AlarmsUnderTest:
    """Real alarms over stores in memory; `fired` has what they fired."""

    def __init__(self):
        self.hands = Hands()
        self.fired = []
        self._stores = memory_stores()
        self._alarms = Alarms(self._stores.documents, self._stores.namespaces, self._fire, self.hands.clock)
        self._nudges = 0

    async def __aenter__(self):
        await self._stores.namespaces.create(OWNER)
        self._task = asyncio.create_task(self._alarms.run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _fire(self, request):
        self.fired.append(request.trigger.name)

    async def create(self, feed, trigger, **arguments):
        given = {"lifecycleEvent": "CREATE", "triggerName": f"/me/{trigger}", **arguments}
        response = await self._alarms.feed(feed, BuiltinCall(OWNER.identity, given, "tid", ""))
        assert response.status is Status.SUCCESS, response

    async def looks(self):
        """Have the loop look at the clock, as it does by itself at least every half minute."""
        self._nudges += 1
        await self.create("once", f"far{self._nudges}", date=BEGIN + 10_000 * DAY)
        for _ in range(50):
            await asyncio.sleep(0)  # all that is due is fired without waiting for anything real


@pytest.fixture
async def alarms():
    async with AlarmsUnderTest() as made:
        yield made


SCHEDULES = [("alarm", {"cron": "* * * * *"}), ("interval", {"minutes": 1})]


@pytest.mark.parametrize(("feed", "arguments"), SCHEDULES)
async def test_a_clock_set_forward_fires_once(alarms, feed, arguments):
    await alarms.create(feed, "t", **arguments)
    alarms.hands.wall += DAY + 1  # nor on that of an interval
    await alarms.looks()
    assert alarms.fired == ["t"]
    alarms.hands.passes(2 * MINUTE)
    await alarms.looks()
    assert alarms.fired == ["t", "t"], "what a long pause left out is not made up for"


@pytest.mark.parametrize(("feed", "arguments"), SCHEDULES)
async def test_a_clock_set_back_does_not_stop_alarms_for_as_long(alarms, feed, arguments):
    await alarms.create(feed, "t", **arguments)
    for _ in range(3):
        alarms.hands.passes(MINUTE)
        await alarms.looks()
    assert alarms.fired == ["t"] * 3
    alarms.hands.wall -= DAY + 1
    await alarms.looks()
    assert alarms.fired == ["t"] * 3, "setting the clock fires nothing by itself"
    for _ in range(3):
        alarms.hands.passes(MINUTE)
        await alarms.looks()
    assert len(alarms.fired) in {5, 6}, "each minute again; one may fall on the step"


@pytest.mark.parametrize(("feed", "arguments"), SCHEDULES)
async def test_a_clock_that_is_trimmed_fires_nothing_twice(alarms, feed, arguments):
    await alarms.create(feed, "t", **arguments)
    alarms.hands.passes(MINUTE)
    await alarms.looks()
    alarms.hands.wall -= 400
    await alarms.looks()
    alarms.hands.passes(400)
    await alarms.looks()
    assert alarms.fired == ["t"]


def record(start):
    return Activation("me", "a", "0.0.1", "s", new_activation_id(), start, start, Response(Status.SUCCESS), 1)


async def test_a_clock_that_leaps_forward_deletes_nothing_for_a_day():
    hands, stores = Hands(), memory_stores()
    sweep = Sweep(stores, hands.clock, kept_seconds=DAY / 1000)
    await stores.activations.record(record(BEGIN))
    hands.wall += 30 * DAY
    assert await sweep.once() == (0, 0)
    hands.passes(23 * HOUR)
    assert await sweep.once() == (0, 0)
    assert await stores.activations.count(ActivationQuery("me")) == 1
    hands.passes(HOUR)
    assert await sweep.once() == (1, 0), "a clock that nobody set back was right"


async def test_a_clock_that_is_set_right_is_trusted_at_once():
    hands, stores = Hands(), memory_stores()
    sweep = Sweep(stores, hands.clock, kept_seconds=DAY / 1000)
    old = record(BEGIN - 2 * DAY)
    await stores.activations.record(old)
    await stores.activations.record(replace(old, activation_id=new_activation_id(), start=BEGIN))
    hands.wall += 30 * DAY
    assert await sweep.once() == (0, 0)
    hands.wall -= 30 * DAY
    assert await sweep.once() == (1, 0)
