"""GET /api/v1/argo/functions: the namespace's functions with the figures of the last five minutes."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from argo_provider.api import query
from argo_provider.api.respond import json_response
from argo_provider.api.state import IDENTITY, SERVICES
from argo_provider.insight.functions import SORTS, TIERS, FunctionFilter, FunctionView

_LONGEST_SEARCH = 256


async def list_all(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    window = query.page(request, "functions", services.limits.list_limit)
    wanted = FunctionFilter(
        search=request.query.get("search", "")[:_LONGEST_SEARCH],
        tier=query.choice(request, "tier", TIERS),
        kind=request.query.get("kind", ""),
        sort=query.choice(request, "sort", SORTS) or "name",
    )
    await services.insight.look(request[IDENTITY].namespace)
    found, total = await services.insight.functions.page(request[IDENTITY].namespace, wanted, window)
    return json_response({"functions": [_function(view) for view in found], "total": total})


def _function(view: FunctionView) -> dict[str, Any]:
    row, figures = view.row, view.figures
    return {
        "name": row.name,
        "kind": row.kind,
        "version": row.version,
        "updated": row.updated,
        "memoryMb": row.memory_mb,
        "timeoutMs": row.timeout_ms,
        "web": row.web,
        "tier": view.tier,
        "state": view.state.value,
        "ratePerMinute": round(figures.rate_per_minute, 2),
        "p50": _ms(figures.p50),
        "p99": _ms(figures.p99),
        "errorShare": round(figures.error_share, 4),
        "invocations": figures.invocations,
        "coldShare": round(figures.cold_share, 4),
        "lastInvoked": figures.last_invoked,
        "warmSandboxes": view.warm_sandboxes,
    }


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
