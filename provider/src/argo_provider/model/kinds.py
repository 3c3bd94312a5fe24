"""The kinds of function this installation runs, as the API sees them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from argo_provider.errors import BadRequest, MalformedRequest
from argo_provider.model.entities import BLACKBOX, SEQUENCE

BUILTIN = "argo:builtin"  # whisk.system's own actions, run by the service itself; not to be had by users


@dataclass(frozen=True, slots=True)
class KindInfo:
    """One runtime as `GET /` lists it."""

    kind: str
    family: str
    image: str
    default: bool = False
    deprecated: bool = False
    require_main: bool = False

    def check_supported(self) -> None:
        """BadRequest for a kind that is on its way out."""
        if self.deprecated:
            raise BadRequest(
                f"The '{self.kind}' runtime is no longer supported."
                " You may read and delete but not update or invoke this action."
            )


class KindTable:
    """All kinds, by name."""

    def __init__(self, kinds: Iterable[KindInfo]) -> None:
        self._kinds = {k.kind: k for k in kinds}
        self._defaults = {k.family: k for k in self._kinds.values() if k.default}

    def resolve(self, text: str) -> KindInfo:
        """The kind of a request: trimmed, lower case, `<family>:default` resolved; MalformedRequest if unknown."""
        wanted = text.strip().lower()
        family, _, version = wanted.partition(":")
        found = self._defaults.get(family) if version == "default" else self._kinds.get(wanted)
        if found is None:
            valid = ", ".join(f"'{k}'" for k in [*sorted(self._kinds), BLACKBOX, SEQUENCE])
            raise MalformedRequest(
                f"The specified runtime '{wanted}' is not supported by this platform. Valid values are: {valid}"
            )
        return found

    def get(self, kind: str) -> KindInfo | None:
        return self._kinds.get(kind)

    def families(self) -> dict[str, list[KindInfo]]:
        """By family, in order of name."""
        found: dict[str, list[KindInfo]] = {}
        for kind in sorted(self._kinds.values(), key=lambda k: k.kind):
            found.setdefault(kind.family, []).append(kind)
        return found
