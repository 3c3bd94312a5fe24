"""Query parameters (contract §0.8): the texts of what is wrong with them are part of the contract."""

from __future__ import annotations

from aiohttp import web

from argo_provider.errors import BadRequest, MalformedQuery
from argo_provider.model.limits import Range
from argo_provider.storage.port import Page


def flag(request: web.Request, name: str, *, default: bool = False) -> bool:
    """true|false in any case; MalformedQuery otherwise."""
    text = request.query.get(name)
    if text is None:
        return default
    lowered = text.lower()
    if lowered not in {"true", "false", "yes", "no", "on", "off", "1", "0"}:
        raise MalformedQuery(name, f"'{text}' is not a valid Boolean value")
    return lowered in {"true", "yes", "on", "1"}


def page(request: web.Request, collection: str, limits: Range) -> Page:
    """`limit` (0 = the most) and `skip`; BadRequest."""
    limit = _integer(request, "limit", limits.default, collection)
    if not limits.low <= limit <= limits.high:
        raise BadRequest(f"The value '{limit}' is not in the range of {limits.low} to {limits.high} for {collection}.")
    skip = _integer(request, "skip", 0, collection)
    if skip < 0:
        raise BadRequest(f"The value '{skip}' is not greater than or equal to 0 for {collection}.")
    return Page(min(skip, 2**53), limit or limits.high)


def _integer(request: web.Request, name: str, default: int, collection: str) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        return int(text) if len(text) < 19 else int("x")
    except ValueError as error:
        raise BadRequest(f"The value '{text}' is not an integer for {collection}.") from error


def epoch_ms(request: web.Request, name: str) -> int | None:
    """`since` and `upto`."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        return int(text) if len(text) < 19 else int("x")
    except ValueError as error:
        raise BadRequest(f"Parameter is not a valid value for epoch seconds: {text}") from error
