"""/api/v1/argo/machine and /schedules: what the functions run on, and what will run by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from argo_provider import __version__
from argo_provider.api.respond import json_response
from argo_provider.api.state import IDENTITY, SERVICES
from argo_provider.insight.services import NodeView, PoolFigures
from argo_provider.placement.port import PlacementSnapshot
from argo_provider.system.schedules import Schedule

_KINDS = {"alarm": "cron", "interval": "interval", "once": "once"}


async def machine(request: web.Request) -> web.Response:
    insight = request.app[SERVICES].insight
    now = insight.now()
    figures = now.machine
    return json_response(
        {
            "cpus": figures.cpus,
            "cpuPercent": figures.cpu_percent,
            "loadAverage": [round(load, 2) for load in figures.load_average],
            "memoryBytes": figures.memory_bytes,
            "memoryUsedBytes": figures.memory_used_bytes,
            "pool": pool(now.pool),
            "uptimeSeconds": round(insight.uptime_seconds, 1),
            "version": __version__,
            "degraded": [*insight.degraded()],
            "emulated": insight.emulated(),
            "nodes": [_node(node) for node in insight.nodes()],
        }
    )


def pool(snapshot: PlacementSnapshot) -> dict[str, Any]:
    return {
        "memoryLimitMb": snapshot.memory_limit_mb,
        "memoryUsedMb": snapshot.memory_used_mb,
        "starting": snapshot.starting,
        "waiting": sum(snapshot.waiting.values()),
        "byState": dict(snapshot.by_state),
    }


def pool_event(now: PoolFigures) -> dict[str, Any]:
    machine_now = now.machine
    return {
        **pool(now.pool),
        "cpuPercent": machine_now.cpu_percent,
        "memoryUsedBytes": machine_now.memory_used_bytes,
    }


def _node(node: NodeView) -> dict[str, Any]:
    return {
        "id": node.id,
        "state": node.state,
        "since": node.since,
        "memoryMb": node.memory_mb,
        "memoryUsedMb": node.memory_used_mb,
        "sandboxes": node.sandboxes,
        "waiting": node.waiting,
    }


async def schedules(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    found = await services.schedules(request[IDENTITY].namespace)
    return json_response({"schedules": [_schedule(each, next_ms) for each, next_ms in found]})


def _schedule(schedule: Schedule, next_ms: int | None) -> dict[str, Any]:
    return {
        "trigger": schedule.trigger,
        "kind": _KINDS[schedule.feed],
        "expression": _expression(schedule),
        "timezone": schedule.timezone,
        "next": next_ms,
        "paused": schedule.paused,
        "fired": schedule.fired,
    }


def _expression(schedule: Schedule) -> str:
    """The cron line; "every 5 minutes"; or the one moment, ISO 8601."""
    if schedule.every_ms is not None:
        minutes = schedule.every_ms / 60_000
        return f"every {minutes:g} minutes"
    if schedule.once_ms is not None:
        return datetime.fromtimestamp(schedule.once_ms / 1000, UTC).isoformat()
    return schedule.cron or ""
