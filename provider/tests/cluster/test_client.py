"""The shorter way of plain messages: nothing is lost, doubled or overtaken, in whatever pieces it comes."""

from __future__ import annotations

import asyncio

import pytest

from argo_provider.cluster.client import StraightClient, _Ahead

SIZES = (0, 1, 5, 40)
STREAM = b"".join(
    b"MSG t.%d 1 %s%d\r\n%s\r\n" % (size, b"r.eply " if size == 5 else b"", size, b"x" * size) for size in SIZES
)
BETWEEN = b"MSG t.other 2 2\r\nab\r\nPONG\r\n+OK\r\n"


class Wire:
    """A client that reads from us; subscription 1 has a straight receiver, 2 has a queue."""

    def __init__(self):
        self.client = StraightClient()
        self.heard = []
        self.client._straight[1] = lambda subject, data: self.heard.append((subject, data))
        self.client._subs[1] = self.client._subs[2] = Queued(self.heard)
        self.reader = asyncio.StreamReader()
        self._ahead = _Ahead(asyncio.StreamReaderProtocol(self.reader), self.client._take)

    async def comes(self, data):
        """And the client's own loop reads what is left to it."""
        if not data:
            return
        self._ahead.data_received(data)
        if self.reader._buffer:
            await self.client._ps.parse(await self.reader.read(1 << 20))


class Queued:
    """A subscription of the library's, as far as it is used here."""

    def __init__(self, heard):
        self._received, self._max_msgs, self._jsi, self._future = 0, 0, None, None
        self._pending_size, self._pending_bytes_limit = 0, 0
        self._pending_queue = self
        self._heard = heard

    def put_nowait(self, message):
        self._heard.append((message.subject, message.data))


@pytest.mark.parametrize("between", [b"", BETWEEN])
async def test_pieces_of_any_size_come_whole_and_in_order(between):
    stream = STREAM + between + STREAM
    straight = [(f"t.{size}", b"x" * size) for size in SIZES]
    expected = [*straight, *([("t.other", b"ab")] if between else []), *straight]
    for cut in range(len(stream)):
        for again in (cut, cut + 1, (cut + len(stream)) // 2):
            wire = Wire()
            for piece in (stream[:cut], stream[cut:again], stream[again:]):
                await wire.comes(piece)
            assert wire.heard == expected, (cut, again)


async def test_what_comes_in_one_piece_never_reaches_the_library():
    wire = Wire()
    await wire.comes(STREAM)
    assert len(wire.heard) == len(SIZES)
    assert not wire.reader._buffer


async def test_nothing_comes_of_a_subscription_that_ended():
    wire = Wire()
    del wire.client._subs[1]
    await wire.comes(STREAM + BETWEEN)
    assert wire.heard == [("t.other", b"ab")]


@pytest.mark.integration
async def test_large_and_small_messages_keep_their_order(join, heard):
    sender, listener = await join(), await join()
    await listener.listen("t.sizes", heard)
    await listener.flush()
    messages = [b"%d" % number * (1 if number % 3 else 700_000) for number in range(12)]
    for message in messages:
        sender.send("t.sizes", message)
    assert await heard.until(len(messages)) == messages


@pytest.mark.integration
async def test_a_subject_that_would_be_a_command_is_refused_and_the_next_message_goes(join, heard):
    sender, listener = await join(), await join()
    await listener.listen("t.plain", heard)
    await listener.listen("t.smuggled", heard)
    await listener.flush()
    sender.send("t.x 0\r\n\r\nPUB t.smuggled", b"")
    sender.send("t.plain", b"ours")
    assert await heard.until(1) == [b"ours"]


@pytest.mark.integration
async def test_a_handler_that_fails_does_not_end_the_reading(join, heard):
    sender, listener = await join(), await join()

    def handle(content):
        if content == b"bad":
            raise ValueError("no such message")
        heard(content)

    await listener.listen("t.fails", handle)
    await listener.flush()
    for content in (b"bad", b"good"):
        sender.send("t.fails", content)
    assert await heard.until(1) == [b"good"]
