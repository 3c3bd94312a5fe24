"""What the command line prints: results to standard output, errors to standard error, each with what to type next."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer


def say(text: str = "") -> None:
    """A line of the result. Flushed, so that a reader of a pipe sees it while the service runs on."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def stop(why: str, next_step: str, *, status: int = 1) -> NoReturn:
    """End the command: what happened, then what to type next."""
    typer.secho(f"argofn: {why}", fg="red", err=True)
    typer.secho(f"  next: {next_step}", err=True)
    raise typer.Exit(status)


def property_line(url: str, key: str) -> str:
    """The command that points `wsk` at this service."""
    return f"wsk property set --apihost {url} --auth {key}"
