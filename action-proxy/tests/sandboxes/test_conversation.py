"""Who is told of a sandbox's end: the caller whose request it broke off, or else whoever waits for the news."""

from __future__ import annotations

import asyncio
from pathlib import Path

from argo_proxy.protocol.channel import UnixAddress
from argo_proxy.protocol.logs import LogCapture
from argo_proxy.sandboxes.conversation import Conversation
from argo_proxy.sandboxes.port import Gone

KILLED = Gone(out_of_memory=True, exit_code=137)


async def _nothing() -> None:
    return None


async def _killed() -> Gone:
    await asyncio.sleep(0)  # it takes a turn, in which whoever was told could take the sandbox away
    return KILLED


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_end_of_a_request_is_told_to_its_caller_alone(tmp_path: Path) -> None:
    arrived = asyncio.Event()
    hang_up = asyncio.Event()

    async def runtime(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):
            arrived.set()
            await hang_up.wait()
        writer.close()

    server = await asyncio.start_unix_server(runtime, str(tmp_path / "socket"))
    news: list[Gone] = []
    conversation = Conversation(
        UnixAddress(tmp_path / "socket"), LogCapture(capacity=1000), seal=_nothing, autopsy=_killed
    )
    conversation.on_exit(news.append)
    request = asyncio.ensure_future(conversation.init(b"{}", timeout=30, limit=1000))
    await arrived.wait()
    hang_up.set()
    await turns()  # the caller knows that its connection is gone, and waits for the process to end
    conversation.ended()
    answer = await request
    await turns()
    assert isinstance(answer, Gone)
    assert (answer.out_of_memory, answer.exit_code) == (True, 137)
    assert news == []
    conversation.close()
    server.close()
