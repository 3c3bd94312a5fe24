"""A service, and clients of it that say what goes over the wire."""

from __future__ import annotations

import asyncio
import re

from argo_provider.api.straight import StraightInvocations

LIMIT = 60


class Spied(StraightInvocations):
    """Counts what it took, and how often it was asked to."""

    asked = taken = 0

    def take(self, message, payload):
        self.asked += 1
        answer = super().take(message, payload)

        async def counted(body):
            self.taken += 1
            return await answer(body)

        return answer and counted


class Connection:
    """One connection to the service, with nothing between."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer

    def send(self, *requests):
        self._writer.write(b"".join(requests))

    async def answer(self):
        """(status, head, body)"""
        async with asyncio.timeout(LIMIT):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            length = int(re.search(r"Content-Length: (\d+)", head)[1])
            return int(head[9:12]), head, await self._reader.readexactly(length)

    async def ended(self):
        """What came until the service closed it."""
        async with asyncio.timeout(LIMIT):
            return await self._reader.read()

    def close(self):
        self._writer.close()


class Serving:
    """A service over the world that takes the straight way, and what it took."""

    def __init__(self, world, straight, runner, trust, observed):
        """`trust`: what a client checks its TLS by; None: it is served without."""
        self.world, self.straight, self.runner, self.trust = world, straight, runner, trust
        self.observed = observed  # of each answer the route, method and status, before it the reason of an error
        self.opened = []

    async def connect(self):
        """Once the service waits for a request: what comes together with the end of a TLS handshake is not taken."""
        host, port = self.runner.addresses[0]
        before = {*self.handlers()}
        self.opened.append(Connection(*await asyncio.open_connection(host, port, ssl=self.trust)))
        async with asyncio.timeout(LIMIT):
            while all(handler._waiter is None for handler in {*self.handlers()} - before):
                await asyncio.sleep(0)
        return self.opened[-1]

    async def begun(self, calls=1):
        """Until so many invocations are with the placement."""
        async with asyncio.timeout(LIMIT):
            while len(self.world.placement.submitted) < calls:
                await asyncio.sleep(0)

    def handlers(self):
        return self.runner.server.connections
