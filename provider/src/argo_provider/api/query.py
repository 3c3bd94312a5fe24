"""Query parameters (contract §0.8): the texts of what is wrong with them are part of the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from aiohttp import web

from argo_provider.errors import MalformedQuery
from argo_provider.model.limits import Range
from argo_provider.storage.port import Page


class Queried(Protocol):
    """A request, or its URL."""

    @property
    def query(self) -> Mapping[str, str]: ...


def flag(request: Queried, name: str, *, default: bool = False) -> bool:
    """true|false in any case; MalformedQuery otherwise."""
    text = request.query.get(name)
    if text is None:
        return default
    lowered = text.lower()
    if lowered not in {"true", "false"}:
        raise MalformedQuery(name, f"'{text[:64]}' is not a valid Boolean value")
    return lowered == "true"


def page(request: web.Request, collection: str, limits: Range) -> Page:
    """`limit` (0 = the most) and `skip`; MalformedQuery."""
    limit = _integer(request, "limit", limits.default, collection)
    if not limits.low <= limit <= limits.high:
        text = f"The value '{limit}' is not in the range of {limits.low} to {limits.high} for {collection}."
        raise MalformedQuery("limit", text)
    skip = _integer(request, "skip", 0, collection)
    if skip < 0:
        raise MalformedQuery("skip", f"The value '{skip}' is not greater than or equal to 0 for {collection}.")
    return Page(min(skip, 2**53), limit or limits.high)


def _integer(request: web.Request, name: str, default: int, collection: str) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        return int(text) if len(text) < 19 else int("x")
    except ValueError as error:
        raise MalformedQuery(name, f"The value '{text[:64]}' is not an integer for {collection}.") from error


def choice(request: web.Request, name: str, allowed: Sequence[str]) -> str:
    """One of `allowed`, or "" for none given; MalformedQuery."""
    text = request.query.get(name, "")
    if text and text not in allowed:
        raise MalformedQuery(name, f"'{text[:64]}' is not one of {', '.join(allowed)}")
    return text


def whole_number(request: web.Request, name: str, default: int, most: int) -> int:
    """From 0 to `most`; MalformedQuery."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) <= most):
        raise MalformedQuery(name, f"'{text[:64]}' is not a whole number from 0 to {most}")
    return int(text)


def epoch_ms(request: web.Request, name: str) -> int | None:
    """`since` and `upto`."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        return int(text) if len(text) < 19 else int("x")
    except ValueError as error:
        raise MalformedQuery(name, f"Parameter is not a valid value for epoch seconds: {text[:64]}") from error
