"""The `exec` field of an action's body (contract §1.1). Pure: no blob is stored here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from argo_provider.errors import MalformedRequest, TooLarge
from argo_provider.model.entities import BLACKBOX, SEQUENCE, Exec
from argo_provider.model.kinds import KindTable
from argo_provider.model.limits import SystemLimits
from argo_provider.model.names import FullName

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_IMAGE = re.compile(
    r"\A(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::[0-9]+)?/)?(?:[a-z0-9][a-z0-9._-]*/)*[a-zA-Z0-9][a-zA-Z0-9._-]*"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z0-9]+:[0-9a-fA-F]{32,})?\Z"
)


@dataclass(frozen=True, slots=True)
class ParsedExec:
    """What a body asks for; `code` is still text and not in the blob store."""

    exec: Exec
    code: str | None = None


def is_base64(text: str) -> bool:
    """Whether the server takes `text` for binary code: whatever the client's own `binary` says."""
    return len(text) % 4 == 0 and _BASE64.fullmatch(text) is not None


def parse_exec(body: Mapping[str, Any], kinds: KindTable, limits: SystemLimits, namespace: str) -> ParsedExec:
    """`namespace` replaces `_` in a sequence's components. MalformedRequest, TooLarge."""
    kind = body.get("kind")
    if not isinstance(kind, str):
        raise MalformedRequest("'kind' must be a string defined in 'exec'")
    kind = kind.strip().lower()
    if kind == SEQUENCE:
        return ParsedExec(Exec(SEQUENCE, components=_components(body, namespace)))
    parsed = _blackbox(body) if kind == BLACKBOX else _code(body, kind, kinds)
    size = len(parsed.code.encode()) if parsed.code is not None else 0
    total = size + len((parsed.exec.main or "").encode())
    if total > limits.exec_bytes:
        raise TooLarge.of("exec", total, limits.exec_bytes)
    return replace(parsed, exec=replace(parsed.exec, code_size=size))


def _code(body: Mapping[str, Any], kind: str, kinds: KindTable) -> ParsedExec:
    info = kinds.resolve(kind)
    info.check_supported()
    code = body.get("code", body.get("jar"))
    if not isinstance(code, str):
        raise MalformedRequest(
            f"'code' must be a string or attachment object defined in 'exec' for '{info.kind}' actions"
        )
    main = _main(body)
    if info.require_main and main is None:
        raise MalformedRequest(f"'main' must be a string defined in 'exec' for '{info.kind}' actions")
    code = code.strip() if is_base64(code.strip()) else code
    return ParsedExec(Exec(info.kind, binary=is_base64(code), main=main), code)


def _blackbox(body: Mapping[str, Any]) -> ParsedExec:
    image = body.get("image")
    if not isinstance(image, str) or not _IMAGE.match(image):
        raise MalformedRequest("'image' must be a string defined in 'exec' for 'blackbox' actions")
    code = body.get("code")
    code = code if isinstance(code, str) and code.strip() else None
    code = code.strip() if code is not None and is_base64(code.strip()) else code
    return ParsedExec(Exec(BLACKBOX, binary=code is not None and is_base64(code), main=_main(body), image=image), code)


def _main(body: Mapping[str, Any]) -> str | None:
    main = body.get("main")
    if main is not None and not isinstance(main, str):
        raise MalformedRequest("'main' must be a string")
    return main.strip() or None if main else None


def _components(body: Mapping[str, Any], namespace: str) -> tuple[FullName, ...]:
    if "components" not in body or body["components"] is None:
        raise MalformedRequest("'components' must be defined for sequence kind")
    components = body["components"]
    if not isinstance(components, list) or not all(isinstance(c, str) for c in components):
        raise MalformedRequest("'components' must be an array")
    return tuple(FullName.parse(c).in_namespace(namespace) for c in components)
