"""What a web action's result becomes, by extension (contract §7). Pure but for building the response."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from argo_provider.api.web_arguments import is_json, is_text
from argo_provider.entities.exec_fields import is_base64
from argo_provider.errors import BadRequest, NotFound
from argo_provider.model.activation import Status
from argo_proxy import jsontext

_PROCESSING = "There was an error processing your request."
_MISMATCH = "Response type in header did not match generated content type."
_UNKNOWN_TYPE = "Response did not specify a known content-type."
_MISSING = "Response does not include requested property."
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110: token
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_HTTP = "Response is not valid 'message/http'."


def render(status: int, result: Any, extension: str) -> web.Response:
    """A success and an application error are rendered alike; BadRequest for everything else, NotFound."""
    if status == Status.APPLICATION_ERROR:
        if not isinstance(result, dict) or "error" not in result:
            raise NotFound(_MISSING)
        return _RENDERERS[extension](result["error"])
    if status != Status.SUCCESS:
        raise BadRequest(_PROCESSING)
    return _RENDERERS[extension](_projected(result, extension))


def _projected(result: Any, extension: str) -> Any:
    """`.html`, `.svg` and `.text` show one property of an object."""
    names = {".html": ("body", "html"), ".svg": ("body", "svg"), ".text": ("body", "text")}.get(extension)
    if names is None or not isinstance(result, dict):
        return result
    for name in names:
        if name in result:
            return result[name]
    raise NotFound(_MISSING)


def _http(result: Any) -> web.Response:
    if not isinstance(result, dict):
        raise BadRequest(_NOT_HTTP)
    status = _status_code(result.get("statusCode"))
    headers = _headers(result.get("headers"))
    content_type = headers.pop("Content-Type", None)
    body = result.get("body")
    if body is None or body == "":
        return _empty(status, headers, content_type)
    if isinstance(body, str):
        return _text_body(body, status or 200, headers, content_type)
    return _json_body(body, status or 200, headers, content_type)


def _empty(status: int | None, headers: CIMultiDict[str], content_type: str | None) -> web.Response:
    response = web.Response(status=status or 204, headers=headers)
    if content_type is not None and (status or 204) != 204:
        _set_type(response, content_type)
    return response


def _text_body(body: str, status: int, headers: CIMultiDict[str], content_type: str | None) -> web.Response:
    if content_type is None:
        return web.Response(text=body, status=status, headers=headers, content_type="text/html", charset="utf-8")
    media = _media(content_type)
    if is_text(media):
        data = body.encode()
    elif is_json(media):
        data = base64.b64decode(body) if is_base64(body) else body.encode()
    else:
        try:
            data = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadRequest(_MISMATCH) from error
    response = web.Response(body=data, status=status, headers=headers)
    _set_type(response, content_type)
    return response


def _json_body(body: Any, status: int, headers: CIMultiDict[str], content_type: str | None) -> web.Response:
    if content_type is not None and not is_json(_media(content_type)):
        raise BadRequest(_MISMATCH)
    response = web.Response(body=jsontext.encode(body), status=status, headers=headers)
    _set_type(response, content_type or "application/json")
    return response


def _set_type(response: web.Response, content_type: str) -> None:
    media = _media(content_type)
    if is_text(media) and "charset" not in content_type.lower():
        content_type = f"{media}; charset=UTF-8"
    response.headers["Content-Type"] = content_type


def _media(content_type: str) -> str:
    media = content_type.partition(";")[0].strip().lower()
    kind, slash, subtype = media.partition("/")
    if not slash or not kind or not subtype or any(c.isspace() for c in content_type.strip().partition(";")[0]):
        raise BadRequest(_UNKNOWN_TYPE)
    return media


def _status_code(value: Any) -> int | None:
    """An integer or a numeric string; BadRequest otherwise."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise BadRequest(_NOT_HTTP)
    return value


def _headers(given: Any) -> CIMultiDict[str]:
    """Values are strings, numbers, booleans, or arrays of them (the header repeats)."""
    headers: CIMultiDict[str] = CIMultiDict()
    if given is None:
        return headers
    if not isinstance(given, dict):
        raise BadRequest(_NOT_HTTP)
    for name, value in given.items():
        for item in value if isinstance(value, list) else [value]:
            text = _header_text(item)
            if not _HEADER_NAME.fullmatch(name) or _CONTROL.search(text):
                raise BadRequest(_NOT_HTTP)
            headers.add(name, text)
    for hop in ("Content-Length", "Transfer-Encoding", "Connection"):
        headers.popall(hop, None)
    return headers


def _header_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise BadRequest(_NOT_HTTP)


def _json(result: Any) -> web.Response:
    if not isinstance(result, dict | list):
        raise BadRequest("Response is not valid 'application/json'.")
    return web.Response(body=jsontext.encode(result), content_type="application/json")


def _html(result: Any) -> web.Response:
    if not isinstance(result, str):
        raise BadRequest("Response is not valid 'text/html'.")
    return web.Response(text=result, content_type="text/html", charset="utf-8")


def _svg(result: Any) -> web.Response:
    if not isinstance(result, str):
        raise BadRequest("Response is not valid 'image/svg+xml'.")
    return web.Response(text=result, content_type="image/svg+xml", charset="utf-8")


def _text(result: Any) -> web.Response:
    if isinstance(result, dict | list):
        text = jsontext.pretty(result).decode()
    else:
        text = result if isinstance(result, str) else jsontext.encode(result).decode()
    return web.Response(text=text, content_type="text/plain", charset="utf-8")


_RENDERERS: Mapping[str, Callable[[Any], web.Response]] = {
    ".http": _http,
    ".json": _json,
    ".html": _html,
    ".svg": _svg,
    ".text": _text,
}
