"""Routes of /api/v1/argo: our own, beside OpenWhisk's."""

from __future__ import annotations

from aiohttp import web

from argo_provider.api import (
    argo_builds,
    argo_events,
    argo_functions,
    argo_machine,
    argo_sandboxes,
    argo_tiers,
    argo_versions,
    info,
)

_ARGO = "/api/v1/argo"


def routes() -> list[web.RouteDef]:
    """Of those that match one path, the first is taken."""
    return [
        web.get(_ARGO + "/status", info.status),
        web.get(_ARGO + "/functions", argo_functions.list_all),
        web.get(_ARGO + "/events", argo_events.stream, allow_head=False),
        web.get(_ARGO + "/machine", argo_machine.machine),
        web.get(_ARGO + "/schedules", argo_machine.schedules),
        web.get(_ARGO + "/sandboxes", argo_sandboxes.list_all),
        web.get(_ARGO + "/niuks", argo_sandboxes.niuks),
        web.get(_ARGO + "/builds", argo_builds.list_all),
        web.get(_ARGO + "/builds/{id}", argo_builds.get),
        web.get(_ARGO + "/builds/{id}/log", argo_builds.log),
        web.get(_ARGO + "/tiers", argo_tiers.list_all),
        web.get(_ARGO + "/tiers/{name}", argo_tiers.get),
        web.get(_ARGO + "/tiers/{package}/{name}", argo_tiers.get),
        web.post(_ARGO + "/tiers/{name}", argo_tiers.wish),
        web.post(_ARGO + "/tiers/{package}/{name}", argo_tiers.wish),
        web.get(_ARGO + "/versions/{name}", argo_versions.list_all),
        web.get(_ARGO + "/versions/{name}/{version}", argo_versions.get_or_list),
        web.get(_ARGO + "/versions/{package}/{name}/{version}", argo_versions.get),
        web.post(_ARGO + "/versions/{name}/{version}/restore", argo_versions.restore),
        web.post(_ARGO + "/versions/{package}/{name}/{version}/restore", argo_versions.restore),
        web.options(_ARGO + "/{rest:.*}", info.ping),
    ]
