"""The API gateway: management under whisk.system/apimgmt, and the APIs themselves under /api/{namespace}."""

from __future__ import annotations

import hmac

from aiohttp import web

from argo_provider.api import web_actions
from argo_provider.api.bodies import parse_json, read_body
from argo_provider.api.respond import json_response
from argo_provider.api.state import SERVICES
from argo_provider.errors import BadRequest, NotFound, Unauthenticated
from argo_provider.system.gateway import NoRoute

_LONGEST = 2 * 1024 * 1024
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Requested-With",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS",
}


async def manage(request: web.Request) -> web.Response:
    """createApi, getApi and deleteApi, with or without an extension."""
    services = request.app[SERVICES]
    operation, _ = web_actions.split_extension(request.match_info["operation"])
    verb = {"createApi": "POST", "getApi": "GET", "deleteApi": "DELETE"}.get(operation)
    if verb is None:
        raise NotFound
    if request.method == "OPTIONS":
        return web.Response(headers=_CORS)
    identity, _ = await services.authenticator(request.headers.get("Authorization"))
    if operation == "getApi":
        apis = await services.gateway.apis(identity, _given(request, "basepath"))
        return json_response({"apis": apis})
    if operation == "createApi":
        body = parse_json(await read_body(request, _LONGEST) or b"{}")
        apidoc = body.get("apidoc") if isinstance(body, dict) else None
        if isinstance(apidoc, str):
            apidoc = parse_json(apidoc)
        response_type = request.query.get("responsetype") or "json"
        return json_response(await services.gateway.create(identity, apidoc, response_type))
    base_path = _given(request, "basepath")
    if not base_path:
        raise BadRequest("basepath is required.")
    await services.gateway.delete(identity, base_path, _given(request, "relpath"), _given(request, "operation"))
    return json_response({})


def _given(request: web.Request, name: str) -> str | None:
    """A query parameter; clients in JavaScript send "undefined" for one that was not set."""
    value = request.query.get(name)
    return value if value and value != "undefined" else None


async def serve(request: web.Request) -> web.Response:
    """A request to an API somebody made: runs the web action behind the route."""
    namespace = request.match_info["namespace"]
    if namespace == "v1":
        raise NotFound(NotFound.NO_ROUTE)
    services = request.app[SERVICES]
    path = request.match_info["path"]
    found = await services.gateway.match(namespace, path, request.method.lower())
    if isinstance(found, NoRoute):
        return _no_route(request, found)
    route = found.route
    target = await web_actions.find(services, route.namespace, route.package, route.action)
    _check_key(target, route.secure_key)
    response = await web_actions.answer(request, services, target, route.extension, found.rest, None, found.parameters)
    for name, value in _CORS.items():
        response.headers.setdefault(name, value)
    return response


def _no_route(request: web.Request, found: NoRoute) -> web.Response:
    if found.path_exists and request.method == "OPTIONS":
        return web.Response(headers=_CORS)
    if found.path_exists:
        return json_response({"status": 405, "message": "Error: Method not allowed."}, 405)
    return json_response({"status": 404, "message": "Error: Whoops. Nothing is configured at this path."}, 404)


def _check_key(target: web_actions.WebTarget, key: str | None) -> None:
    """A secured action runs only behind a route that was made with its key."""
    wanted = target.resolved.action.annotations.get("require-whisk-auth")
    if wanted is None or wanted is False:
        return
    if key is None or not hmac.compare_digest(str(wanted).encode(), key.encode()):
        raise Unauthenticated(Unauthenticated.MISSING)
