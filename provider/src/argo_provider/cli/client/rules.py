"""`argofn rule …`: which trigger runs which action."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from argo_provider.cli.client import options as opt
from argo_provider.cli.client import output, rows
from argo_provider.cli.client.arguments import key_values
from argo_provider.cli.client.http import checked, segment
from argo_provider.cli.client.names import in_collection, parse, place
from argo_provider.cli.client.session import Session, command
from argo_provider.cli.client.summaries import summary

app = typer.Typer(name="rule", no_args_is_help=True, help="Rules: which trigger runs which function.")


@command(app, "create", "argofn rule create ring bell hello")
def create(
    session: Session,
    name: opt.Rule,
    trigger: opt.Trigger,
    action: opt.Action,
    about: opt.Annotating,
) -> None:
    """Create a rule; it is active at once."""
    _put(session, name, trigger, action, about.annotations(), overwrite=False)


@command(app, "update", "argofn rule update ring bell page")
def update(
    session: Session,
    name: opt.Rule,
    trigger: opt.Trigger,
    action: opt.Action,
    about: opt.Annotating,
) -> None:
    """Point a rule at another trigger or function."""
    _put(session, name, trigger, action, about.annotations(), overwrite=True)


def _put(
    session: Session, text: str, trigger: str, action: str, annotations: dict[str, Any], *, overwrite: bool
) -> None:
    namespace = session.properties.namespace
    name = in_collection(text, namespace)
    body: dict[str, Any] = {
        "name": name.entity,
        "status": "",
        "trigger": in_collection(trigger, namespace).qualified,
        "action": parse(action, namespace).qualified,
    }
    if annotations:
        body["annotations"] = key_values(annotations)
    path = session.at("rules", name.path, name.namespace)
    made = session.api.json("PUT", path, query={"overwrite": overwrite}, body=body)
    output.done(session, made, f"{'updated' if overwrite else 'created'} rule {name.entity}")


@command(app, "enable", "argofn rule enable ring")
def enable(session: Session, name: opt.Rule) -> None:
    """Let a rule run."""
    _set(session, name, "active")


@command(app, "disable", "argofn rule disable ring")
def disable(session: Session, name: opt.Rule) -> None:
    """Stop a rule; its trigger may fire on."""
    _set(session, name, "inactive")


def _set(session: Session, text: str, status: str) -> None:
    name = in_collection(text, session.properties.namespace)
    path = session.at("rules", name.path, name.namespace)
    checked(session.api.send("POST", path, body={"status": status, "trigger": None, "action": None}))
    word = "enabled" if status == "active" else "disabled"
    output.done(session, {"name": name.entity, "status": status}, f"{word} rule {name.entity}")


@command(app, "status", "argofn rule status ring")
def status(session: Session, name: opt.Rule) -> None:
    """Whether a rule is active."""
    found = _read(session, name)
    output.emit(session, found, lambda: output.ok(f"rule {found['name']} is {found['status']}"))


@command(app, "get", "argofn rule get ring")
def get(session: Session, name: opt.Rule, field: opt.Field = None, summary_only: opt.Summary = False) -> None:
    """Show a rule."""
    found = _read(session, name)
    if summary_only:
        output.emit(session, found, lambda: summary("rule", found))
    else:
        output.got(session, found, f"got rule {found['name']}", field)


def _read(session: Session, text: str) -> dict[str, Any]:
    name = in_collection(text, session.properties.namespace)
    found: dict[str, Any] = session.api.json("GET", session.at("rules", name.path, name.namespace))
    return found


@command(app, "list", "argofn rule list")
def list_all(
    session: Session,
    page: opt.Paging,
    namespace: Annotated[str | None, typer.Argument(metavar="[/NAMESPACE]", show_default=False)] = None,
) -> None:
    """List rules with their status."""
    where, _ = place(namespace, session.properties.namespace)
    found = page.sorted(with_status(session, where, page.query()))
    output.listed(session, found, "rules", map(rows.rule_row, found))


def with_status(session: Session, namespace: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules of a list; lists carry no status, so each is read."""
    found = session.api.json("GET", session.at("rules", "", namespace), query=query)
    return [session.api.json("GET", session.at("rules", segment(each["name"]), namespace)) for each in found]


@command(app, "delete", "argofn rule delete ring --disable")
def delete(
    session: Session,
    name: opt.Rule,
    disable_first: Annotated[bool, typer.Option("--disable", help="Stop it first.")] = False,
) -> None:
    """Delete a rule."""
    target = in_collection(name, session.properties.namespace)
    path = session.at("rules", target.path, target.namespace)
    if disable_first:
        checked(session.api.send("POST", path, body={"status": "inactive", "trigger": None, "action": None}))
    gone = session.api.json("DELETE", path)
    output.done(session, gone, f"deleted rule {target.entity}")
