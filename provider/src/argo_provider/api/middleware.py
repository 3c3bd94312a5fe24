"""What every request passes, in this order: transaction id → metrics → error mapping → authentication.

Rates are counted in the use cases: only they know what is an invocation and what is a fire.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from argo_provider.api.respond import CORS, OWN_CORS, TRANSACTION_HEADER, error_response
from argo_provider.api.state import API_KEY, IDENTITY, SERVICES, TRANSACTION
from argo_provider.errors import ArgoError, BadRequest, InternalError, NotFound, PlatformError, TooLarge, UserError
from argo_provider.telemetry.access import may_read_metrics

log = structlog.get_logger(__name__)

_SYSTEM_TRANSACTION = "sid_"
_LONGEST_TRANSACTION = 256
_REST = "/api/v1/namespaces"
_OWN = "/api/v1/argo/"
_STATUS = "/api/v1/argo/status"


@web.middleware
async def transaction_id(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Adopts the client's id, or makes one; every answer carries it."""
    given = request.headers.get(TRANSACTION_HEADER, "")
    if not given or given.startswith(_SYSTEM_TRANSACTION) or len(given) > _LONGEST_TRANSACTION:
        given = os.urandom(16).hex()
    request[TRANSACTION] = given
    structlog.contextvars.bind_contextvars(transaction=given)  # each request is a task with a context of its own
    response = await handler(request)
    response.headers[TRANSACTION_HEADER] = given
    return response


@web.middleware
async def metrics(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Time and status by route: the pattern, never the path, so that labels stay few."""
    begun = time.perf_counter()
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else ""
        request.app[SERVICES].observe(route, request.method, status, time.perf_counter() - begun)


@web.middleware
async def error_mapping(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Typed errors to the contract's bodies; what nobody foresaw to a 500 that says nothing of the inside."""
    try:
        response = await handler(request)
    except ArgoError as error:
        request.app[SERVICES].count_error(error.reason)
        if isinstance(error, PlatformError):
            log.error("request_failed", path=request.path, reason=error.reason, text=error.text)  # noqa: TRY400 — foreseen: the text says it all
        response = error_response(error, request[TRANSACTION])
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = error_response(_of_http(error), request[TRANSACTION])
    except (ConnectionError, TimeoutError) as error:
        log.info("request_aborted", path=request.path, error=repr(error))
        response = error_response(_RequestTimeout(), request[TRANSACTION])
    except Exception:  # the guard of the request loop
        log.exception("request_crashed", path=request.path)
        response = error_response(InternalError(), request[TRANSACTION])
    if not response.prepared:
        response.headers.update(_cors(request.path))
    return response


def _cors(path: str) -> Mapping[str, str]:
    if path.startswith(_REST):
        return CORS
    return OWN_CORS if path.startswith(_OWN) else {}


@web.middleware
async def authentication(request: web.Request, handler: Handler) -> web.StreamResponse:
    """All of /api/v1/namespaces and /api/v1/argo needs a key; preflights do not, nor does who operates the service."""
    path = request.path
    if path.startswith((_REST, _OWN)) and not (path == _STATUS and _by_operator(request)):
        if request.method == "OPTIONS":
            return web.Response()
        identity, key = await request.app[SERVICES].authenticator(request.headers.get("Authorization"))
        request[IDENTITY] = identity
        request[API_KEY] = key
    return await handler(request)


def _by_operator(request: web.Request) -> bool:
    """`argofn doctor` has no namespace's key; the status holds nothing that the metrics do not."""
    token = request.app[SERVICES].metrics_token
    return may_read_metrics(request.remote, request.headers.get("Authorization"), token)


MIDDLEWARES = (transaction_id, metrics, error_mapping, authentication)


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
