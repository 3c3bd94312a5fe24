"""`argofn backup` and `argofn restore`: straight from and to the data folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from argo_provider.cli.options import Config, DataDir, read_settings
from argo_provider.cli.terminal import say, stop
from argo_provider.settings import Settings

Target = Annotated[
    Path, typer.Argument(metavar="FILE|DIR", show_default=False, help="A new folder, or .tar, .tar.gz or .tgz.")
]
Source = Annotated[Path, typer.Argument(metavar="FILE|DIR", show_default=False, help="What argofn backup wrote.")]
Replace = Annotated[bool, typer.Option("--replace", help="Set aside what the data folder has now.")]
RunAccepted = Annotated[
    bool, typer.Option("--run-accepted", help="Run what was accepted and had not begun; it may have run since.")
]


def backup(target: Target, data_dir: DataDir = None, config: Config = None) -> None:
    """Back up the data folder, also while a service runs on it: entities, code, records, accepted calls, keys."""
    from argo_provider.backups import BackupError, take  # noqa: PLC0415  # --help answers without it

    settings = _settings(config, data_dir)
    try:
        taken = take(settings.data_dir, target)
    except BackupError as error:
        stop(str(error), error.fix)
    say(f"Backed up to {taken.path}: {taken.manifest.blobs} files of code, {taken.bytes / 1e6:.1f} MB in all.")
    if taken.manifest.damaged:
        damaged = taken.manifest.damaged
        stop(f"{damaged} files of code are damaged and were left out", "deploy those functions again, and back up anew")


def restore(
    source: Source,
    replace: Replace = False,
    run_accepted: RunAccepted = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Put a backup into a data folder that no service runs on."""
    from argo_provider import backups  # noqa: PLC0415

    settings = _settings(config, data_dir)
    try:
        manifest, aside = backups.restore(source, settings.data_dir, replace=replace, run_accepted=run_accepted)
    except backups.BackupError as error:
        stop(str(error), error.fix)
    made = datetime.fromtimestamp(manifest.made / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    say(f"{settings.data_dir} is as it was at {made}.")
    if aside is not None:
        say(f"What it had before is in {aside}; remove that once it is not needed.")


def _settings(config: Path | None, data_dir: Path | None) -> Settings:
    settings = read_settings(config, data_dir=data_dir).settings
    if settings.store is not None:
        stop(
            "this service keeps its data in a database server, not in a folder",
            "pg_dump for the database; its code is in the object store of the bus: nats object ls",
        )
    return settings
