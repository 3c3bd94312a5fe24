"""/api/v1/web/{namespace}/{package}/{action}[.ext][/rest]: functions as web pages and services (contract §7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from argo_provider.api.authentication import Authenticator
from argo_provider.api.bodies import read_body
from argo_provider.api.respond import ACTIVATION_HEADER, pretty_response
from argo_provider.api.state import SERVICES, TRANSACTION, Services
from argo_provider.api.web_arguments import Incoming, arguments
from argo_provider.api.web_rendering import render
from argo_provider.entities.access import ResolvedAction, resolve_action
from argo_provider.errors import ArgoError, BadRequest, NotFound, Unauthenticated, UserError
from argo_provider.invocation.arguments import RESERVED_TEXT, immutable_names
from argo_provider.invocation.call import Call
from argo_provider.invocation.invoke import Accepted
from argo_provider.model.identity import Identity
from argo_provider.model.names import DEFAULT_PACKAGE, FullName, is_segment

_EXTENSIONS = (".http", ".json", ".html", ".svg", ".text")
_METHODS = "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"
_HEADERS = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"
_STRIPPED = frozenset({"x-ow-extra-logging"})
_CORS_HEADERS = (
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
)


@dataclass(frozen=True, slots=True)
class WebTarget:
    """A web action found by its path, and whom it runs as."""

    resolved: ResolvedAction
    owner: Identity

    @property
    def raw(self) -> bool:
        return self.resolved.action.annotations.get("raw-http") is True

    @property
    def custom_options(self) -> bool:
        return self.resolved.action.annotations.get("web-custom-options") is True


async def serve(request: web.Request) -> web.Response:
    """Errors are pretty-printed and say no more than they must."""
    services = request.app[SERVICES]
    try:
        name, extension = split_extension(request.match_info["action"])
        target = await find(services, request.match_info["namespace"], request.match_info["package"], name)
        cors = not target.custom_options
        if request.method == "OPTIONS" and cors:
            return _with_cors(request, web.Response())
        caller = await _caller(request, services.authenticator)
        if not (request.method == "OPTIONS" and target.custom_options):
            _check_whisk_auth(request, target, caller)
        response = await answer(request, services, target, extension, request.match_info["rest"], caller)
        return _with_cors(request, response) if cors else response
    except UserError as error:
        body = {"error": error.text, "code": request[TRANSACTION]}
        return _with_cors(request, pretty_response(body, error.status))


async def answer(
    request: web.Request,
    services: Services,
    target: WebTarget,
    extension: str,
    rest: str,
    caller: Identity | None,
    extra: Mapping[str, object] | None = None,
) -> web.Response:
    """Invoke and render; also what the API gateway does, with its path parameters as `extra`."""
    body = await read_body(request, services.limits.payload_bytes)
    incoming = Incoming(
        method=request.method.lower(),
        headers={n.lower(): value for n, value in request.headers.items() if n.lower() not in _STRIPPED},
        path=rest,
        raw_query=request.rel_url.raw_query_string,
        query={**request.query, **(extra or {})},
        body=body,
        content_type=request.content_type if body else "",
        charset=request.charset,
        user=caller.namespace if caller else None,
    )
    action = target.resolved.action
    immutable = frozenset() if target.raw else immutable_names(action, target.resolved.parameters)
    given = arguments(incoming, raw=target.raw)
    if not target.raw and not immutable.isdisjoint(given.payload):
        raise BadRequest(RESERVED_TEXT)
    call = Call(
        identity=target.owner,
        target=target.resolved,
        payload=given.payload,
        transaction_id=request[TRANSACTION],
        extra_arguments=given.context,
    )
    services.invoke.check_rate(target.owner)
    result = await services.invoke.wait(call, services.limits.blocking_wait_ms)
    if isinstance(result, Accepted):
        waiting = {"error": "Response not yet ready.", "code": request[TRANSACTION]}
        response = pretty_response(waiting, 202)
        response.headers[ACTIVATION_HEADER] = result.activation_id
        return response
    response = _rendered(request, result.response.status, result.response.result, extension)
    response.headers[ACTIVATION_HEADER] = result.activation_id
    return response


def _rendered(request: web.Request, status: int, result: object, extension: str) -> web.Response:
    try:
        return render(status, result, extension)
    except ArgoError as error:
        return pretty_response({"error": error.text, "code": request[TRANSACTION]}, error.status)


def split_extension(name: str) -> tuple[str, str]:
    """The action's name and its extension; `.http` where none is given."""
    for extension in _EXTENSIONS:
        if name.endswith(extension) and len(name) > len(extension):
            return name.removesuffix(extension), extension
    return name, ".http"


async def find(services: Services, namespace: str, package: str, name: str) -> WebTarget:
    """NotFound, all alike, unless there is such an action and it is exported."""
    if not all(is_segment(segment) for segment in (namespace, package, name)) or namespace == "_":
        raise NotFound
    record = await services.stores.namespaces.by_name(namespace)
    if record is None:
        raise NotFound
    full = FullName(namespace, name, None if package == DEFAULT_PACKAGE else package)
    try:
        resolved = await resolve_action(services.stores.entities, record.identity, full)
    except UserError as error:
        raise NotFound from error
    if resolved.action.annotations.get("web-export") is not True:
        raise NotFound
    return WebTarget(resolved, record.identity)


async def _caller(request: web.Request, authenticator: Authenticator) -> Identity | None:
    """Who calls, if a valid key was sent; a wrong one counts as none."""
    header = request.headers.get("Authorization")
    if not header:
        return None
    try:
        return (await authenticator(header))[0]
    except Unauthenticated:
        return None


def _check_whisk_auth(request: web.Request, target: WebTarget, caller: Identity | None) -> None:
    wanted = target.resolved.action.annotations.get("require-whisk-auth")
    if wanted is None or wanted is False:
        return
    if wanted is True:
        if caller is None:
            raise Unauthenticated(Unauthenticated.MISSING)
        return
    given = request.headers.get("X-Require-Whisk-Auth")
    if isinstance(wanted, str | int | float) and given == str(wanted):
        return
    raise Unauthenticated(Unauthenticated.MISSING)


def _with_cors(request: web.Request, response: web.Response) -> web.Response:
    asked = request.headers.get("Access-Control-Request-Headers")
    for name, value in zip(_CORS_HEADERS, ("*", _METHODS, asked or _HEADERS), strict=True):
        response.headers[name] = value
    return response
