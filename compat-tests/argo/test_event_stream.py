"""The event stream over a real connection: live, resumed, and deaf to other namespaces."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from blackbox.workspace import SETTLE_SECONDS, Workspace, basic

pytestmark = pytest.mark.argo


@dataclass
class Told:
    type: str
    data: Any


class Stream:
    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.last_id = ""

    async def block(self) -> dict[str, str]:
        """The fields up to the next empty line."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(SETTLE_SECONDS):
            while raw := await self._answer.content.readline():
                line = raw.decode().rstrip("\n")
                if not line:
                    self.last_id = fields.get("id", self.last_id)
                    return fields
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
        raise AssertionError("the stream ended")

    async def next(self) -> Told:
        while True:
            fields = await self.block()
            if "data" in fields:
                return Told(fields["event"], json.loads(fields["data"]))


@asynccontextmanager
async def listening(ow: Workspace, last_id: str = "", **query: str) -> AsyncIterator[Stream]:
    headers = {"Authorization": basic(ow.key), **({"Last-Event-ID": last_id} if last_id else {})}
    url = f"{ow.apihost}/api/v1/argo/events?{urlencode(query)}"
    timeout = aiohttp.ClientTimeout(total=None, sock_read=SETTLE_SECONDS)
    async with ow.http.get(url, headers=headers, timeout=timeout) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        stream = Stream(answer)
        begun = await stream.block()
        assert begun["retry"] == "1000"
        yield stream


async def test_an_invocation_and_its_log(ow: Workspace) -> None:
    name = await ow.action("function main() { console.log('a line'); return {a: 1} }")
    async with listening(ow, types="activation,log", name=name) as stream:
        assert await ow.result(name) == {"a": 1}
        activation, log = await stream.next(), await stream.next()
    assert (activation.type, log.type) == ("activation", "log")
    assert activation.data["response"]["result"] == {"a": 1}
    assert "logs" not in activation.data
    assert log.data["activationId"] == activation.data["activationId"]
    assert log.data["lines"][0].endswith("stdout: a line")


async def test_a_reader_that_was_cut_off_misses_nothing(ow: Workspace) -> None:
    name = await ow.action()
    async with listening(ow, types="activation", name=name) as stream:
        await ow.result(name)
        await stream.next()
    wanted = [(await ow.invoke(name)).activation_id for _ in range(3)]
    async with listening(ow, stream.last_id, types="activation", name=name) as again:
        assert [(await again.next()).data["activationId"] for _ in wanted] == wanted


async def test_an_unknown_id_is_a_gap(ow: Workspace) -> None:
    async with listening(ow, "long-ago.1", types="activation") as stream:
        assert await stream.next() == Told("gap", {})


async def test_each_namespace_hears_its_own(ow: Workspace, ow2: Workspace) -> None:
    mine, theirs = ow.name("mine"), ow2.name("theirs")
    async with listening(ow, types="action") as own, listening(ow2, types="action") as other:
        await ow.action(name=mine)
        await ow2.action(name=theirs)
        async with asyncio.timeout(SETTLE_SECONDS):
            while (told := await own.next()).data["name"] != mine:
                assert told.data["name"] != theirs
            while (told := await other.next()).data["name"] != theirs:
                assert told.data["name"] != mine


async def test_the_pool_while_somebody_listens(ow: Workspace) -> None:
    async with listening(ow, types="pool") as stream:
        told = await stream.next()
    assert {"memoryLimitMb", "byState", "cpuPercent", "memoryUsedBytes"} <= set(told.data)
