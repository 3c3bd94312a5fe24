"""`argofn settings`: the values in effect, and where each came from."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from argo_provider.cli.options import Config, Set, read_settings
from argo_provider.cli.terminal import say
from argo_provider.settings.reference import render
from argo_provider.settings.tree import Leaf, leaves

Reference = Annotated[bool, typer.Option("--reference", help="Print the page of all settings instead (Markdown).")]


def show_settings(config: Config = None, assign: Set = None, reference: Reference = False) -> None:
    """Print every setting in effect and where it came from; secrets are masked."""
    if reference:
        say(render().rstrip("\n"))
        return
    loaded = read_settings(config, assign)
    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for leaf in leaves(loaded.settings):
        origin = loaded.origins.get(leaf.key, "")
        table.add_row(leaf.key, _shown(leaf, leaf.default), origin or "[dim]default[/dim]")
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _shown(leaf: Leaf, value: Any) -> str:
    text = "—" if value is None or value in ("", ()) else str(value)
    return f"{text} {leaf.unit}" if leaf.unit and text != "—" else text
