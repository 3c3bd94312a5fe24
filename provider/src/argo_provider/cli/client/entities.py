"""`argofn list` and `argofn namespace get`: all that is in a namespace."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from argo_provider.cli.client import output, rows
from argo_provider.cli.client.names import place
from argo_provider.cli.client.rules import with_status
from argo_provider.cli.client.session import Session, command

app = typer.Typer()
Where = Annotated[str | None, typer.Argument(metavar="[/NAMESPACE]", help="Else your own.", show_default=False)]
_ROWS = {"packages": rows.package_row, "actions": rows.action_row, "triggers": rows.trigger_row, "rules": rows.rule_row}
Limits = Annotated[bool, typer.Option("--limits", help="What is allowed in it.")]


@command(app, "list", "argofn list", "argofn list -o yaml")
def list_all(session: Session, namespace: Where = None) -> None:
    """List all that is in your namespace: packages, functions, triggers, rules."""
    show(session, namespace)


def show(session: Session, namespace: str | None = None) -> None:
    """Everything, as `wsk list` prints it."""
    where, _ = place(namespace, session.properties.namespace)
    query = {"limit": 0, "skip": 0}
    found: dict[str, list[dict[str, Any]]] = {
        collection: with_status(session, where, query)
        if collection == "rules"
        else session.api.json("GET", session.at(collection, "", where), query=query)
        for collection in _ROWS
    }

    def text() -> str:
        lines = [f"Entities in namespace: {_name(session, where)}"]
        for collection, entities in found.items():
            lines += [collection, *map(_ROWS[collection], entities)]
        return "\n".join(lines)

    output.emit(session, found, text, _names)


def _name(session: Session, where: str) -> str:
    return str(session.api.json("GET", f"{session.root}/namespaces")[0]) if where == "_" else where


def _names(found: dict[str, list[dict[str, Any]]]) -> str:
    return "\n".join(
        f"{collection[:-1]}/{output.name_of(each)}" for collection, entities in found.items() for each in entities
    )


def get(session: Session, namespace: Where = None, limits: Limits = False) -> None:
    """Show what is in the namespace of your key, or what is allowed in it; asks the service."""
    if limits:
        where, _ = place(namespace, session.properties.namespace)
        found = session.api.json("GET", session.at("limits", "", where))
        output.emit(session, found, lambda: output.dumped(found), lambda _: where)
    else:
        show(session, namespace)


def list_of_key(session: Session) -> None:
    """The namespaces of the key, as `wsk namespace list` prints them."""
    found = session.api.json("GET", f"{session.root}/namespaces")
    output.listed(session, found, "namespaces", found)


def add_to(namespaces: typer.Typer) -> None:
    """Put what asks the service beside the commands that write to the data folder."""
    command(namespaces, "get", "argofn namespace get", "argofn namespace get --limits")(get)
