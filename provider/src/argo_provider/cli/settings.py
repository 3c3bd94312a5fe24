"""`argofn settings`: the values in effect, and where each came from."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from argo_provider.cli.options import Config, Set, read_settings
from argo_provider.settings.tree import Leaf, leaves


def show_settings(config: Config = None, assign: Set = None) -> None:
    """Print every setting in effect and where it came from; secrets are masked."""
    loaded = read_settings(config, assign)
    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for leaf in leaves(loaded.settings):
        origin = loaded.origins.get(leaf.key, "")
        table.add_row(leaf.key, _shown(leaf, leaf.default), origin or "[dim]default[/dim]")
    Console(soft_wrap=True).print(table)


def _shown(leaf: Leaf, value: Any) -> str:
    text = "—" if value is None or value in ("", ()) else str(value)
    return f"{text} {leaf.unit}" if leaf.unit and text != "—" else text
