"""/api/v1/namespaces and its limits (contract §6)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from argo_provider.api.paths import caller
from argo_provider.api.respond import json_response
from argo_provider.api.state import IDENTITY, SERVICES
from argo_provider.entities.access import require_owner


async def list_all(request: web.Request) -> web.Response:
    """A caller has the one namespace of its key."""
    return json_response([request[IDENTITY].namespace])


async def limits(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    require_owner(identity, namespace)
    own, system, defaults = identity.limits, services.limits, services.throttles
    body: dict[str, Any] = {
        "invocationsPerMinute": _or(own.invocations_per_minute, defaults.invocations_per_minute),
        "concurrentInvocations": _or(own.concurrent_invocations, defaults.concurrent_invocations),
        "firesPerMinute": _or(own.fires_per_minute, defaults.fires_per_minute),
        "minActionMemory": system.memory_mb.low,
        "maxActionMemory": _or(own.memory_mb_max, system.memory_mb.high),
        "minActionLogs": system.logs_mb.low,
        "maxActionLogs": system.logs_mb.high,
        "minActionTimeout": system.timeout_ms.low,
        "maxActionTimeout": system.timeout_ms.high,
        "minActionConcurrency": system.concurrency.low,
        "maxActionConcurrency": system.concurrency.high,
        "maxParameterSize": f"{system.parameters_bytes} B",
        "maxActionInstances": _or(own.concurrent_invocations, defaults.concurrent_invocations),
    }
    if own.allowed_kinds is not None:
        body["allowedKinds"] = list(own.allowed_kinds)
    if own.store_activations is not None:
        body["storeActivations"] = own.store_activations
    return json_response(body)


def _or(own: int | None, default: int) -> int:
    return default if own is None else own
