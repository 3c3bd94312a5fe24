"""Every route of the service, in one place."""

from __future__ import annotations

from aiohttp import web

from argo_provider.api import (
    actions,
    activations,
    argo_routes,
    dashboard,
    gateway,
    info,
    namespaces,
    packages,
    rules,
    sdk,
    triggers,
    web_actions,
)
from argo_provider.api.paths import ACTION, NAMESPACE, PACKAGED_ACTION

_WEB = "/api/v1/web"


def routes() -> list[web.RouteDef]:
    """Invocations first: those of one prefix are tried in this order."""
    return [
        *_actions(),
        *_information(),
        web.get("/api/v1/namespaces", namespaces.list_all),
        web.get("/api/v1/namespaces/", namespaces.list_all),
        web.get(NAMESPACE + "/limits", namespaces.limits),
        *_entities("packages", packages),
        *_entities("triggers", triggers),
        web.post(NAMESPACE + "/triggers/{name}", triggers.fire),
        *_entities("rules", rules),
        web.post(NAMESPACE + "/rules/{name}", rules.set_status),
        web.get(NAMESPACE + "/activations", activations.list_all),
        web.get(NAMESPACE + "/activations/", activations.list_all),
        web.get(NAMESPACE + "/activations/{id}", activations.get),
        web.get(NAMESPACE + "/activations/{id}/result", activations.result),
        web.get(NAMESPACE + "/activations/{id}/logs", activations.logs),
        *argo_routes.routes(),
        web.route("*", _WEB + "/whisk.system/apimgmt/{operation}", gateway.manage),
        web.route("*", _WEB + "/{namespace}/{package}/{action}{rest:(/.*)?}", web_actions.serve),
        web.route("*", "/api/{namespace}{path:/.*}", gateway.serve, name="gateway"),
        web.options("/api/v1/namespaces{rest:.*}", info.ping),
    ]


def _information() -> list[web.RouteDef]:
    return [
        web.get("/", info.root),
        web.get("/ping", info.ping),
        web.get("/ready", info.ready),
        web.get("/metrics", info.metrics),
        web.get("/blackbox.tar.gz", sdk.docker_skeleton),
        web.get("/api/v1", info.api),
        web.get("/api/v1/", info.api),
        web.get("/api/v1/api-docs", info.api_docs),
        web.get("/api/v1/docs", info.docs),
        web.get("/api/v1/docs/index.html", info.docs_page),
        web.get("/dashboard/assets/{name}", dashboard.asset),
        web.get("/dashboard{rest:(/.*)?}", dashboard.page),
    ]


def _actions() -> list[web.RouteDef]:
    found = []
    for path in (ACTION, PACKAGED_ACTION):
        found += [
            web.put(NAMESPACE + path, actions.put),
            web.get(NAMESPACE + path, actions.get),
            web.delete(NAMESPACE + path, actions.delete),
            web.post(NAMESPACE + path, actions.invoke),
        ]
    # `wsk action list p/` sends the package with two slashes behind it
    lists = ("/actions", "/actions/", "/actions/{package}/", "/actions/{package}//")
    return [*found, *(web.get(NAMESPACE + path, actions.list_all) for path in lists)]


def _entities(collection: str, handlers: object) -> list[web.RouteDef]:
    path = f"{NAMESPACE}/{collection}"
    return [
        web.get(path, handlers.list_all),  # type: ignore[attr-defined]
        web.get(path + "/", handlers.list_all),  # type: ignore[attr-defined]
        web.put(path + "/{name}", handlers.put),  # type: ignore[attr-defined]
        web.get(path + "/{name}", handlers.get),  # type: ignore[attr-defined]
        web.delete(path + "/{name}", handlers.delete),  # type: ignore[attr-defined]
    ]
