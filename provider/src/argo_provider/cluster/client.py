"""The client library's connection to NATS, with a shorter way for the plain messages that an invocation takes.

The library gives each message that it sends or receives to three tasks in turns, which cost a busy cluster more than
what the messages say. Here those that nothing stands in front of are written at once, and those of a subscription that
wants it go from the socket to their receiver. The library does all else, those in its own order among them: it
connects, and again after a break, asks whether the server lives, and takes what is in pieces, has headers or waits.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.transport import TcpTransport
from nats.protocol.parser import AWAITING_CONTROL_LINE

Received = Callable[[str, bytes], None]
"""Called with the subject and the data of a message; must not raise."""
Outgoing = tuple[str, bytes, str]
"""A subject, data, and the subject for replies or bounces, "" for none."""

_END = b"\r\n"
_MESSAGE = b"MSG "
_SUBJECT = re.compile(r"[^\s\x00]+")


class StraightClient(Client):
    """What is not said here is as the library has it."""

    def __init__(self) -> None:
        super().__init__()
        self._straight: dict[int, Received] = {}  # by subscription

    async def subscribe_straight(self, subject: str, received: Received) -> None:
        """Call `received` for each message, in their order, from within the event loop's turn that reads it."""

        async def from_queue(message: Msg) -> None:  # none goes there but one with headers
            received(message.subject, message.data)

        self._straight[self._sid + 1] = received  # known before the first can come
        await self.subscribe(subject, cb=from_queue, pending_msgs_limit=0, pending_bytes_limit=0)

    def publish_straight(self, messages: Sequence[Outgoing]) -> bool:
        """Write them all; False, and none is written, where that takes the ordinary way."""
        if not self.is_connected or self.is_draining_pubs or self._pending:
            return False
        transport = _stream_of(self._transport)
        if transport is None or transport.is_closing() or transport.get_write_buffer_size():
            return False
        lines: list[bytes] = []
        for subject, data, reply in messages:
            if len(data) > self.max_payload or not _SUBJECT.fullmatch(f"{subject}{reply}"):
                return False
            lines += (f"PUB {subject} {reply} {len(data)}\r\n".encode(), data, _END)
        transport.writelines(lines)
        return True

    async def _read_loop(self) -> None:
        """The library's task of one connection, from when that stands."""
        transport = _stream_of(self._transport)
        behind = None if transport is None else transport.get_protocol()
        if transport is not None and isinstance(behind, asyncio.StreamReaderProtocol):
            secure = transport.get_extra_info("sslcontext") is not None
            transport.set_protocol(_Ahead(behind, self._take, half_open=not secure))
        await super()._read_loop()

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        """The library has put the pieces of a message together."""
        received = self._straight.get(sid)
        if received is not None and sid in self._subs and not headers:
            received(subject.decode(), data)
        else:
            await super()._process_msg(sid, subject, reply, data, headers)

    def _take(self, data: bytes) -> int:
        """Of what has come, how many bytes from the beginning were whole messages for straight receivers."""
        parser = self._ps
        if parser.buf or parser.state != AWAITING_CONTROL_LINE:
            return 0  # the rest of what the library has begun to read
        at = 0
        while data.startswith(_MESSAGE, at) and (end := data.find(_END, at)) > 0:
            words = data[at:end].split()  # MSG, subject, subscription, perhaps a subject for replies, size
            sid, begin = int(words[2]), end + len(_END)
            after = begin + int(words[-1])
            received = self._straight.get(sid)
            if received is None or sid not in self._subs or after + len(_END) > len(data):
                break
            received(words[1].decode(), data[begin:after])
            at = after + len(_END)
        return at


class _Ahead(asyncio.Protocol):
    """Stands between a socket and the library's reader, which gets what `take` leaves."""

    def __init__(
        self, behind: asyncio.StreamReaderProtocol, take: Callable[[bytes], int], *, half_open: bool = True
    ) -> None:
        """`half_open`: of a sort that can still be written to when the other side writes no more."""
        self._behind = behind
        self._half_open = half_open
        self._reader: Any = behind._stream_reader  # type: ignore[attr-defined]
        self._take = take

    def data_received(self, data: bytes) -> None:
        taken = 0 if self._reader._buffer else self._take(data)
        if taken < len(data):
            self._behind.data_received(data[taken:] if taken else data)

    def eof_received(self) -> bool | None:
        stays = self._behind.eof_received()
        return stays if self._half_open else None

    def connection_lost(self, exc: Exception | None) -> None:
        self._behind.connection_lost(exc)

    def pause_writing(self) -> None:
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        self._behind.resume_writing()


def _stream_of(transport: object) -> asyncio.WriteTransport | None:
    """None for a connection of another sort, a web socket for example."""
    writer = transport._io_writer if isinstance(transport, TcpTransport) else None
    return None if writer is None else writer.transport


__all__ = ["Outgoing", "Received", "StraightClient"]
