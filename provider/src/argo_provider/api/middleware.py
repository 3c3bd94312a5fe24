"""What every request passes, in this order: transaction id → metrics → error mapping → authentication.

Rates are counted in the use cases: only they know what is an invocation and what is a fire.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from argo_provider.api.respond import CORS, OWN_CORS, TRANSACTION_HEADER, error_response
from argo_provider.api.state import API_KEY, IDENTITY, SERVICES, TRANSACTION, Services
from argo_provider.errors import ArgoError, BadRequest, InternalError, NotFound, PlatformError, TooLarge, UserError
from argo_provider.model.names import random_id
from argo_provider.telemetry.access import may_read_metrics
from argo_provider.telemetry.logs import bind_transaction

log = structlog.get_logger(__name__)

_SYSTEM_TRANSACTION = "sid_"
_LONGEST_TRANSACTION = 256
_REST = "/api/v1/namespaces"
_OWN = "/api/v1/argo/"
_STATUS = "/api/v1/argo/status"


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """All steps in one coroutine: one for each would cost every request several times what they do."""
    begun = time.perf_counter()
    services = request.app[SERVICES]
    transaction = request[TRANSACTION] = transaction_of(request.headers)
    bind_transaction(transaction)  # each request is a task with a context of its own
    status = 500
    try:
        try:
            response: web.StreamResponse = await _authenticated(request, handler, services)
        except Exception as error:  # noqa: BLE001 — the guard of the request loop
            response = error_response(known_error(error, request.path, services), transaction)
        if not response.prepared:
            response.headers.update(_cors(request.path))
        response.headers[TRANSACTION_HEADER] = transaction
        status = response.status
        return response
    finally:  # time and status by route: the pattern, never the path, so that labels stay few
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else ""
        services.observe(route, request.method, status, time.perf_counter() - begun)


def transaction_of(headers: Mapping[str, str]) -> str:
    """The client's id, or a new one; every answer carries it."""
    given = headers.get(TRANSACTION_HEADER, "")
    if not given or given.startswith(_SYSTEM_TRANSACTION) or len(given) > _LONGEST_TRANSACTION:
        return random_id()
    return given


def _cors(path: str) -> Mapping[str, str]:
    if path.startswith(_REST):
        return CORS
    return OWN_CORS if path.startswith(_OWN) else {}


def known_error(error: Exception, path: str, services: Services) -> ArgoError:
    """Typed errors as they are; what nobody foresaw is a 500 that says nothing of the inside.

    Raises a redirect again: it is an answer.
    """
    known: ArgoError
    match error:
        case ArgoError():
            known = error
            services.count_error(error.reason)
            if isinstance(error, PlatformError):
                log.error("request_failed", path=path, reason=error.reason, text=error.text)
        case web.HTTPException():
            if error.status < 400:
                raise error
            known = _of_http(error)
        case ConnectionError() | TimeoutError():
            log.info("request_aborted", path=path, error=repr(error))
            known = _RequestTimeout()
        case _:
            log.error("request_crashed", path=path, exc_info=error)
            known = InternalError()
    return known


async def _authenticated(request: web.Request, handler: Handler, services: Services) -> web.StreamResponse:
    """All of /api/v1/namespaces and /api/v1/argo needs a key; preflights do not, nor does who operates the service."""
    path = request.path
    if path.startswith((_REST, _OWN)) and not (path == _STATUS and _by_operator(request)):
        if request.method == "OPTIONS":
            return web.Response()
        request[IDENTITY], request[API_KEY] = await services.authenticator(request.headers.get("Authorization"))
    return await handler(request)


def _by_operator(request: web.Request) -> bool:
    """`argofn doctor` has no namespace's key; the status holds nothing that the metrics do not."""
    token = request.app[SERVICES].metrics_token
    return may_read_metrics(request.remote, request.headers.get("Authorization"), token)


MIDDLEWARES = (edge,)


class _RequestTimeout(UserError):
    status = 408
    reason = "timeout"
    default_text = "The server timed out waiting for the request."


def _of_http(error: web.HTTPException) -> ArgoError:
    """What the routing layer refuses: an unsupported verb reads as an unknown path."""
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return TooLarge("Request entity too large.")
    if error.status in (404, 405):
        return NotFound(NotFound.NO_ROUTE)
    if 400 <= error.status < 500:
        return BadRequest(error.text or error.reason)
    return InternalError()
