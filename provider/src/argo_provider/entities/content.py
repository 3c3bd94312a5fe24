"""What the fields of a PUT body mean: key/value arrays, versions, sizes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from argo_provider.errors import MalformedRequest, TooLarge
from argo_provider.model.entities import Annotations, Parameter, Parameters
from argo_proxy import jsontext

_VERSION = re.compile(r"\A(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?\Z")


@dataclass(frozen=True, slots=True)
class CommonChanges:
    """The fields every entity has; None means "not in the body": an update keeps the old value."""

    parameters: Parameters | None = None
    annotations: Annotations | None = None
    version: str | None = None
    publish: bool | None = None


def parse_parameters(items: Iterable[Mapping[str, Any]]) -> dict[str, Parameter]:
    """[{"key","value","init"?}] → by name; the last of a duplicate key wins."""
    return {item["key"]: Parameter(item.get("value"), bool(item.get("init", False))) for item in items}


def parse_annotations(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """[{"key","value"}] → by name."""
    return {item["key"]: item.get("value") for item in items}


def parse_version(text: str) -> str:
    """ "a[.b[.c]]" → "a.b.c"; MalformedRequest for anything else and for 0.0.0."""
    match = _VERSION.match(text)
    if match is None:
        raise MalformedRequest("bad semantic version: " + text[:64])
    version = ".".join(str(int(part or 0)) for part in match.groups())
    if version == "0.0.0":
        raise MalformedRequest("bad semantic version: 0.0.0")
    return version


def next_version(version: str) -> str:
    """Patch + 1."""
    major, minor, patch = version.split(".")
    return f"{major}.{minor}.{int(patch) + 1}"


def check_sizes(
    parameters: Parameters | None, annotations: Annotations | None, parameters_limit: int, annotations_limit: int
) -> None:
    """TooLarge if either takes more bytes as JSON than allowed."""
    if parameters:
        size = _size({name: p.value for name, p in parameters.items()})
        if size > parameters_limit:
            raise TooLarge.of("parameters", size, parameters_limit)
    if annotations:
        size = _size(dict(annotations))
        if size > annotations_limit:
            raise TooLarge.of("annotations", size, annotations_limit)


def _size(mapping: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + len(jsontext.encode(value)) for name, value in mapping.items())
