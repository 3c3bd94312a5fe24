"""`argofn package …`: packages and bindings."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from argo_provider.cli.client import listing, output, rows
from argo_provider.cli.client import options as opt
from argo_provider.cli.client.failures import Misused
from argo_provider.cli.client.names import Name, in_collection
from argo_provider.cli.client.session import Session, command
from argo_provider.cli.client.summaries import summary

app = typer.Typer(name="package", no_args_is_help=True, help="Packages of functions, and bindings to others' packages.")


def published(shared: str | None) -> dict[str, bool]:
    """What `--shared` means."""
    if shared is None:
        return {}
    if shared.lower() not in {"yes", "no", "true", "false"}:
        raise Misused(f"--shared takes yes or no, not {shared}", "--shared yes")
    return {"publish": shared.lower() in {"yes", "true"}}


@command(app, "create", "argofn package create tools -p region eu")
def create(
    session: Session,
    name: opt.Package,
    about: opt.Describing,
    shared: opt.Shared = None,
) -> None:
    """Create a package."""
    body = about.fields() | published(shared)
    _put(session, name, body, overwrite=False)


@command(app, "update", "argofn package update tools --shared yes")
def update(
    session: Session,
    name: opt.Package,
    about: opt.Describing,
    shared: opt.Shared = None,
) -> None:
    """Change a package, or create it."""
    body = about.fields() | published(shared)
    _put(session, name, body, overwrite=True)


def _put(session: Session, text: str, body: dict[str, Any], *, overwrite: bool) -> None:
    name = in_collection(text, session.properties.namespace)
    query = {"overwrite": overwrite}
    path = session.at("packages", name.path, name.namespace)
    made = session.api.json("PUT", path, query=query, body={"name": name.entity, **body})
    output.done(session, made, f"{'updated' if overwrite else 'created'} package {name.entity}")


@command(app, "bind", "argofn package bind /whisk.system/utils helpers -p charset utf-8")
def bind(
    session: Session,
    package: opt.Package,
    binding: Annotated[str, typer.Argument(metavar="BINDING", help="The new name.", show_default=False)],
    about: opt.Describing,
) -> None:
    """Make another's package one of your own, with parameters of your own."""
    source = in_collection(package, session.properties.namespace)
    name = in_collection(binding, session.properties.namespace)
    body: dict[str, Any] = {"name": name.entity, **about.fields()}
    body["binding"] = {"namespace": source.namespace, "name": source.entity}
    path = session.at("packages", name.path, name.namespace)
    made = session.api.json("PUT", path, query={"overwrite": False}, body=body)
    output.done(session, made, f"created binding {name.entity}")


@command(app, "get", "argofn package get tools", "argofn package get /whisk.system/utils --summary")
def get(session: Session, name: opt.Package, field: opt.Field = None, summary_only: opt.Summary = False) -> None:
    """Show a package with what is in it."""
    target, found = read(session, name)
    if summary_only:
        output.emit(session, found, lambda: summary("package", found))
    else:
        output.got(session, found, f"got package {target.entity}", field)


def read(session: Session, name: str) -> tuple[Name, dict[str, Any]]:
    """A package with what is in it."""
    target = in_collection(name, session.properties.namespace)
    return target, session.api.json("GET", session.at("packages", target.path, target.namespace))


@command(app, "list", "argofn package list", "argofn package list /whisk.system")
def list_all(
    session: Session,
    page: opt.Paging,
    namespace: Annotated[str | None, typer.Argument(metavar="[/NAMESPACE]", show_default=False)] = None,
) -> None:
    """List packages, the latest change first."""
    listing.of(session, "packages", namespace, page, rows.package_row)


@command(app, "delete", "argofn package delete tools --recursive")
def delete(
    session: Session,
    name: opt.Package,
    recursive: Annotated[bool, typer.Option("--recursive", help="With the functions in it.")] = False,
) -> None:
    """Delete a package; one that is not empty only with --recursive."""
    target, found = read(session, name) if recursive else (in_collection(name, session.properties.namespace), {})
    for action in found.get("actions") or ():
        inside = Name(target.namespace, target.entity, action["name"])
        session.api.json("DELETE", session.at("actions", inside.path, target.namespace))
    gone = session.api.json("DELETE", session.at("packages", target.path, target.namespace))
    output.done(session, gone, f"deleted package {target.entity}")


@command(app, "refresh", hidden=True)
def refresh(session: Session) -> None:
    """Nothing that this service, or any OpenWhisk of today, does; `wsk` has it."""
    raise Misused("no OpenWhisk of today refreshes bindings", "argofn package list; bindings are always up to date")
