"""Connections that are given up: by itself, aiohttp waits for ever for the head of a first request."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

_HEAD_SECONDS = 30.0


class PatientHandler(web.RequestHandler):
    """Ends a connection whose first request has no complete head in time; later ones fall under the keep-alive time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._loop.call_later(_HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._request_count == 0:
            self.force_close()


class PatientRunner(web.AppRunner):
    """Serves an application through `PatientHandler`."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _PatientServer  # the application makes its server itself; only its connections differ
        return server


class _PatientServer(web.Server):
    def __call__(self) -> web.RequestHandler:
        kwargs: dict[str, Any] = self._kwargs
        return PatientHandler(self, loop=self._loop, **kwargs)
