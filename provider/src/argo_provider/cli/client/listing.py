"""What the `list` of a kind of entity that is in no package does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from argo_provider.cli.client import output
from argo_provider.cli.client.names import place
from argo_provider.cli.client.options import Paging
from argo_provider.cli.client.session import Session


def of(
    session: Session,
    collection: str,
    namespace: str | None,
    page: Paging,
    row: Callable[[dict[str, Any]], str],
) -> None:
    """Show a namespace's entities."""
    where, _ = place(namespace, session.properties.namespace)
    found = page.sorted(session.api.json("GET", session.at(collection, "", where), query=page.query()))
    output.listed(session, found, collection, map(row, found))
