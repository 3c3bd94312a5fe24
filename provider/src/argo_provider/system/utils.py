"""whisk.system/utils: small actions that sequences are glued together with. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from argo_provider.invocation.activator import BuiltinCall
from argo_provider.model.activation import Response, Status
from argo_proxy import jsontext

_MOST_LINES = 100_000


class UtilityError(Exception):
    """The arguments are wrong; the text becomes the application error."""


async def run(utility: Callable[[BuiltinCall], Any], call: BuiltinCall) -> Response:
    """The response of one utility; its size is that of the result as JSON."""
    try:
        result = utility(call)
    except UtilityError as error:
        result = {"error": str(error)}
        return Response(Status.APPLICATION_ERROR, result, len(jsontext.encode(result)))
    return Response(Status.SUCCESS, result, len(jsontext.encode(result)))


def echo(call: BuiltinCall) -> Any:
    """All parameters, as they came."""
    return call.arguments


def cat(call: BuiltinCall) -> Any:
    """{lines: [...]} or {payload: text} → {payload: one text, a line each}."""
    lines = call.arguments.get("lines", call.arguments.get("payload", []))
    return {"payload": "\n".join(_text(line) for line in _lines(lines))}


def head(call: BuiltinCall) -> Any:
    """The first `num` (1) of `lines`."""
    lines = _lines(call.arguments.get("lines", []))
    count = call.arguments.get("num", 1)
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise UtilityError("Expected 'num' to be a number of lines.")
    return {"lines": lines[:count], "num": count}


def split(call: BuiltinCall) -> Any:
    """`payload` cut at `separator` (line ends) into `lines`."""
    payload = call.arguments.get("payload", "")
    separator = call.arguments.get("separator", "\n")
    if not isinstance(payload, str) or not isinstance(separator, str) or not separator:
        raise UtilityError("Expected 'payload' and 'separator' to be strings.")
    return {"lines": payload.split(separator, _MOST_LINES), "payload": payload}


def sort(call: BuiltinCall) -> Any:
    """`lines` in order of their text."""
    lines = sorted(_lines(call.arguments.get("lines", [])), key=_text)
    return {"lines": lines, "length": len(lines)}


def date(_: BuiltinCall) -> Any:
    """The time now, as JavaScript prints it."""
    return {"date": datetime.now(UTC).strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")}


def namespace(call: BuiltinCall) -> Any:
    """The namespace of the caller."""
    return {"namespace": call.identity.namespace}


def smash(call: BuiltinCall) -> Any:
    """All parameters under the name that `$fieldName` gives."""
    field = call.arguments.get("$fieldName")
    if not isinstance(field, str):
        raise UtilityError("Expected an argument '$fieldName' of type 'string'.")
    return {field: {k: v for k, v in call.arguments.items() if k != "$fieldName"}}


UTILITIES: dict[str, Callable[[BuiltinCall], Any]] = {
    "echo": echo,
    "cat": cat,
    "head": head,
    "split": split,
    "sort": sort,
    "date": date,
    "namespace": namespace,
    "smash": smash,
}


def _lines(value: Any) -> list[Any]:
    if isinstance(value, str):
        return value.split("\n")
    if not isinstance(value, list):
        raise UtilityError("Expected 'lines' to be an array.")
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else jsontext.encode(value).decode()
