"""What a web action is called with: context ← query ← body (contract §7). Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from argo_provider.errors import BadRequest, MalformedRequest
from argo_provider.invocation.arguments import RESERVED_TEXT
from argo_proxy import jsontext

RESERVED = frozenset({"__ow_method", "__ow_headers", "__ow_path", "__ow_user", "__ow_query", "__ow_body"})
_TEXT_TYPES = ("application/xml", "application/javascript", "application/x-javascript", "application/ecmascript")


@dataclass(frozen=True, slots=True)
class Incoming:
    """One HTTP request; header names in lower case."""

    method: str
    headers: Mapping[str, str]
    path: str
    raw_query: str
    query: Mapping[str, Any]
    body: bytes
    content_type: str
    charset: str | None
    user: str | None


@dataclass(frozen=True, slots=True)
class WebArguments:
    """`payload` came from query and body and may be refused; `context` is ours and wins over bound parameters."""

    payload: dict[str, Any]
    context: dict[str, Any]


def arguments(incoming: Incoming, *, raw: bool) -> WebArguments:
    """BadRequest when query or body name what is reserved, MalformedRequest for a body that does not parse."""
    context: dict[str, Any] = {
        "__ow_method": incoming.method,
        "__ow_headers": dict(incoming.headers),
        "__ow_path": incoming.path,
    }
    if incoming.user is not None:
        context["__ow_user"] = incoming.user
    if raw:
        context["__ow_query"] = incoming.raw_query
        context["__ow_body"] = _raw_body(incoming)
        return WebArguments({}, context)
    merged, whole = _parsed_body(incoming)
    payload = {**incoming.query, **merged}
    if not RESERVED.isdisjoint(payload):
        raise BadRequest(RESERVED_TEXT)
    if whole is not None:
        context["__ow_body"] = whole[0]
    return WebArguments(payload, context)


def _parsed_body(incoming: Incoming) -> tuple[dict[str, Any], tuple[Any] | None]:
    """Fields to merge, or the whole body as one value (boxed, since it may be null)."""
    if not incoming.body:
        return {}, None
    if is_json(incoming.content_type):
        try:
            value = jsontext.decode(incoming.body)
        except ValueError as error:
            raise MalformedRequest(str(error)) from error
        return (value, None) if isinstance(value, dict) else ({}, (value,))
    if incoming.content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(_text(incoming), keep_blank_values=True, max_num_fields=10_000)), None
    return {}, (_raw_body(incoming),)


def _raw_body(incoming: Incoming) -> str:
    """Text as it is; JSON (for raw actions) and binary media as base64."""
    if not incoming.body:
        return ""
    if is_text(incoming.content_type):
        return _text(incoming)
    return base64.b64encode(incoming.body).decode()


def _text(incoming: Incoming) -> str:
    try:
        return incoming.body.decode(incoming.charset or "utf-8")
    except (UnicodeDecodeError, LookupError) as error:
        raise MalformedRequest("The body is not text in its charset.") from error


def is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")


def is_text(content_type: str) -> bool:
    """Media that are text by nature; JSON counts as binary, as OpenWhisk has it."""
    return (
        content_type.startswith("text/")
        or content_type in _TEXT_TYPES
        or content_type == "application/x-www-form-urlencoded"
        or (content_type.endswith("+xml"))
    )
