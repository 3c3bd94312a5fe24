"""`argofn serve`: the whole service in one process."""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from argo_provider.cli.bootstrap import GUEST, GUEST_KEY, BootstrapError, Issued, prepare
from argo_provider.cli.options import BusUrl, Config, DataDir, Format, Level, Sandbox, Set, read_settings
from argo_provider.cli.running import run_for_long
from argo_provider.cli.terminal import property_line, say, stop
from argo_provider.errors import Conflict, StorageError
from argo_provider.model.clock import Clock
from argo_provider.settings import Settings
from argo_provider.settings.address import api_url

Host = Annotated[str | None, typer.Option(help="Address to listen on (default: 127.0.0.1).", show_default=False)]
Port = Annotated[int | None, typer.Option(help="Port; 0 takes a free one (default: 3233).", show_default=False)]
GuestKey = Annotated[
    bool | None, typer.Option("--guest-key", help="Install OpenWhisk's publicly known test key; loopback only.")
]
TlsCert = Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate chain (PEM).", show_default=False)]
TlsKey = Annotated[Path | None, typer.Option(metavar="FILE", help="Its private key (PEM).", show_default=False)]
Store = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Database of many replicas: postgresql+asyncpg://USER@HOST/NAME.", show_default=False
    ),
]


def serve(  # noqa: PLR0917  # one parameter an option
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    guest_key: GuestKey = None,
    sandbox: Sandbox = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    store: Store = None,
    bus: BusUrl = None,
    config: Config = None,
    log_level: Level = None,
    log_format: Format = None,
    assign: Set = None,
) -> None:
    """Run the service; it is ready when GET /ping answers. Ctrl-C drains and stops it."""
    settings = read_settings(
        config,
        assign,
        server__host=host,
        server__port=port,
        data_dir=data_dir,
        guest_key=guest_key,
        sandbox=sandbox,
        server__tls_cert=tls_cert,
        server__tls_key=tls_key,
        store=store,
        bus__url=bus,
        log__level=log_level,
        log__format=log_format,
    ).settings
    run_for_long(_run(_with_port(settings)))


def _with_port(settings: Settings) -> Settings:
    """Port 0 made a real one, so that the address can be printed before the service listens."""
    server = settings.server
    if server.port != 0:
        return settings
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.bind((server.host.strip("[]"), 0))
        return replace(settings, server=replace(server, port=probe.getsockname()[1]))


async def _run(settings: Settings) -> None:
    from argo_provider.app import run  # noqa: PLC0415
    from argo_provider.clustered import check_replica  # noqa: PLC0415
    from argo_provider.hosting import StartError  # noqa: PLC0415

    try:
        check_replica(settings)
        _greet(settings, await _first_namespace(settings))
        await run(settings)
    except (StartError, BootstrapError) as error:
        stop(str(error), error.fix)
    except StorageError as error:
        stop(error.text, "mend that, or give another place with --data-dir or --store")


async def _first_namespace(settings: Settings) -> Issued | None:
    """Made if there is none; None too where another replica makes it at the same time."""
    from argo_provider.app import open_stores  # noqa: PLC0415

    async with open_stores(settings) as stores:
        try:
            return await prepare(
                stores.namespaces, host=settings.server.host, guest_key=settings.guest_key, clock=Clock()
            )
        except Conflict:
            return None


def _greet(settings: Settings, issued: Issued | None) -> None:
    """How to reach the service. A fresh key is shown here once, and is kept nowhere."""
    url = api_url(settings.server)
    if settings.guest_key:
        say(f"Namespace {GUEST} has the publicly known test key:\n\n  {property_line(url, GUEST_KEY.text)}\n")
    elif issued is not None:
        say(f"Made the namespace {issued.namespace}. Its key is shown only now:\n")
        say(f"  {property_line(url, issued.key.text)}\n")
        say(f"Lost it? argofn namespace rotate {issued.namespace}\n")
