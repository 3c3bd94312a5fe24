"""Names of entities: segments, paths and fully qualified names, as the API's grammar has them (contract §0.6)."""

from __future__ import annotations

import os
import re

import msgspec

from argo_provider.errors import BadRequest, MalformedRequest

MAX_SEGMENT = 256
_SEGMENT = re.compile(r"\A([\w]|[\w][\w@ .&-]{0,254}[\w@.&-])\Z", re.ASCII)
_ACTIVATION_ID = re.compile(r"\A[0-9a-f]{32}\Z")
OWN_NAMESPACE = "_"
DEFAULT_PACKAGE = "default"


def check_name(text: str) -> str:
    """`text` if it is a legal entity name; BadRequest otherwise."""
    if len(text) > MAX_SEGMENT:
        raise BadRequest(f"Name segement longer than allowed: {len(text)} > {MAX_SEGMENT}.")
    if not _SEGMENT.match(text):
        raise BadRequest("The name of the entity contains illegal characters.")
    return text


def check_namespace(text: str) -> str:
    """`text` if it is a legal namespace; BadRequest otherwise."""
    if len(text) > MAX_SEGMENT:
        raise BadRequest(f"Namespace longer than allowed: {len(text)} > {MAX_SEGMENT}.")
    if not _SEGMENT.match(text):
        raise BadRequest("The namespace contains illegal characters.")
    return text


def is_segment(text: str) -> bool:
    return bool(_SEGMENT.match(text))


class FullName(msgspec.Struct, frozen=True, order=True):
    """A fully qualified name: `ns/name` or `ns/package/name`. `str()` is without the leading slash."""

    namespace: str
    name: str
    package: str | None = None

    def __str__(self) -> str:
        return f"{self.path}/{self.name}"

    @property
    def path(self) -> str:
        """Where the entity lives: `ns` or `ns/package`."""
        return f"{self.namespace}/{self.package}" if self.package else self.namespace

    @property
    def package_name(self) -> FullName:
        """The package this entity is in; only for packaged ones."""
        if self.package is None:
            raise ValueError(f"{self} is not in a package")
        return FullName(self.namespace, self.package)

    def in_namespace(self, namespace: str) -> FullName:
        """With `_` resolved to `namespace`."""
        return FullName(namespace, self.name, self.package) if self.namespace == OWN_NAMESPACE else self

    @classmethod
    def parse(cls, text: str) -> FullName:
        """Parse `/ns/pkg/name`, `/ns/name`, `ns/pkg/name`, `ns/name`; MalformedRequest otherwise."""
        segments = text.removeprefix("/").split("/")
        if len(segments) < 2:
            raise MalformedRequest(
                "The fully qualified name of the entity must contain at least the namespace and the name of the entity."
            )
        if len(segments) > 3 or not all(is_segment(s) for s in segments):
            raise MalformedRequest("The name of the entity contains illegal characters.")
        namespace, *package, name = segments
        return cls(namespace, name, package[0] if package and package[0] != DEFAULT_PACKAGE else None)


def check_activation_id(text: str) -> str:
    """`text` if it is an activation id; BadRequest with the contract's text otherwise."""
    if len(text) != 32:
        raise BadRequest(f"Activation id length is {len(text)} but must be 32.")
    if not _ACTIVATION_ID.match(text):
        raise BadRequest("The activation id is not valid.")
    return text


_ID_BYTES = 16
_IDS_AT_ONCE = 256
_ids: list[str] = []
os.register_at_fork(after_in_child=_ids.clear)  # no two processes give the same


def random_id() -> str:
    """32 hexadecimal digits, unpredictable: ids of activations are shown to anonymous callers of web actions."""
    try:
        return _ids.pop()
    except IndexError:  # as `secrets` does, for many at once: to ask the kernel for each costs six times as much
        digits = os.urandom(_ID_BYTES * _IDS_AT_ONCE).hex()
        one, *others = (digits[at : at + 2 * _ID_BYTES] for at in range(0, len(digits), 2 * _ID_BYTES))
        _ids.extend(others)
        return one


new_activation_id = random_id
