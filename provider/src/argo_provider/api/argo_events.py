"""GET /api/v1/argo/events: what happens in the caller's namespace, as server-sent events."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from argo_provider.api import argo_builds, argo_machine, argo_sandboxes, argo_tiers, render
from argo_provider.api.respond import OWN_CORS, TRANSACTION_HEADER
from argo_provider.api.state import IDENTITY, SERVICES, TRANSACTION
from argo_provider.errors import MalformedQuery, Unauthenticated
from argo_provider.events import ActionChanged
from argo_provider.insight.feed import KINDS, PAUSE_SECONDS, Batch, Interest, Stream
from argo_provider.insight.happenings import LogLines, ShownActivation
from argo_provider.insight.names import shown
from argo_provider.insight.port import BuildView, TierView
from argo_provider.insight.ring import Happening
from argo_provider.insight.services import PoolFigures
from argo_provider.model.names import is_segment
from argo_provider.placement.port import SandboxSummary
from argo_proxy import jsontext

HEART_BEAT_SECONDS = 15.0
_RECONNECT_MS = 1000
_WRITE_SECONDS = 30.0  # for a client that does not read
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}


async def stream(request: web.Request) -> web.StreamResponse:
    """Until the client goes, its key is no longer valid, or the service stops."""
    services = request.app[SERVICES]
    interest = Interest(_kinds(request), _name(request))
    last_id = request.headers.get("Last-Event-ID") or request.query.get("lastEventId") or None
    with services.insight.feed.open(request[IDENTITY].namespace, interest, last_id) as opened:
        headers = {**_HEADERS, **OWN_CORS, TRANSACTION_HEADER: request[TRANSACTION]}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        try:
            await _tell(request, response, opened)
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()  # what it did not read is of no use to anyone
        return response


async def _tell(request: web.Request, response: web.StreamResponse, opened: Stream) -> None:
    authenticate = request.app[SERVICES].authenticator
    loop = asyncio.get_running_loop()
    await _write(response, f"retry: {_RECONNECT_MS}\nid: {opened.id}\n\n".encode())
    checked = loop.time()
    while (batch := await opened.next(HEART_BEAT_SECONDS)) is not None:
        if loop.time() - checked >= HEART_BEAT_SECONDS:
            try:
                await authenticate(request.headers.get("Authorization"))
            except Unauthenticated:
                return
            checked = loop.time()
        await _write(response, _text(opened, batch) if batch.tells else b":\n\n")
        await asyncio.sleep(PAUSE_SECONDS)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(_WRITE_SECONDS):
        await response.write(data)


def _text(opened: Stream, batch: Batch) -> bytes:
    """All of a batch, as it goes over the wire."""
    parts: list[bytes] = []
    if batch.gap:
        parts.append(f"id: {batch.id}\nevent: gap\ndata: {{}}\n\n".encode())
    for happening in batch.happenings:
        if happening.wire is None:
            happening.wire = jsontext.encode(_data(happening, opened.namespace))
        head = f"id: {opened.id_of(happening)}\nevent: {happening.kind}\ndata: "
        parts += [head.encode(), happening.wire, b"\n\n"]
    if isinstance(batch.pool, PoolFigures):
        parts += [b"event: pool\ndata: ", jsontext.encode(argo_machine.pool_event(batch.pool)), b"\n\n"]
    return b"".join(parts)


def _data(happening: Happening, namespace: str) -> dict[str, Any]:
    body = happening.body
    match body:
        case ShownActivation():
            data = render.activation(body.activation, logs=False)
            del data["logs"]
            return {**data, "resultTruncated": True} if body.truncated else data
        case LogLines():
            data = {"activationId": body.activation_id, "name": body.name, "lines": body.lines}
            return {**data, "truncated": True} if body.truncated else data
        case ActionChanged():
            name = shown(f"/{body.name}", namespace)
            return {"name": name, "deleted": body.deleted, "version": body.version}
        case TierView():
            return argo_tiers.event(body)
        case BuildView():
            return argo_builds.build(body)
        case SandboxSummary():
            return argo_sandboxes.sandbox(body, namespace)
    raise TypeError(f"an event of an unknown kind: {type(body).__name__}")


def _kinds(request: web.Request) -> frozenset[str]:
    """All, unless `types` names some."""
    text = request.query.get("types")
    if not text:
        return frozenset(KINDS)
    wanted = [kind.strip() for kind in text.split(",") if kind.strip()]
    for kind in wanted:
        if kind not in KINDS:
            raise MalformedQuery("types", f"'{kind[:64]}' is not one of {', '.join(KINDS)}")
    return frozenset(wanted)


def _name(request: web.Request) -> str:
    name = request.query.get("name", "")
    segments = name.strip("/").split("/")
    if name and (len(segments) > 3 or not all(is_segment(s) for s in segments)):
        raise MalformedQuery("name", "It is no name of a function: 'name' or 'package/name'")
    return name
