"""Connections that are given up, and requests that are answered without aiohttp's own loop.

By itself, aiohttp waits for ever for the head of a first request.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from aiohttp import StreamReader, web
from aiohttp.http import RawRequestMessage

from argo_provider.api.straight import Answer

log = structlog.get_logger(__name__)

_HEAD_SECONDS = 30.0
_HEAD_END = b"\r\n\r\n"


class Straight(Protocol):
    """Answers some requests in a shorter way."""

    def take(self, message: RawRequestMessage, payload: StreamReader) -> Answer | None:
        """What makes the whole answer; None: the request is for the application."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    """The head of the request that was answered straight last, and how long it was with its body."""

    head: bytes
    length: int
    answer: Answer


class PatientHandler(web.RequestHandler):
    """Ends a connection whose first request has no complete head in time; later ones fall under the keep-alive time.

    One request is answered at a time: by aiohttp's loop, which waits for one at `_waiter`, or straight, by the task
    `_answering`, while that loop goes on waiting. Clients send one head again and again: as long as the parser stands
    between two requests, the same bytes mean the same to it, and are not parsed again.
    """

    def __init__(self, manager: web.Server, *, straight: Straight | None, **options: Any) -> None:
        super().__init__(manager, **options)
        self._straight = straight
        self._answering: asyncio.Task[None] | None = None
        self._between = True  # so far the parser has seen whole requests, each in one piece, and nothing else
        self._known: _Known | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._loop.call_later(_HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._request_count == 0:
            self.force_close()

    def data_received(self, data: bytes) -> None:
        known = self._known
        if known is not None and len(data) == known.length and data.startswith(known.head) and self._is_idle():
            self._begin(known.answer, data[len(known.head) :])
            return
        waiter, self._waiter = self._waiter, None  # nobody is woken before it is clear for whom the request is
        waiting = len(self._messages)
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if data and self._between and not self._is_one_request(data, waiting):
            self._between, self._known = False, None
        self._next(data)

    def _is_idle(self) -> bool:
        waiter = self._waiter
        return self._answering is None and not self._messages and waiter is not None and not waiter.done()

    def _is_one_request(self, data: bytes, waiting: int) -> bool:
        """Whether the parser, which stood between two requests, stands between two again after `data`."""
        if len(self._messages) != waiting + 1:
            return False
        message, payload = self._messages[-1]
        if not isinstance(message, RawRequestMessage) or message.upgrade or message.chunked or not payload.is_eof():
            return False
        head = data.find(_HEAD_END) + len(_HEAD_END)
        return len(data) == head + int(message.headers.get("Content-Length", "0"))

    def _next(self, data: bytes = b"") -> None:
        """Hand on the request that came first; `data`: what it came in, if that has just come."""
        waiter = self._waiter
        if self._answering is not None or not self._messages or waiter is None or waiter.done():
            return
        answer = None
        if self._straight is not None and len(self._messages) == 1:
            message, payload = self._messages[0]
            if isinstance(message, RawRequestMessage):  # or an error of the parser
                answer = self._straight.take(message, payload)
        if answer is None or self._parser is None:
            waiter.set_result(None)
            return
        self._messages.popleft()
        self._parser.message_consumed()
        if data and self._between:
            head = data[: data.find(_HEAD_END) + len(_HEAD_END)]
            self._known = _Known(head, len(data), answer)
        self._begin(answer, payload)

    def _begin(self, answer: Answer, body: bytes | StreamReader) -> None:
        if self._manager is not None:
            self._manager.requests_count += 1
        self._request_in_progress = True
        self._answering = self._loop.create_task(self._answer(answer, body))

    async def _answer(self, answer: Answer, body: bytes | StreamReader) -> None:
        try:
            written = await answer(body if isinstance(body, bytes) else body.read_nowait())
            if self.transport is not None and not self.transport.is_closing():
                self.transport.write(written)
                if self._paused:
                    await self._drain_helper()
        except ConnectionError:
            log.debug("client_gone")
        except Exception:  # the guard of a loop: this connection ends, and no other
            log.exception("request_crashed")
            self.force_close()
        finally:
            self._answered()

    def _answered(self) -> None:
        self._answering = None
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():  # a shutdown
            self._handler_waiter.set_result(None)
        if self._close or self._force_close:
            if self.transport is not None:
                self.transport.close()
            return
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)
        self._next()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """After every read; with a request that came in one piece, there is nothing to resume."""
        if self._answering is None or self._reading_paused:
            super().resume_reading(resume_parser)

    def _process_keepalive(self) -> None:
        if self._answering is not None:  # to aiohttp the connection looks idle
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 — aiohttp's
        await super().shutdown(timeout)
        if self._answering is not None:
            self._answering.cancel()


class PatientRunner(web.AppRunner):
    """Serves an application through `PatientHandler`."""

    def __init__(self, app: web.Application, *, straight: Straight | None = None, **options: Any) -> None:
        super().__init__(app, **options)
        self._straight = straight

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _PatientServer  # the application makes its server itself; only its connections differ
        server._kwargs["straight"] = self._straight
        return server


class _PatientServer(web.Server):
    def __call__(self) -> web.RequestHandler:
        kwargs: dict[str, Any] = self._kwargs
        return PatientHandler(self, loop=self._loop, **kwargs)
