"""The contract of `Leases`, over every adapter."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.contract

LONG = 3600.0


class TestLeases:
    async def test_one_holder_at_a_time(self, stores):
        assert await stores.leases.hold("alarms", "a", LONG)
        assert not await stores.leases.hold("alarms", "b", LONG)
        assert await stores.leases.holder("alarms") == "a"

    async def test_its_holder_may_renew_it(self, stores):
        assert await stores.leases.hold("alarms", "a", LONG)
        assert await stores.leases.hold("alarms", "a", LONG)

    async def test_leases_of_other_names_are_others(self, stores):
        assert await stores.leases.hold("one", "a", LONG)
        assert await stores.leases.hold("two", "b", LONG)

    async def test_one_that_ran_out_is_free(self, stores):
        assert await stores.leases.hold("alarms", "a", -1.0)
        assert await stores.leases.holder("alarms") is None
        assert await stores.leases.hold("alarms", "b", LONG)
        assert not await stores.leases.hold("alarms", "a", LONG)

    async def test_only_its_holder_gives_it_up(self, stores):
        await stores.leases.hold("alarms", "a", LONG)
        await stores.leases.release("alarms", "b")
        assert await stores.leases.holder("alarms") == "a"
        await stores.leases.release("alarms", "a")
        assert await stores.leases.holder("alarms") is None

    async def test_of_many_at_once_one_gets_it(self, stores):
        got = await asyncio.gather(*(stores.leases.hold("alarms", str(n), LONG) for n in range(8)))
        assert got.count(True) == 1
