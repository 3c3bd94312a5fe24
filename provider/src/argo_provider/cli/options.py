"""Options that several commands share, and the settings they make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from argo_provider.cli.terminal import stop
from argo_provider.settings import Loaded, LogFormat, LogLevel, SandboxChoice, SettingsError, load

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Where everything is kept.", show_default=False)
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", envvar="ARGO_CONFIG", help="Settings file (TOML).", show_default=False),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any setting, e.g. limits.memory_mb.high=2048. Repeatable."),
]
ApiHost = Annotated[
    str | None,
    typer.Option("--apihost", metavar="URL", help="The service; default: where the settings say it listens."),
]
BusUrl = Annotated[
    str | None, typer.Option("--bus", metavar="URL", help="Their bus: nats://HOST:PORT.", show_default=False)
]
Sandbox = Annotated[SandboxChoice | None, typer.Option(help="How functions are isolated (default: auto).")]
Level = Annotated[LogLevel | None, typer.Option("--log-level", help="Least severe level written (default: info).")]
Format = Annotated[LogFormat | None, typer.Option("--log-format", help="How log lines look (default: auto).")]


def read_settings(config: Path | None, given: list[str] | None = None, **flags: Any) -> Loaded:
    """The settings in effect; `flags` by key with `__` for the dot. Ends the command if they cannot be used."""
    by_key = {key.replace("__", "."): str(value) if isinstance(value, Path) else value for key, value in flags.items()}
    try:
        return load(file=config, environ=os.environ, flags=by_key, assignments=given or ())
    except SettingsError as error:
        stop(str(error), "mend that setting; argofn settings shows all of them", status=2)
