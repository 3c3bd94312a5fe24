"""Members that meet on a real bus, each test under a cluster name of its own."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack

import pytest

from argo_provider.cluster.bus import Bus, BusOptions

KEY = "a key of the tests"
PATIENCE = 30.0


@pytest.fixture
async def join(nats_server):
    """Connect one more member; all are closed with the test."""
    cluster = f"t{uuid.uuid4().hex[:12]}"
    async with AsyncExitStack() as stack:

        async def connect(name="member", *, key=KEY, url=nats_server.url, cluster=cluster, **secure):
            bus = await Bus.connect(BusOptions(url, cluster, key, **secure), name)
            stack.push_async_callback(bus.close)
            return bus

        yield connect


class Heard:
    """What a handler was called with."""

    def __init__(self):
        self.all = []
        self._more = asyncio.Event()

    def __call__(self, *what):
        self.all.append(what[0] if len(what) == 1 else what)
        self._more.set()

    async def message(self, message):
        """As a callback of the client library."""
        self(message)

    async def until(self, count):
        async with asyncio.timeout(PATIENCE):
            while len(self.all) < count:
                self._more.clear()
                await self._more.wait()
        return self.all


@pytest.fixture
def heard():
    return Heard()


async def meet_again(server, sender, listener, heard):
    """The bus goes away and comes back, and what is sent then arrives."""
    await listener.listen("t.away", heard)
    back = type(heard)()
    for member in (sender, listener):
        member.reconnected.append(lambda: back(1))
    server.restart()
    await back.until(2)
    await listener.flush()
    sender.send("t.away", b"again")
    assert await heard.until(1) == [b"again"]
