"""Reading request bodies: bounded in size, depth and time."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from argo_provider.api.state import SERVICES
from argo_provider.errors import MalformedRequest, TooLarge, UnsupportedMedia
from argo_proxy import jsontext

MOST_BODY_BYTES = 50 * 1024 * 1024
_DEEPEST = 512


async def read_body(request: web.Request, limit: int | None = None) -> bytes:
    """The whole body; TooLarge over `limit` bytes (by Content-Length before anything is read)."""
    if limit is not None and request.content_length is not None and request.content_length > limit:
        raise TooLarge.of("Request", request.content_length, limit)
    if not request.can_read_body:
        return b""
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":  # compressed bodies are bombs as often as not, and no client sends them
        raise UnsupportedMedia(
            f"The request's Content-Encoding [{encoding[:32]}] is not supported. Expected:\nidentity"
        )
    if request.content.is_eof():  # all of it came with the head: nothing to wait for
        body = request.content.read_nowait()
        if len(body) > request.client_max_size:
            raise web.HTTPRequestEntityTooLarge(request.client_max_size)
    else:
        async with asyncio.timeout(request.app[SERVICES].body_seconds):
            body = await request.read()
    if limit is not None and len(body) > limit:
        raise TooLarge.of("Request", len(body), limit)
    return body


async def read_object(request: web.Request, limit: int | None = None) -> dict[str, Any]:
    """A JSON object, `{}` for an empty body; MalformedRequest, UnsupportedMedia, TooLarge."""
    body = await read_body(request, limit)
    if not body:
        return {}
    if request.headers.get("Content-Type") != "application/json" != request.content_type:
        given = request.headers.get("Content-Type", "application/octet-stream")
        raise UnsupportedMedia.of(given)
    return parse_object(body)


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object; MalformedRequest."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise MalformedRequest("JSON object expected")
    return value


def parse_json(body: bytes | str) -> Any:
    """Any JSON value; MalformedRequest. Nesting beyond what every part of the way can carry is refused."""
    try:
        value = jsontext.decode(body)
    except ValueError as error:
        raise MalformedRequest(f"The request body is not valid JSON: {error}") from error
    raw = body if isinstance(body, bytes) else body.encode()
    if raw.count(b"[") + raw.count(b"{") > _DEEPEST and _depth(value) > _DEEPEST:
        raise MalformedRequest(f"JSON nested deeper than {_DEEPEST} levels")
    return value


def _depth(value: Any) -> int:
    """Levels of nesting, without recursion."""
    level, current = 0, [value]
    while current:
        level += 1
        below: list[Any] = []
        for item in current:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        current = [item for item in below if isinstance(item, dict | list)]
        if level > _DEEPEST:
            break
    return level
