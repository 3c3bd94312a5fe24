"""/api/v1/namespaces/{namespace}/packages (contract §2)."""

from __future__ import annotations

from aiohttp import web

from argo_provider.api import query, render
from argo_provider.api.bodies import MOST_BODY_BYTES, read_object
from argo_provider.api.paths import caller, entity_name
from argo_provider.api.respond import json_response
from argo_provider.api.schemas import load_package
from argo_provider.api.state import SERVICES


async def put(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    name = entity_name(request, namespace)
    changes = load_package(await read_object(request, MOST_BODY_BYTES), namespace)
    package = await services.packages.put(identity, name, changes, overwrite=query.flag(request, "overwrite"))
    return json_response(render.package(package))


async def get(request: web.Request) -> web.Response:
    identity, namespace = caller(request)
    view = await request.app[SERVICES].packages.get(identity, entity_name(request, namespace))
    return json_response(render.package_view(view))


async def delete(request: web.Request) -> web.Response:
    identity, namespace = caller(request)
    name = entity_name(request, namespace)
    force = query.flag(request, "force")
    return json_response(render.package(await request.app[SERVICES].packages.delete(identity, name, force=force)))


async def list_all(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    page = query.page(request, "packages", services.limits.list_limit)
    if query.flag(request, "count"):
        return json_response({"packages": max(0, await services.packages.count(identity, namespace) - page.skip)})
    return json_response([render.package_item(p) for p in await services.packages.list(identity, namespace, page)])
