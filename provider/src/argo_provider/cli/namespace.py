"""`argofn namespace …`: writes straight to the data folder, also while a service runs on it.

`get` is the one that asks the service, as `wsk namespace get` does; `list` does so where it is told which one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from argo_provider.cli import bootstrap
from argo_provider.cli.bootstrap import GUEST, GUEST_KEY, Issued, create_namespace, rotate_key
from argo_provider.cli.client.entities import add_to, list_of_key
from argo_provider.cli.client.session import ending, from_environment
from argo_provider.cli.options import ApiHost, Config, DataDir, read_settings
from argo_provider.cli.terminal import property_line, say, stop
from argo_provider.errors import ArgoError, Conflict, NotFound
from argo_provider.model.clock import Clock
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.limits import NamespaceLimits
from argo_provider.model.names import check_namespace
from argo_provider.settings import Settings
from argo_provider.settings.address import api_url
from argo_provider.storage.port import NamespaceStore
from argo_proxy.sandboxes.process.egress import networks_of

T = TypeVar("T")
namespaces = typer.Typer(name="namespace", no_args_is_help=True, help="Namespaces, their keys and their limits.")

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
KeyId = Annotated[
    str, typer.Argument(metavar="KEY", show_default=False, help="Its first half, or the whole; see keys.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
GuestKey = Annotated[bool, typer.Option("--guest-key", help="Use OpenWhisk's publicly known test key.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
OfKey = Annotated[str | None, typer.Option("--apihost", metavar="URL", help="Ask a service.", show_default=False)]
Auth = Annotated[str | None, typer.Option("--auth", "-u", metavar="KEY", help="With this key.", show_default=False)]
Insecure = Annotated[bool, typer.Option("--insecure", "-i", help="Accept any TLS certificate.")]
KINDS = "Kinds it may use, with commas between them; repeatable."


NETWORK = (
    "off: its functions reach nothing but themselves. Or networks with commas between them, as 10.1.0.0/16: they reach"
    " no others, but the API; not this machine, and no metadata addresses. It takes nodes that run functions as"
    " processes of users of their own."
)


def _network(text: str) -> str:
    if text in {"on", "off"}:
        return text
    try:
        networks = networks_of(text)
    except ValueError as error:
        stop(str(error), "argofn namespace limits NAME --network 10.1.0.0/16,192.0.2.7/32")
    if not networks:
        stop("no network is given", "argofn namespace limits NAME --network off, if it shall reach none")
    return ",".join(networks)


def _number(about: str) -> Any:
    return typer.Option(min=0, metavar="N", show_default=False, help=about)


add_to(namespaces)


@namespaces.command("create")
def create(
    name: Name, data_dir: DataDir = None, config: Config = None, apihost: ApiHost = None, as_json: AsJson = False
) -> None:
    """Make a namespace and print its key: shown only now."""
    settings = _settings(config, data_dir)
    issued = _with_store(settings, lambda store: create_namespace(store, check_namespace(name), Clock()), name)
    _show_key(issued, apihost or api_url(settings.server), as_json=as_json)


@namespaces.command("rotate")
def rotate(  # one parameter an option
    name: Name,
    guest_key: GuestKey = False,
    data_dir: DataDir = None,
    config: Config = None,
    apihost: ApiHost = None,
    as_json: AsJson = False,
) -> None:
    """Give a namespace a new key; all its old ones stop working. Without that gap: add-key, then revoke-key."""
    if guest_key and name != GUEST:
        stop(f"the public test key is for the namespace {GUEST} only", f"argofn namespace rotate {name}", status=2)
    settings = _settings(config, data_dir)
    key = GUEST_KEY if guest_key else None
    issued = _with_store(settings, lambda store: rotate_key(store, name, key), name)
    _show_key(issued, apihost or api_url(settings.server), as_json=as_json)


@namespaces.command("add-key")
def add_key(
    name: Name, data_dir: DataDir = None, config: Config = None, apihost: ApiHost = None, as_json: AsJson = False
) -> None:
    """Give a namespace a further key; the old ones go on working until revoke-key."""
    settings = _settings(config, data_dir)
    issued = _with_store(settings, lambda store: bootstrap.add_key(store, name, Clock()), name)
    _show_key(issued, apihost or api_url(settings.server), as_json=as_json)


@namespaces.command("keys")
def show_keys(name: Name, data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """List a namespace's keys: the halves that are no secret."""
    found = _with_store(_settings(config, data_dir), lambda store: store.keys(name), name)
    say(json.dumps(found) if as_json else "\n".join(f"{key_id}:…" for key_id in found))


@namespaces.command("revoke-key")
def revoke_key(name: Name, key_id: KeyId, data_dir: DataDir = None, config: Config = None) -> None:
    """Take a key from a namespace; it stops working. The last one stays: rotate replaces it."""
    key_id = key_id.partition(":")[0]

    async def revoke(store: NamespaceStore) -> str:
        try:
            await store.revoke_key(name, key_id)
        except NotFound:
            await store.keys(name)  # of no namespace of that name: said as always
            return f"{key_id} is no key of {name}"
        except Conflict as error:
            return error.text
        return ""

    why_not = _with_store(_settings(config, data_dir), revoke, name)
    if why_not:
        stop(why_not, f"argofn namespace keys {name}; argofn namespace rotate {name}, for a new one")
    say(f"The key {key_id} of {name} no longer works.")


@namespaces.command("list")
def show_all(
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
    apihost: OfKey = None,
    auth: Auth = None,
    insecure: Insecure = False,
) -> None:
    """List the namespaces of the data folder; the secret halves of keys are not kept, so none is shown.

    With --apihost or --auth: the namespaces of that key, as the service tells them and wsk prints them.
    """
    if apihost or auth:
        with ending():
            list_of_key(from_environment(apihost, auth, insecure=insecure))
        return
    records = _with_store(_settings(config, data_dir), lambda store: store.list())
    if as_json:
        say(json.dumps([_as_json(record) for record in records]))
        return
    table = Table("namespace", "key", "made", "limits", box=None, pad_edge=False)
    for record in records:
        made = datetime.fromtimestamp(record.created / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
        table.add_row(record.namespace, f"{record.key_id}:…", made, _limits_text(record.limits))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@namespaces.command("delete")
def delete(name: Name, yes: Yes = False, data_dir: DataDir = None, config: Config = None) -> None:
    """Delete a namespace with all its entities, activation records and documents."""
    settings = _settings(config, data_dir)
    record = _with_store(settings, lambda store: _existing(store, name), name)
    if not yes and not typer.confirm(f"Delete {record.namespace} with everything in it?"):
        stop("nothing was deleted", f"argofn namespace delete {name} --yes")
    _with_store(settings, lambda store: store.delete(name), name)
    say(f"Deleted the namespace {name}.")


@namespaces.command("limits")
def limits(  # noqa: PLR0917  # one parameter an option
    name: Name,
    invocations_per_minute: Annotated[int | None, _number("Invocations in a minute.")] = None,
    concurrent_invocations: Annotated[int | None, _number("Invocations under way at once.")] = None,
    fires_per_minute: Annotated[int | None, _number("Trigger fires in a minute.")] = None,
    memory_mb_max: Annotated[int | None, _number("Most memory of an action, in MB.")] = None,
    allowed_kinds: Annotated[list[str] | None, typer.Option(help=KINDS, show_default=False)] = None,
    store_activations: Annotated[
        bool | None, typer.Option("--store-activations/--no-store-activations", help="Keep records.")
    ] = None,
    network: Annotated[str | None, typer.Option(help=NETWORK, metavar="on|off|NETWORKS", show_default=False)] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Back to the installation's defaults first.")] = False,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a namespace's own limits, or change the given ones."""
    kinds = tuple(kind.strip() for each in allowed_kinds or () for kind in each.split(",") if kind.strip())
    changes = {
        "invocations_per_minute": invocations_per_minute,
        "concurrent_invocations": concurrent_invocations,
        "fires_per_minute": fires_per_minute,
        "memory_mb_max": memory_mb_max,
        "allowed_kinds": kinds or None,
        "store_activations": store_activations,
        "network": None if network is None else _network(network),
    }
    given = {field: value for field, value in changes.items() if value is not None}
    settings = _settings(config, data_dir)
    current = _with_store(settings, lambda store: _change_limits(store, name, given, reset=reset), name)
    say(json.dumps(_limits_json(current)) if as_json else f"{name}: {_limits_text(current)}")


async def _change_limits(store: NamespaceStore, name: str, given: dict[str, Any], *, reset: bool) -> NamespaceLimits:
    record = await _existing(store, name)
    base = NamespaceLimits() if reset else record.limits
    wanted = replace(base, **given)
    if wanted != record.limits:
        await store.set_limits(name, wanted)
    return wanted


async def _existing(store: NamespaceStore, name: str) -> NamespaceRecord:
    record = await store.by_name(name)
    if record is None:
        raise NotFound
    return record


def _settings(config: Any, data_dir: Any) -> Settings:
    return read_settings(config, data_dir=data_dir).settings


def _with_store(settings: Settings, use: Callable[[NamespaceStore], Awaitable[T]], name: str = "") -> T:
    """Open the stores, `use` the one of namespaces, close them; failures end the command with what to type next."""

    async def opened() -> T:
        from argo_provider.app import open_stores  # noqa: PLC0415  # --help answers without it

        async with open_stores(settings) as stores:
            return await use(stores.namespaces)

    try:
        return asyncio.run(opened())
    except Conflict:
        stop(f"there is a namespace {name} already", f"argofn namespace rotate {name}, for a new key")
    except NotFound:
        stop(f"there is no namespace {name} in {settings.data_dir}", "argofn namespace list")
    except ArgoError as error:
        stop(error.text, "argofn doctor")


def _show_key(issued: Issued, url: str, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps({"namespace": issued.namespace, "apihost": url, "auth": issued.key.text}))
        return
    say(f"The key of {issued.namespace} is shown only now:\n\n  {property_line(url, issued.key.text)}\n")


def _limits_json(given: NamespaceLimits) -> dict[str, Any]:
    names = NamespaceLimits.__dataclass_fields__
    return {name: getattr(given, name) for name in names if getattr(given, name) is not None}


def _limits_text(given: NamespaceLimits) -> str:
    shown = {
        name: ",".join(value) if isinstance(value, tuple) else value for name, value in _limits_json(given).items()
    }
    return ", ".join(f"{name} {value}" for name, value in shown.items()) or "the installation's defaults"


def _as_json(record: NamespaceRecord) -> dict[str, Any]:
    return {
        "namespace": record.namespace,
        "key_id": record.key_id,
        "created": record.created,
        "limits": _limits_json(record.limits),
    }
