"""A reader of server-sent events, for tests."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

PATIENCE = 20


@dataclass
class Told:
    """One event."""

    type: str
    data: Any
    id: str


class Reader:
    """Events of one answer; `last_id` as a browser would keep it."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_id = ""

    async def block(self) -> dict[str, str] | None:
        """The fields up to the next empty line; None at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            while raw := await self.answer.content.readline():
                line = raw.decode().rstrip("\n")
                if not line:
                    return fields
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
        return None

    async def next(self) -> Told | None:
        """The next event, None at the end of the stream."""
        while (fields := await self.block()) is not None:
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                return Told(fields["event"], json.loads(fields["data"]), self.last_id)
        return None

    async def of(self, kind: str) -> Told:
        """The next event of that type."""
        while (told := await self.next()) is not None:
            if told.type == kind:
                return told
        raise AssertionError(f"the stream ended without an event {kind}")


@asynccontextmanager
async def listening(caller: Any, headers: dict[str, str] | None = None, **query: str):
    """A stream that has begun: what happens from now on is on it."""
    answer = await caller.open("GET", "/events", params=query, headers=headers or {})
    assert answer.status == 200, await answer.text()
    reader = Reader(answer)
    begun = await reader.block()
    assert begun is not None
    assert begun["retry"] == "1000"
    reader.last_id = begun["id"]
    try:
        yield reader
    finally:
        answer.close()
