"""`argofn node`: one machine of a cluster, on which functions run."""

from __future__ import annotations

from typing import Annotated

import typer

from argo_provider.cli.options import BusUrl, Config, DataDir, Format, Level, Sandbox, Set, read_settings
from argo_provider.cli.running import run_for_long
from argo_provider.cli.terminal import stop
from argo_provider.settings import Settings

Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Its name (default: host name).", show_default=False),
]


def node(  # noqa: PLR0917  # one parameter an option
    bus: BusUrl = None,
    name: Name = None,
    data_dir: DataDir = None,
    sandbox: Sandbox = None,
    config: Config = None,
    log_level: Level = None,
    log_format: Format = None,
    assign: Set = None,
) -> None:
    """Run functions for a cluster's replicas (argofn serve --store … --bus …). Ctrl-C drains and stops it."""
    settings = read_settings(
        config,
        assign,
        data_dir=data_dir,
        sandbox=sandbox,
        bus__url=bus,
        cluster__node=name,
        log__level=log_level,
        log__format=log_format,
    ).settings
    run_for_long(_run(settings))


async def _run(settings: Settings) -> None:
    from argo_provider.hosting import StartError  # noqa: PLC0415
    from argo_provider.node import run_node  # noqa: PLC0415

    try:
        await run_node(settings)
    except StartError as error:
        stop(str(error), error.fix)
