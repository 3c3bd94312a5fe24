"""The channel against real sockets: reuse, limits of time, and peers that misbehave."""

import asyncio
import contextlib

import pytest

from argo_proxy.protocol.channel import RuntimeChannel, TcpAddress, UnixAddress
from argo_proxy.sandboxes.port import Answered, Gone, TimedOut

pytestmark = pytest.mark.integration

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """A server that answers each request by `reply(number, body)`; None: not at all; b"": by closing."""

    def __init__(self, reply):
        self.reply = reply
        self.requests = []
        self.connections = 0

    async def serve(self, reader, writer):
        self.connections += 1
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            self.requests.append((head, body))
            reply = self.reply(len(self.requests), body)
            if reply == b"":
                return
            if reply is not None:
                writer.write(reply)


@contextlib.asynccontextmanager
async def serving(path, serve):
    """`serve(reader, writer)` behind a unix socket (a path) or TCP (None: a free port); waits for all to be closed."""
    tasks = set()

    async def handle(reader, writer):
        tasks.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    if path is None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        address = TcpAddress("127.0.0.1", server.sockets[0].getsockname()[1])
    else:
        server = await asyncio.start_unix_server(handle, path)
        address = UnixAddress(path)
    channel = RuntimeChannel(address)
    try:
        yield channel
    finally:
        channel.close()
        server.close()
        async with asyncio.timeout(10):
            await asyncio.gather(*tasks)
            await server.wait_closed()


@contextlib.asynccontextmanager
async def talking(tmp_path, reply):
    peer = Peer(reply)
    async with serving(tmp_path / "s", peer.serve) as channel:
        yield channel, peer


async def post(channel, body=b"{}", timeout=5.0, limit=1000):  # noqa: ASYNC109
    return await channel.post("/run", body, timeout=timeout, limit=limit)


async def test_sends_a_whole_request_and_reuses_the_connection(tmp_path):
    async with talking(tmp_path, lambda _number, _body: OK) as (channel, peer):
        for _ in range(3):
            assert await post(channel, b'{"a":1}') == Answered(200, b"{}", 2)
        assert peer.connections == 1
        head, body = peer.requests[0]
        assert head.startswith(b"POST /run HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\n")
        assert body == b'{"a":1}'


async def test_carries_megabytes_both_ways(tmp_path):
    big = b"x" * (5 << 20)
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(big), big)
    async with talking(tmp_path, lambda _number, _body: reply) as (channel, peer):
        assert await post(channel, big, limit=len(big)) == Answered(200, big, len(big))
        assert peer.requests[0][1] == big
        assert await post(channel, b"", limit=10) == Answered(200, b"x" * 10, len(big))


async def test_overlapping_requests_have_a_connection_each(tmp_path):
    waiting = asyncio.Event()
    held = []

    async def serve(reader, writer):
        await reader.readuntil(b"{}")
        held.append(writer)
        if len(held) == 3:
            waiting.set()
        await waiting.wait()
        writer.write(OK)

    async with serving(tmp_path / "s", serve) as channel:
        assert await asyncio.gather(*(post(channel) for _ in range(3))) == [Answered(200, b"{}", 2)] * 3


async def test_waits_for_a_launcher_that_is_still_coming_up(tmp_path):
    early = RuntimeChannel(UnixAddress(tmp_path / "s"))
    answer = asyncio.ensure_future(post(early))
    await asyncio.sleep(0.02)
    async with talking(tmp_path, lambda _number, _body: OK):
        assert await answer == Answered(200, b"{}", 2)
        early.close()


async def test_gives_up_on_a_launcher_that_never_comes(tmp_path):
    channel = RuntimeChannel(UnixAddress(tmp_path / "s"))
    assert await post(channel, timeout=0.05) == TimedOut()


async def test_knows_a_launcher_that_has_ended_from_one_that_is_late(tmp_path):
    async with talking(tmp_path, lambda _number, _body: b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n") as (
        channel,
        _,
    ):
        await post(channel)
        (tmp_path / "s").unlink()
        assert await post(channel) == Gone(sent=False)


async def test_gives_up_when_the_time_is_over_and_takes_no_late_answer(tmp_path):
    replies = {1: None, 2: OK}
    async with talking(tmp_path, lambda number, _body: replies[number]) as (channel, peer):
        assert await post(channel, timeout=0.05) == TimedOut()
        assert await post(channel) == Answered(200, b"{}", 2)
        assert peer.connections == 2


async def test_a_closed_connection_is_no_answer(tmp_path):
    async with talking(tmp_path, lambda _number, _body: b"") as (channel, _):
        assert await post(channel) == Gone()


async def test_half_an_answer_is_no_answer(tmp_path):
    async def serve(reader, writer):
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{")
        writer.close()

    async with serving(tmp_path / "s", serve) as channel:
        assert await post(channel) == Gone()


async def test_close_ends_what_is_under_way(tmp_path):
    started = asyncio.Event()

    def reply(_number, _body):
        started.set()

    async with talking(tmp_path, reply) as (channel, _):
        answer = asyncio.ensure_future(post(channel))
        await started.wait()
        channel.close()
        assert await answer == Gone()
        assert await post(channel) == Gone(sent=False)


async def test_a_cancelled_request_leaves_no_answer_behind(tmp_path):
    started = asyncio.Event()

    def reply(number, _body):
        started.set()
        return None if number == 1 else OK

    async with talking(tmp_path, reply) as (channel, peer):
        answer = asyncio.ensure_future(post(channel))
        await started.wait()
        answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answer
        assert await post(channel) == Answered(200, b"{}", 2)
        assert peer.connections == 2


async def test_speaks_tcp_as_well():
    peer = Peer(lambda _number, _body: OK)
    async with serving(None, peer.serve) as channel:
        assert await post(channel) == Answered(200, b"{}", 2)
