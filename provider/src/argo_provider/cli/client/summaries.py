"""`--summary`: what an entity is for and what it takes, from its annotations."""

from __future__ import annotations

from typing import Any

from argo_provider.cli.client.arguments import as_mapping
from argo_provider.cli.client.output import plain


def summary(kind: str, entity: dict[str, Any]) -> str:
    """As `wsk` puts it: the name, what it is for, its parameters; below a package, its actions and feeds."""
    lines = [_line(kind, entity, entity["namespace"])]
    inside = f"{entity['namespace']}/{entity['name']}"
    lines += [_line("action", each, inside) for each in entity.get("actions") or ()]
    lines += [_line("feed", each, inside) for each in entity.get("feeds") or ()]
    return "\n".join(lines)


def _line(kind: str, entity: dict[str, Any], namespace: str) -> str:
    annotations = as_mapping(entity.get("annotations"))
    about = plain(str(annotations.get("description") or "")) or f"Returns a result based on parameter {_names(entity)}"
    if kind != "action" and "description" not in annotations:
        about = "no description"
    return f"{kind} /{namespace}/{entity['name']}: {about}\n   (parameters: {_names(entity)})"


def _names(entity: dict[str, Any]) -> str:
    """Those that the annotations declare; those that are bound carry a star."""
    bound = set(as_mapping(entity.get("parameters")))
    declared = as_mapping(entity.get("annotations")).get("parameters") or ()
    names = {each["name"] for each in declared if isinstance(each, dict) and "name" in each} | bound
    return ", ".join(f"*{name}" if name in bound else name for name in sorted(names)) or "none defined"
