"""How a namespace's own functions are named to it: "pkg/a" or "a", without the namespace."""

from __future__ import annotations

from argo_provider.model.names import FullName


def shown(path: str, namespace: str) -> str:
    """`path` ("/ns/[pkg/]name", or without its slash) as `namespace` names it; those of others keep their full name."""
    owner, _, name = path.removeprefix("/").partition("/")
    return name if owner == namespace else f"/{owner}/{name}"


def path_of(name: FullName) -> str:
    """As sandboxes and the optimiser name an action: "/ns/[pkg/]name"."""
    return f"/{name}"
