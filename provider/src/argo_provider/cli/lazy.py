"""Commands whose modules are imported when they are called: a start pays only for what it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

# By name: the module and, in it, the typer application or the function; and the heading in the list of commands.
Place = tuple[str, str, str]


class LazyCommands(MutableMapping[str, Any]):
    """Name → command, made at first use."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = dict(places)
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            module, attribute, panel = self._places[name]
            self._made[name] = _command(name, getattr(import_module(module), attribute), panel)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        self._places.pop(name, None)
        self._made.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._places, *self._made]))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _command(name: str, found: Any, panel: str) -> Any:
    if isinstance(found, typer.Typer):
        made = _one_of(found, name)
    else:
        app = typer.Typer(add_completion=False)
        app.command(name)(found)
        made = typer.main.get_command(app)
    made.name = name
    made.rich_help_panel = panel
    return made


def _one_of(app: typer.Typer, name: str) -> Any:
    """The command `name` of an application without a name of its own; else the application itself, as a group."""
    if app.info.name or app.registered_callback:
        return typer.main.get_group(app)
    own = typer.Typer(add_completion=False)
    own.registered_commands = [each for each in app.registered_commands if each.name == name]
    return typer.main.get_command(own)


def lazy_group(places: Mapping[str, Place]) -> type[TyperGroup]:
    """A group class for `typer.Typer(cls=…)` that has these commands."""

    class LazyGroup(TyperGroup):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.commands = LazyCommands(places)

    return LazyGroup
