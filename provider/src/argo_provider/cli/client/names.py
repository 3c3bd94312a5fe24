"""Names of entities as people type them: `a`, `package/a`, `/namespace/package/a`."""

from __future__ import annotations

from dataclasses import dataclass

from argo_provider.cli.client.failures import Misused
from argo_provider.cli.client.http import segment


@dataclass(frozen=True, slots=True)
class Name:
    """`namespace` is `_` where none was given; `package` is "" outside of one."""

    namespace: str
    package: str
    entity: str

    @property
    def qualified(self) -> str:
        """With a slash before it, as bodies carry it."""
        return "/" + "/".join(part for part in (self.namespace, self.package, self.entity) if part)

    @property
    def local(self) -> str:
        """Without the namespace: `package/a` or `a`."""
        return f"{self.package}/{self.entity}" if self.package else self.entity

    @property
    def path(self) -> str:
        """Below a collection, as a URL has it."""
        return "/".join(segment(part) for part in (self.package, self.entity) if part)


def parse(text: str, namespace: str = "_") -> Name:
    """Misused if it is not the name of an entity."""
    parts = text.strip("/").split("/")
    if text.startswith("/"):
        if len(parts) < 2:
            raise Misused(f"{text} names a namespace only", f"{text.rstrip('/')}/NAME")
        namespace, *parts = parts
    if not all(parts) or len(parts) > 2:
        raise Misused(f"{text!r} is no name of an entity", "NAME, PACKAGE/NAME or /NAMESPACE/PACKAGE/NAME")
    return Name(namespace, parts[0] if len(parts) == 2 else "", parts[-1])


def in_collection(text: str, namespace: str = "_") -> Name:
    """The name of what is in no package: a trigger, a rule, a package."""
    name = parse(text, namespace)
    if name.package:
        if text.startswith("/"):
            raise Misused(f"{text} has one part too many", f"/{name.namespace}/{name.entity}")
        raise Misused(f"{text} has one part too many", name.entity)
    return name


def place(text: str | None, namespace: str = "_") -> tuple[str, str]:
    """`/namespace`, `/namespace/package` or `package/` as the place of a list: the namespace and the package or ""."""
    if not text:
        return namespace, ""
    parts = [part for part in text.split("/") if part]
    if text.startswith("/"):
        if len(parts) > 2:
            raise Misused(f"{text} is no place to list", f"/{'/'.join(parts[:2])}")
        return parts[0] if parts else namespace, parts[1] if len(parts) == 2 else ""
    return namespace, parts[0] if parts else ""
