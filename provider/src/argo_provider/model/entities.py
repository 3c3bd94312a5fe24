"""The four kinds of entity and what they are made of. Immutable: an update is a new value with the next version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from argo_provider.model.limits import ActionLimits
from argo_provider.model.names import FullName


class Collection(Enum):
    """All four share one name space per namespace."""

    ACTIONS = "actions"
    TRIGGERS = "triggers"
    RULES = "rules"
    PACKAGES = "packages"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A bound value. `init`: given to the function as an environment variable at init, not as an argument."""

    value: Any
    init: bool = False


Parameters = Mapping[str, Parameter]
Annotations = Mapping[str, Any]


def values(parameters: Parameters) -> dict[str, Any]:
    """Plain name → value."""
    return {name: p.value for name, p in parameters.items()}


SEQUENCE = "sequence"
BLACKBOX = "blackbox"


@dataclass(frozen=True, slots=True)
class Exec:
    """What an action is: code of a kind, a blackbox image, or a sequence of components.

    `code_digest` names a blob: the source, or the archive's own bytes when `binary`; `code_size` is its length as sent.
    """

    kind: str
    code_digest: str | None = None
    code_size: int = 0
    binary: bool = False
    main: str | None = None
    image: str | None = None
    components: tuple[FullName, ...] = ()

    @property
    def is_sequence(self) -> bool:
        return self.kind == SEQUENCE


@dataclass(frozen=True, slots=True)
class Action:
    """`revision` is the store's (0: not stored yet); `version` is the user's."""

    name: FullName
    exec: Exec
    version: str = "0.0.1"
    publish: bool = False
    updated: int = 0  # epoch milliseconds
    parameters: Parameters = field(default_factory=dict)
    annotations: Annotations = field(default_factory=dict)
    limits: ActionLimits = ActionLimits()
    revision: int = 0

    collection = Collection.ACTIONS


@dataclass(frozen=True, slots=True)
class Package:
    """`binding`: the provider package this one is a view of."""

    name: FullName
    binding: FullName | None = None
    version: str = "0.0.1"
    publish: bool = False
    updated: int = 0
    parameters: Parameters = field(default_factory=dict)
    annotations: Annotations = field(default_factory=dict)
    revision: int = 0

    collection = Collection.PACKAGES


@dataclass(frozen=True, slots=True)
class RuleLink:
    """How a trigger knows one of its rules."""

    action: FullName
    active: bool


@dataclass(frozen=True, slots=True)
class Trigger:
    """`rules` is None until the first rule was linked, then a map of "ns/rule" → link, perhaps empty."""

    name: FullName
    version: str = "0.0.1"
    publish: bool = False
    updated: int = 0
    parameters: Parameters = field(default_factory=dict)
    annotations: Annotations = field(default_factory=dict)
    rules: Mapping[str, RuleLink] | None = None
    revision: int = 0

    collection = Collection.TRIGGERS


@dataclass(frozen=True, slots=True)
class Rule:
    """Joins a trigger to an action; whether it is active is kept in the trigger."""

    name: FullName
    trigger: FullName
    action: FullName
    version: str = "0.0.1"
    publish: bool = False
    updated: int = 0
    annotations: Annotations = field(default_factory=dict)
    revision: int = 0

    collection = Collection.RULES


Entity = Action | Package | Trigger | Rule
