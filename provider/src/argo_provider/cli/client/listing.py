"""What the `list` of a kind of entity that is in no package does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from argo_provider.cli.client import output
from argo_provider.cli.client.names import place
from argo_provider.cli.client.session import Session


def of(
    session: Session,
    collection: str,
    namespace: str | None,
    query: Mapping[str, Any],
    row: Callable[[dict[str, Any]], str],
    *,
    by_name: bool,
) -> None:
    """Show a namespace's entities, in the service's order unless `by_name`."""
    where, _ = place(namespace, session.properties.namespace)
    found = session.api.json("GET", session.at(collection, "", where), query=dict(query))
    if by_name:
        found = sorted(found, key=lambda each: each["name"])
    output.listed(session, found, collection, map(row, found))
