"""Renders the settings as the page docs/reference/settings.md."""

from __future__ import annotations

import types
import typing
from enum import StrEnum
from pathlib import Path
from typing import Any

from argo_provider.settings.tree import Leaf, Secret, Settings, leaves

_HEAD = """# Settings

Made from the code by `argofn settings --reference`; a test holds it complete.

A value is taken from the last of these that gives it: the default, a TOML file (`--config FILE` or `ARGO_CONFIG`),
the environment, a flag. `server.port` is written in TOML as `port` under `[server]`, in the environment as
`ARGO_SERVER_PORT`. An unknown name is an error. Secrets are given by environment or by a file
(`metrics_token_file` in TOML, `ARGO_SERVER_METRICS_TOKEN_FILE`), never in the TOML file itself, and are printed masked.
`argofn settings` prints the values in effect and where each came from.
"""

_TABLE = ("| setting | type | default | meaning | environment |", "| --- | --- | --- | --- | --- |")
_TYPES = {Path: "path", Secret: "secret", str: "text", int: "whole number", float: "number", bool: "true or false"}


def render() -> str:
    """The page, Markdown."""
    lines = [_HEAD.rstrip()]
    section = None
    for leaf in leaves(Settings()):
        title = leaf.path[0] if len(leaf.path) > 1 else "top level"
        if title != section:
            section = title
            lines += ["", f"## {title}", "", *_TABLE]
        lines.append(_row(leaf))
    return "\n".join(lines) + "\n"


def _row(leaf: Leaf) -> str:
    meaning = leaf.doc + (f" ({leaf.unit})" if leaf.unit else "")
    cells = (f"`{leaf.key}`", type_name(leaf.type), shown(leaf, leaf.default), meaning, f"`{leaf.variable}`")
    return "| " + " | ".join(cells) + " |"


def shown(leaf: Leaf, value: Any) -> str:
    """A default for people: what depends on the machine as a rule, nothing as a dash."""
    if leaf.shown is not None:
        value = leaf.shown
    if value is None or value in ("", ()):
        return "—"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def type_name(hint: Any) -> str:
    """The type of a leaf in a word."""
    if isinstance(hint, types.UnionType):
        return " or ".join(type_name(part) for part in typing.get_args(hint) if part is not type(None))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "one of " + ", ".join(f"`{choice}`" for choice in hint)
    if typing.get_origin(hint) is tuple:
        return "list of " + type_name(typing.get_args(hint)[0])
    return _TYPES[hint]
