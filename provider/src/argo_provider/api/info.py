"""What anyone may ask: the service's description, its health, its API document (contract §0.1)."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

from aiohttp import web

from argo_provider import __version__
from argo_provider.api import openapi
from argo_provider.api.respond import json_response
from argo_provider.api.state import SERVICES, Services
from argo_provider.errors import Forbidden, Overloaded
from argo_provider.model.kinds import KindInfo
from argo_provider.model.limits import MB, Range
from argo_provider.telemetry.access import may_read_metrics
from argo_provider.telemetry.metrics import CONTENT_TYPE


async def root(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    return json_response(
        {
            "description": "OpenWhisk",
            "support": {"github": "https://github.com/apache/openwhisk/issues", "slack": ""},
            "api_paths": ["/api/v1"],
            "limits": _limits(services),
            "runtimes": {f: [_kind(k) for k in kinds] for f, kinds in services.kinds.families().items()},
        }
    )


def _limits(services: Services) -> dict[str, int]:
    limits, throttles = services.limits, services.throttles
    described = {
        "actions_per_minute": throttles.invocations_per_minute,
        "triggers_per_minute": throttles.fires_per_minute,
        "concurrent_actions": throttles.concurrent_invocations,
        "sequence_length": limits.sequence_length,
    }
    for name, span, unit in (
        ("duration", limits.timeout_ms, 1),
        ("memory", limits.memory_mb, MB),
        ("logs", limits.logs_mb, MB),
    ):
        described |= _range(name, span, unit)
    return described


def _range(name: str, span: Range, unit: int) -> dict[str, int]:
    low, high = span.low * unit, span.high * unit
    return {
        f"default_min_action_{name}": low,
        f"default_max_action_{name}": high,
        f"min_action_{name}": low,
        f"max_action_{name}": high,
    }


def _kind(kind: KindInfo) -> dict[str, Any]:
    return {
        "kind": kind.kind,
        "image": kind.image,
        "deprecated": kind.deprecated,
        "default": kind.default,
        "attached": True,
        "requireMain": kind.require_main,
    }


async def api(_: web.Request) -> web.Response:
    return json_response(
        {
            "description": "OpenWhisk API",
            "api_version": "1.0.0",
            "api_version_path": "v1",
            "build": __version__,
            "buildno": f"argo-{__version__}",
            "swagger_paths": {"ui": "/docs", "api-docs": "/api-docs"},
        }
    )


async def api_docs(_: web.Request) -> web.Response:
    """The OpenAPI document of all that this service answers."""
    return json_response(_document())


@functools.cache
def _document() -> dict[str, Any]:
    return openapi.document()


async def docs(_: web.Request) -> web.Response:
    raise web.HTTPPermanentRedirect("docs/index.html?url=/api/v1/api-docs")


async def docs_page(_: web.Request) -> web.Response:
    """A readable page without anything from elsewhere."""
    page = resources.files("argo_provider.api").joinpath("docs.html").read_bytes()
    return web.Response(body=page, content_type="text/html", charset="utf-8")


async def ping(_: web.Request) -> web.Response:
    return web.Response(text="pong")


async def ready(request: web.Request) -> web.Response:
    """For load balancers: 503 while draining."""
    if request.app[SERVICES].draining():
        raise Overloaded
    return web.Response(text="ready")


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text; for loopback callers, or those with the metrics token."""
    services = request.app[SERVICES]
    if not may_read_metrics(request.remote, request.headers.get("Authorization"), services.metrics_token):
        raise Forbidden
    return web.Response(body=services.metrics(), headers={"Content-Type": CONTENT_TYPE})


async def status(request: web.Request) -> web.Response:
    """Sandboxes, queue, runtimes and their provisioning: what `argofn doctor` shows."""
    return json_response(await request.app[SERVICES].status())
