"""The way to a runtime: a lean HTTP/1.1 client for exactly two requests, POST /init and POST /run.

One channel leads to one sandbox over a unix socket or TCP and keeps its connections alive between requests.
An answer must carry Content-Length, as OpenWhisk demands of runtimes; anything else counts as no answer (`Gone`).
A general client costs several times the CPU; docs/decisions/0002-lean-runtime-channel.md has the figures.
"""

from __future__ import annotations

import asyncio
import math
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from argo_proxy.deadlines import Deadlines
from argo_proxy.protocol.answers import AnswerReader, MalformedAnswer
from argo_proxy.sandboxes.port import Answer, Answered, Gone, TimedOut

# Stock runtimes close a connection after 5 s of idling: it is dropped well before, so that no request meets the close.
_MAX_IDLE_SECONDS = 2.0
_RETRY_FIRST_SECONDS = 0.001
_RETRY_LAST_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class UnixAddress:
    path: Path


@dataclass(frozen=True, slots=True)
class TcpAddress:
    host: str
    port: int


@dataclass(frozen=True, slots=True, eq=False)
class StreamsAddress:
    """Streams to a runtime that are there already, as ports of a virtual machine are: each serves for good."""

    unused: list[socket.socket]


Address = UnixAddress | TcpAddress | StreamsAddress


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    __slots__ = ("_future", "_loop", "_reader", "_reusable", "_transport", "idle_since")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._future: asyncio.Future[Answer] | None = None
        self._reader: AnswerReader | None = None
        self._transport: asyncio.Transport | None = None
        self._reusable = True
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its base class

    def request(self, head: bytes, body: bytes, limit: int) -> asyncio.Future[Answer]:
        """Send one request; the future will hold its answer. Who does not wait for it any longer has to `abort`."""
        future: asyncio.Future[Answer] = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            future.set_result(Gone(sent=False))
            return future
        self._future = future
        self._reader = AnswerReader(limit)
        self._transport.writelines((head, body))
        return future

    @property
    def reusable(self) -> bool:
        transport = self._transport
        return self._reusable and self._future is None and transport is not None and not transport.is_closing()

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:  # nobody asked: whatever this is, the next answer could not be told from it
            self.abort()
            return
        try:
            answer = reader.feed(data)
        except MalformedAnswer:
            self._finish(Gone())
            self.abort()
            return
        if answer is not None:
            self._reusable = reader.keep_alive
            self._finish(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._finish(Gone())

    def abort(self) -> None:
        """Close at once; a request under way ends as `Gone`."""
        self._reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _finish(self, answer: Answer) -> None:
        future, self._future, self._reader = self._future, None, None
        if future is not None and not future.done():
            future.set_result(answer)


class RuntimeChannel:
    """The requests to one runtime. The caller keeps to the runtime's concurrency; each request has its connection."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._closed = asyncio.Event()
        self._was_up = False
        self._heads: dict[str, bytes] = {}
        self._deadlines = Deadlines()
        self._max_idle = math.inf if isinstance(address, StreamsAddress) else _MAX_IDLE_SECONDS

    async def post(self, path: str, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        """The runtime's answer within `timeout` seconds, its body cut at `limit` bytes.

        A refused connection is tried again in that time: the launcher may still be coming up.
        """
        connection = self._take_idle()
        if connection is None:
            deadline = self._loop.time() + timeout
            made = await self._connect(deadline)
            if not isinstance(made, _Connection):
                return made
            connection, timeout = made, deadline - self._loop.time()
        self._busy.add(connection)
        answer = connection.request(self._head(path, len(body)), body, limit)
        self._deadlines.watch(answer, timeout)
        try:
            return await answer
        except TimeoutError:
            connection.abort()
            return TimedOut()
        except asyncio.CancelledError:
            connection.abort()  # its answer, still to come, would be taken for the next request's
            raise
        finally:
            self._deadlines.forget(answer)
            self._busy.discard(connection)
            self._give_back(connection)

    async def reachable(self, *, timeout: float) -> bool:  # noqa: ASYNC109
        """Whether the runtime takes connections, waiting up to `timeout` seconds; the connection is kept for use."""
        if self._idle:
            return True
        made = await self._connect(self._loop.time() + timeout)
        if not isinstance(made, _Connection):
            return False
        self._give_back(made)
        return True

    def close(self) -> None:
        """Close all connections; requests under way, and those waiting to connect, end as `Gone`."""
        self._closed.set()
        self._deadlines.close()
        for connection in (*self._idle, *self._busy):
            connection.abort()
        self._idle.clear()

    def _take_idle(self) -> _Connection | None:
        oldest = self._loop.time() - self._max_idle
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    def _give_back(self, connection: _Connection) -> None:
        if connection.reusable and not self._closed.is_set():
            connection.idle_since = self._loop.time()
            self._idle.append(connection)
        else:
            connection.abort()

    async def _connect(self, deadline: float) -> _Connection | Answer:
        pause = _RETRY_FIRST_SECONDS
        while not self._closed.is_set():
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._open()
            except TimeoutError:
                return TimedOut()
            except OSError as error:
                if self._was_up and isinstance(error, ConnectionRefusedError | FileNotFoundError):
                    return Gone(sent=False)  # it took connections before: the launcher has ended
                if self._loop.time() + pause >= deadline:
                    return TimedOut()
            await self._pause(pause)
            pause = min(pause * 1.5, _RETRY_LAST_SECONDS)
        return Gone(sent=False)

    async def _open(self) -> _Connection:
        address = self._address
        if isinstance(address, TcpAddress):
            _, made = await self._loop.create_connection(self._new_connection, address.host, address.port)
        elif isinstance(address, StreamsAddress):
            if not address.unused:
                raise ConnectionRefusedError("all streams to the runtime are in use or closed")
            _, made = await self._loop.create_connection(self._new_connection, sock=address.unused.pop())
        else:
            address.path.stat()  # far cheaper than a failing connect, and most tries of a cold start end here
            _, made = await self._loop.create_unix_connection(self._new_connection, str(address.path))
        self._was_up = True
        return made

    def _new_connection(self) -> _Connection:
        return _Connection(self._loop)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return

    def _head(self, path: str, length: int) -> bytes:
        start = self._heads.get(path)
        if start is None:
            fields = "Host: runtime\r\nContent-Type: application/json\r\nContent-Length: "
            start = f"POST {path} HTTP/1.1\r\n{fields}".encode()
            self._heads[path] = start
        return b"%b%d\r\n\r\n" % (start, length)


__all__ = ["Address", "Answered", "RuntimeChannel", "StreamsAddress", "TcpAddress", "UnixAddress"]
