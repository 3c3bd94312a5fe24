"""Responses: JSON bodies, error bodies, the headers that every answer carries."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from argo_provider.errors import ArgoError, Unauthenticated
from argo_proxy import jsontext

ACTIVATION_HEADER = "x-openwhisk-activation-id"
TRANSACTION_HEADER = "X-Request-ID"
CHALLENGE = 'Basic realm="OpenWhisk secure realm",charset=UTF-8'
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent",
    "Access-Control-Allow-Methods": "GET, DELETE, POST, PUT, HEAD",
}
# What only /api/v1/argo takes and gives, beside the contract's.
OWN_CORS = {
    **CORS,
    "Access-Control-Allow-Headers": CORS["Access-Control-Allow-Headers"] + ", Last-Event-ID",
    "Access-Control-Expose-Headers": "X-Next-Offset, X-Request-ID",
}

_JSON = {"Content-Type": "application/json"}


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """`body` is any JSON value."""
    fields = _JSON if headers is None else {**_JSON, **headers}
    return web.Response(body=jsontext.encode(body), status=status, headers=fields)


def pretty_response(body: Any, status: int = 200) -> web.Response:
    """As the errors of web actions are printed."""
    text = jsontext.pretty(body)
    return web.Response(body=text, status=status, content_type="application/json")


def error_body(error: ArgoError, transaction: str) -> dict[str, str]:
    """`code` is the transaction id: clients print it and match on its presence."""
    return {"error": error.text, "code": transaction}


def error_response(error: ArgoError, transaction: str) -> web.Response:
    """The contract's shape for every error."""
    return json_response(error_body(error, transaction), error.status, error_headers(error))


def error_headers(error: ArgoError) -> dict[str, str]:
    """Those of this error alone."""
    return {"WWW-Authenticate": CHALLENGE} if isinstance(error, Unauthenticated) else {}
