"""/api/v1/namespaces/{namespace}/rules (contract §4)."""

from __future__ import annotations

from aiohttp import web

from argo_provider.api import query, render
from argo_provider.api.bodies import MOST_BODY_BYTES, read_object
from argo_provider.api.paths import caller, entity_name
from argo_provider.api.respond import json_response
from argo_provider.api.schemas import load_rule
from argo_provider.api.state import SERVICES
from argo_provider.entities.access import require_owner
from argo_provider.entities.rules import RuleView
from argo_provider.errors import MalformedRequest


async def put(request: web.Request) -> web.Response:
    identity, namespace = caller(request)
    name = entity_name(request, namespace)
    overwrite = query.flag(request, "overwrite")
    changes = load_rule(await read_object(request, MOST_BODY_BYTES), namespace)
    return json_response(
        render.rule(await request.app[SERVICES].rules.put(identity, name, changes, overwrite=overwrite))
    )


async def get(request: web.Request) -> web.Response:
    identity, namespace = caller(request)
    return json_response(render.rule(await request.app[SERVICES].rules.get(identity, entity_name(request, namespace))))


async def set_status(request: web.Request) -> web.Response:
    """Answers text, not JSON: clients depend on it."""
    identity, namespace = caller(request)
    name = entity_name(request, namespace)
    require_owner(identity, namespace, str(name))
    status = (await read_object(request, MOST_BODY_BYTES)).get("status")
    if status not in ("active", "inactive"):
        raise MalformedRequest(f"requirement failed: {status} is not a recognized rule state")
    await request.app[SERVICES].rules.set_active(identity, name, active=status == "active")
    return web.Response(text="OK")


async def delete(request: web.Request) -> web.Response:
    identity, namespace = caller(request)
    rule = await request.app[SERVICES].rules.delete(identity, entity_name(request, namespace))
    return json_response(render.rule(RuleView(rule, active=False)))


async def list_all(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    page = query.page(request, "rules", services.limits.list_limit)
    if query.flag(request, "count"):
        return json_response({"rules": max(0, await services.rules.count(identity, namespace) - page.skip)})
    return json_response([render.rule_item(r) for r in await services.rules.list(identity, namespace, page)])
