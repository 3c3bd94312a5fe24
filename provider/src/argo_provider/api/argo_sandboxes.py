"""/api/v1/argo/sandboxes and /niuks: where the namespace's functions live at this moment."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from argo_provider.api.respond import json_response
from argo_provider.api.state import IDENTITY, SERVICES
from argo_provider.insight.names import shown
from argo_provider.insight.port import IsolateGroup, NiukView
from argo_provider.placement.port import SandboxSummary


async def list_all(request: web.Request) -> web.Response:
    """Those of the namespace, and those that are bound to nobody yet."""
    namespace, insight = request[IDENTITY].namespace, request.app[SERVICES].insight
    await insight.look(namespace)
    found = insight.snapshot().sandboxes
    return json_response({"sandboxes": [sandbox(s, namespace) for s in found if s.namespace in {"", namespace}]})


async def niuks(request: web.Request) -> web.Response:
    namespace, insight = request[IDENTITY].namespace, request.app[SERVICES].insight
    await insight.look(namespace)
    found = insight.niuks.of(namespace)
    return json_response({"niuks": [_niuk(view) for view in found if view.namespace == namespace]})


def sandbox(summary: SandboxSummary, namespace: str) -> dict[str, Any]:
    """As `namespace` sees it."""
    return {
        "id": summary.id,
        "technology": summary.technology,
        "state": summary.state,
        "kind": summary.kind,
        "memoryMb": summary.memory_mb,
        "name": shown(summary.path, namespace) if summary.path else "",
        "inFlight": summary.in_flight,
        "idleMs": round(summary.idle_seconds * 1000),
    }


def _niuk(view: NiukView) -> dict[str, Any]:
    return {
        "id": view.id,
        "sandbox": view.sandbox,
        "pid": view.pid,
        "started": int(view.started * 1000),
        "memoryBytes": view.memory_bytes,
        "memoryLimitBytes": view.memory_limit_bytes,
        "restarts": view.restarts,
        "isolates": view.isolates,
        "functions": [_isolates(group, view.namespace) for group in view.functions],
    }


def _isolates(group: IsolateGroup, namespace: str) -> dict[str, Any]:
    counts = {"spare": group.spare, "busy": group.busy, "total": group.spare + group.busy, "shared": group.shared}
    return {
        "name": shown(group.path, namespace),
        "isolates": counts,
        "memoryBytes": group.memory_bytes,
        "invocations": group.invocations,
    }
