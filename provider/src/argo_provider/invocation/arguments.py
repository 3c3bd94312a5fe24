"""What a function is called with: package ← binding ← action ← payload (contract §1.4). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argo_provider.errors import BadRequest
from argo_provider.invocation.call import Payload
from argo_provider.model.entities import Action, Parameters, values

RESERVED_TEXT = "Request defines parameters that are not allowed (e.g., reserved properties)."


def truthy(value: Any) -> bool:
    """How annotations are read as booleans: as JavaScript would, with JSON values."""
    return bool(value) and value != 0


def immutable_names(action: Action, parameters: Parameters) -> frozenset[str]:
    """Names a caller of a `final` action must leave alone: all that are bound to a value."""
    if not truthy(action.annotations.get("final")):
        return frozenset()
    return frozenset(name for name, p in parameters.items() if p.value is not None)


def check_final(action: Action, parameters: Parameters, given: Mapping[str, Any]) -> None:
    """BadRequest if `given` touches a bound parameter of a `final` action."""
    if not immutable_names(action, parameters).isdisjoint(given):
        raise BadRequest(RESERVED_TEXT)


def merge(parameters: Parameters, payload: Payload) -> Payload:
    """The payload over the bound values; an array payload replaces them (only sequences make one)."""
    if isinstance(payload, list):
        return payload
    return {**values(parameters), **payload} if parameters else payload
