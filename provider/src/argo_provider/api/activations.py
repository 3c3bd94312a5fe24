"""/api/v1/namespaces/{namespace}/activations (contract §5)."""

from __future__ import annotations

from aiohttp import web

from argo_provider.api import query, render
from argo_provider.api.paths import caller
from argo_provider.api.respond import json_response
from argo_provider.api.state import SERVICES
from argo_provider.entities.access import require_owner
from argo_provider.errors import BadRequest, NotFound
from argo_provider.model.activation import Activation
from argo_provider.model.names import check_activation_id, is_segment
from argo_provider.storage.port import ActivationQuery


async def list_all(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity, namespace = caller(request)
    require_owner(identity, namespace)
    page = query.page(request, "activations", services.limits.list_limit)
    docs, count = query.flag(request, "docs"), query.flag(request, "count")
    if docs and count:
        raise BadRequest("The parameter 'docs' is not permitted with 'count'.")
    wanted = ActivationQuery(
        namespace, _name(request), query.epoch_ms(request, "since"), query.epoch_ms(request, "upto")
    )
    store = services.stores.activations
    if count:
        return json_response({"activations": max(0, await store.count(wanted) - page.skip)})
    found = await store.list(wanted, page, docs=docs)
    return json_response([render.activation(a) if docs else render.activation_item(a) for a in found])


async def get(request: web.Request) -> web.Response:
    return json_response(render.activation(await _find(request)))


async def result(request: web.Request) -> web.Response:
    return json_response(render.response(await _find(request)))


async def logs(request: web.Request) -> web.Response:
    return json_response({"logs": (await _find(request)).logs})


async def _find(request: web.Request) -> Activation:
    identity, namespace = caller(request)
    require_owner(identity, namespace)
    activation_id = check_activation_id(request.match_info["id"])
    found = await request.app[SERVICES].stores.activations.get(namespace, activation_id)
    if found is None:
        raise NotFound
    return found


def _name(request: web.Request) -> str | None:
    name = request.query.get("name")
    if not name:
        return None
    segments = name.split("/")
    if len(segments) > 2 or not all(is_segment(s) for s in segments):
        raise BadRequest(f"Parameter may be a 'simple' name or 'package-name/simple' name: {name}")
    return name
