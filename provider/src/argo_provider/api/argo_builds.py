"""/api/v1/argo/builds: native forms being made, and what became of the last ones."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from argo_provider.api import query
from argo_provider.api.respond import json_response
from argo_provider.api.state import IDENTITY, SERVICES
from argo_provider.errors import NotFound
from argo_provider.insight.names import shown
from argo_provider.insight.port import BuildView
from argo_provider.model.names import FullName, is_segment

_MOST_LOG_BYTES = 1024 * 1024
NEXT_OFFSET = "X-Next-Offset"


async def list_all(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    namespace = request[IDENTITY].namespace
    limit = query.page(request, "builds", services.limits.list_limit).limit
    name = request.query.get("name", "")
    path = _path(namespace, name) if name else None
    await services.insight.look(namespace)
    found = services.insight.builds.list(namespace, path, limit)
    return json_response({"builds": [build(view) for view in found]})


async def get(request: web.Request) -> web.Response:
    namespace, insight = request[IDENTITY].namespace, request.app[SERVICES].insight
    await insight.look(namespace)
    view = insight.builds.get(namespace, request.match_info["id"])
    if view is None:
        raise NotFound
    return json_response(build(view))


async def log(request: web.Request) -> web.Response:
    """A piece of the log from `offset`; empty at its present end: ask again later from where the header says."""
    offset = query.whole_number(request, "offset", 0, 2**53)
    builds = request.app[SERVICES].insight.builds
    page = await builds.log(request[IDENTITY].namespace, request.match_info["id"], offset, _MOST_LOG_BYTES)
    if page is None:
        raise NotFound
    headers = {NEXT_OFFSET: str(page.next_offset)}
    return web.Response(body=page.data, headers=headers, content_type="text/plain", charset="utf-8")


def _path(namespace: str, name: str) -> str:
    """NotFound for what is no name: nothing can be called so."""
    segments = name.split("/")
    if len(segments) > 2 or not all(is_segment(segment) for segment in segments):
        raise NotFound
    return f"/{FullName.parse(f'{namespace}/{name}')}"


def build(view: BuildView) -> dict[str, Any]:
    return {
        "id": view.id,
        "name": shown(view.function.path, view.function.namespace),
        "fingerprint": view.fingerprint,
        "state": view.state,
        "started": int(view.started * 1000),
        "ended": None if view.ended is None else int(view.ended * 1000),
        "seconds": round(view.seconds, 3),
        "round": view.round,
        "step": view.step,
        "progress": round(view.progress, 3),
        "failure": view.failure,
        "detail": view.detail,
        "artefactBytes": view.artefact_bytes,
    }
