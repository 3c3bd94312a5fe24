"""/api/v1/namespaces/{namespace}/triggers (contract §3)."""

from __future__ import annotations

from aiohttp import web

from argo_provider.api import query, render
from argo_provider.api.actions import accepted
from argo_provider.api.bodies import MOST_BODY_BYTES, read_object
from argo_provider.api.paths import caller, entity_name
from argo_provider.api.respond import json_response
from argo_provider.api.schemas import load_trigger
from argo_provider.api.state import API_KEY, SERVICES, TRANSACTION
from argo_provider.invocation.fire import FireRequest

_NOT_PASSED_ON = frozenset({"authorization", "host", "content-length", "content-type", "x-ow-extra-logging"})


async def put(request: web.Request) -> web.Response:
    identity, namespace = caller(request)
    name = entity_name(request, namespace)
    overwrite = query.flag(request, "overwrite")
    changes = load_trigger(await read_object(request, MOST_BODY_BYTES))
    trigger = await request.app[SERVICES].triggers.put(identity, name, changes, overwrite=overwrite)
    return json_response(render.trigger(trigger))


async def get(request: web.Request) -> web.Response:
    identity, namespace = caller(request)
    return json_response(
        render.trigger(await request.app[SERVICES].triggers.get(identity, entity_name(request, namespace)))
    )


async def delete(request: web.Request) -> web.Response:
    identity, namespace = caller(request)
    trigger = await request.app[SERVICES].triggers.delete(identity, entity_name(request, namespace))
    return json_response(render.trigger(trigger))


async def list_all(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    page = query.page(request, "triggers", services.limits.list_limit)
    if query.flag(request, "count"):
        return json_response({"triggers": max(0, await services.triggers.count(identity, namespace) - page.skip)})
    return json_response([render.trigger_item(t) for t in await services.triggers.list(identity, namespace, page)])


async def fire(request: web.Request) -> web.Response:
    """202 with the id, or 204 when no rule is active."""
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    name = entity_name(request, namespace)
    payload = await read_object(request, services.limits.payload_bytes)
    headers = {k.lower(): v for k, v in request.headers.items() if k.lower() not in _NOT_PASSED_ON}
    activation_id = await services.fire(
        FireRequest(identity, name, payload, request[TRANSACTION], headers, api_key=request[API_KEY])
    )
    return web.Response(status=204) if activation_id is None else accepted(activation_id)
