"""`argofn property …`: what `~/.wskprops` says, shared with `wsk`."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Annotated, Any

import typer

from argo_provider import __version__
from argo_provider.cli.client import output
from argo_provider.cli.client import properties as props
from argo_provider.cli.client.failures import ClientError, Misused
from argo_provider.cli.client.session import Format, Session, command
from argo_provider.cli.terminal import say

app = typer.Typer(name="property", no_args_is_help=True, help="The property file: API host, key, namespace, …")

_LABELS = {
    "CERT": "client cert",
    "KEY": "Client key",
    "APIHOST": "whisk API host",
    "AUTH": "whisk auth",
    "NAMESPACE": "whisk namespace",
    "APIVERSION": "whisk API version",
    "CLIVERSION": "whisk CLI version",
    "APIBUILD": "whisk API build",
    "APIBUILDNO": "whisk API build number",
}


_KEY = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:")
Values = Annotated[list[str] | None, typer.Argument(hidden=True, show_default=False)]


def _flag(text: str) -> Any:
    return typer.Option(f"--{text}", help=f"The {_LABELS[text.upper()]}.")


def _value(*names: str, about: str) -> Any:
    return typer.Option(*names, help=about, show_default=False)


@command(app, "get", "argofn property get", "argofn property get --apihost --output raw")
def get(
    session: Session,
    values: Values = None,
    apihost: Annotated[bool, _flag("apihost")] = False,
    auth: Annotated[bool, _flag("auth")] = False,
    namespace: Annotated[bool, _flag("namespace")] = False,
    apiversion: Annotated[bool, _flag("apiversion")] = False,
    cert: Annotated[bool, _flag("cert")] = False,
    key: Annotated[bool, _flag("key")] = False,
    cliversion: Annotated[bool, _flag("cliversion")] = False,
    apibuild: Annotated[bool, _flag("apibuild")] = False,
    apibuildno: Annotated[bool, _flag("apibuildno")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="table|json|yaml|name|raw", help="raw: the value alone.")
    ] = "table",
) -> None:
    """Show the properties in effect: from the file, the environment, or their defaults.

    A value behind --apihost or --auth says which service to ask, as with every other command.
    """
    host, secret = _told(values or [])
    session.properties = replace(
        session.properties, apihost=host or session.properties.apihost, auth=secret or session.properties.auth
    )
    apihost, auth = apihost and not host, auth and not secret
    flags = {
        "APIHOST": apihost, "AUTH": auth, "NAMESPACE": namespace, "APIVERSION": apiversion, "CERT": cert, "KEY": key,
        "CLIVERSION": cliversion, "APIBUILD": apibuild, "APIBUILDNO": apibuildno,
    }  # fmt: skip
    chosen = [name for name, given in flags.items() if given] if any(flags.values()) and not everything else list(flags)
    found = _local(session) | (_remote(session, quietly=not (apibuild or apibuildno)) if _asks(chosen) else {})
    _show(session, {name: found.get(name, "") for name in chosen}, output)


def _told(values: list[str]) -> tuple[str, str]:
    """The service and the key among words behind flags that take none here; a key begins with a UUID."""
    keys = [each for each in values if _KEY.match(each)]
    hosts = [each for each in values if not _KEY.match(each)]
    if len(keys) > 1 or len(hosts) > 1:
        raise Misused(f"these are no properties: {' '.join(values)}", "argofn property get --help")
    return (hosts or [""])[0], (keys or [""])[0]


def _show(session: Session, found: dict[str, str], form: str) -> None:
    if form == "raw":
        say("\n".join(found.values()))
        return
    if form not in set(Format):
        raise Misused(f"--output takes {', '.join(Format)} or raw, not {form}", "--output raw")
    session.format = Format(form)
    output.emit(session, found, lambda: "\n".join(f"{_LABELS[n]:<24}{v}" for n, v in found.items()), "\n".join)


def _local(session: Session) -> dict[str, str]:
    own = session.properties
    return {
        "APIHOST": own.apihost,
        "AUTH": own.auth,
        "NAMESPACE": own.namespace,
        "APIVERSION": own.apiversion,
        "CERT": own.cert,
        "KEY": own.key,
        "CLIVERSION": __version__,
    }


def _asks(chosen: list[str]) -> bool:
    return bool({"APIBUILD", "APIBUILDNO"} & set(chosen))


def _remote(session: Session, *, quietly: bool) -> dict[str, str]:
    """What only the service knows; `Unknown` where nobody asked for just that and it does not answer."""
    try:
        info = session.api.json("GET", session.root, authorised=False, seconds=10.0)
    except ClientError:
        if not quietly:
            raise
        return {"APIBUILD": "Unknown", "APIBUILDNO": "Unknown"}
    return {"APIBUILD": str(info.get("build", "Unknown")), "APIBUILDNO": str(info.get("buildno", "Unknown"))}


@command(app, "set", "argofn property set --apihost $APIHOST --auth $AUTH")
def set_values(
    session: Session,
    apihost: Annotated[str | None, _value("--apihost", about="The service.")] = None,
    auth: Annotated[str | None, _value("--auth", "-u", about="The key, UUID:SECRET.")] = None,
    namespace: Annotated[str | None, _value("--namespace", about="Instead of the key's own.")] = None,
    apiversion: Annotated[str | None, _value("--apiversion", about="The API's version.")] = None,
    cert: Annotated[str | None, _value("--cert", about="Client certificate.")] = None,
    key: Annotated[str | None, _value("--key", about="Its key.")] = None,
) -> None:
    """Write properties into the file, which `wsk` reads as well."""
    given = {
        "APIHOST": apihost, "AUTH": auth, "NAMESPACE": namespace, "APIVERSION": apiversion, "CERT": cert, "KEY": key
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        raise Misused("nothing to set", "argofn property set --apihost URL --auth UUID:SECRET")
    if auth is not None and ":" not in auth:
        raise Misused("a key is UUID:SECRET, and this has no colon", "argofn property set --auth UUID:SECRET")
    path = props.file_path(os.environ)
    props.write(path, props.read(path) | {name: str(value) for name, value in given.items()})
    lines = [_set_line(name, str(value)) for name, value in given.items()]
    output.emit(session, {"file": str(path), "set": list(given)}, lambda: "\n".join(lines), lambda _: str(path))


def _set_line(name: str, value: str) -> str:
    if name == "AUTH":
        return output.ok("whisk auth set. Run 'argofn property get --auth' to see the new value.")
    return output.ok(f"{_LABELS[name]} set to {value}")


@command(app, "unset", "argofn property unset --namespace")
def unset(
    session: Session,
    apihost: Annotated[bool, _flag("apihost")] = False,
    auth: Annotated[bool, _flag("auth")] = False,
    namespace: Annotated[bool, _flag("namespace")] = False,
    apiversion: Annotated[bool, _flag("apiversion")] = False,
    cert: Annotated[bool, _flag("cert")] = False,
    key: Annotated[bool, _flag("key")] = False,
) -> None:
    """Take properties out of the file."""
    flags = {
        "APIHOST": apihost, "AUTH": auth, "NAMESPACE": namespace, "APIVERSION": apiversion, "CERT": cert, "KEY": key
    }  # fmt: skip
    chosen = [name for name, given in flags.items() if given]
    if not chosen:
        raise Misused("nothing to unset", "argofn property unset --auth")
    path = props.file_path(os.environ)
    props.write(path, {name: value for name, value in props.read(path).items() if name not in chosen})
    lines = [output.ok(f"{_LABELS[name]} unset") for name in chosen]
    output.emit(session, {"file": str(path), "unset": chosen}, lambda: "\n".join(lines), lambda _: str(path))
