"""Results, on standard output: `wsk`'s shapes for people and old scripts, JSON, YAML and names for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import typer

from argo_provider.cli.client.session import Format, Session, local_name
from argo_provider.cli.terminal import say

# What moves the cursor or colours the terminal; a tab is harmless.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """A user's text made harmless for a terminal: control and direction characters as escapes."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def dumped(data: Any) -> str:
    return json.dumps(data, indent=4, ensure_ascii=False)


def encoded(data: Any, form: Format, name: Callable[[Any], str]) -> str:
    """`data` for a program: a document, or one name a line."""
    if form is Format.NAME:
        return "\n".join(name(each) for each in (data if isinstance(data, list) else [data]))
    if form is Format.YAML:
        import yaml  # noqa: PLC0415  # only here

        return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True)).rstrip("\n")
    return dumped(data)


def name_of(entity: Any) -> str:
    """The name of whatever it is: an entity, an activation, a namespace."""
    if not isinstance(entity, dict):
        return str(entity)
    if "activationId" in entity:
        return str(entity["activationId"])
    if "namespace" in entity and "name" in entity:
        return local_name(entity)
    return str(next((entity[key] for key in ("name", "id", "trigger", "version") if key in entity), ""))


def emit(session: Session, data: Any, shown: Callable[[], str], name: Callable[[Any], str] = name_of) -> None:
    """`data` in the format that was asked for; as a table, what `shown` makes."""
    text = shown() if session.format is Format.TABLE else encoded(data, session.format, name)
    if text:
        say(text)


def done(session: Session, data: Any, sentence: str) -> None:
    """The end of a change: `ok: …` as `wsk` has it, or the entity."""
    emit(session, data, lambda: ok(sentence))


def got(session: Session, data: Any, sentence: str, field: str | None = None) -> None:
    """`ok: got …` and the document, or one field of it."""
    if field is None:
        emit(session, data, lambda: f"{ok(sentence)}\n{dumped(data)}")
        return
    value = field_of(data, field)
    emit(session, value, lambda: f"{ok(f'{sentence}, displaying field {field}')}\n{dumped(value)}", str)


def field_of(data: dict[str, Any], field: str) -> Any:
    """A field by its name, in any case of letters; Misused, with those there are, if it is none."""
    from argo_provider.cli.client.failures import Misused  # noqa: PLC0415

    for key, value in data.items():
        if key.lower() == field.lower():
            return value
    raise Misused(f"there is no field {field}", f"one of: {', '.join(data)}")


def ok(sentence: str) -> str:
    return f"{typer.style('ok:', fg='green') if sys.stdout.isatty() else 'ok:'} {sentence}"


def listed(session: Session, data: list[Any], header: str, rows: Iterable[str]) -> None:
    """A list as `wsk` prints it: a header, then a row an entity."""
    bold = typer.style(header, bold=True) if sys.stdout.isatty() else header
    emit(session, data, lambda: "\n".join([bold, *rows]))


def table(
    session: Session,
    data: Any,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    name: Callable[[Any], str] = name_of,
) -> None:
    """A list that `wsk` does not know: columns as wide as they need be. Numbers are right-aligned."""
    emit(session, data, lambda: aligned(columns, [[plain(cell) for cell in row] for row in rows]), name)


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max([len(column), *(len(row[index]) for row in rows)]) for index, column in enumerate(columns)]
    numeric = [
        bool(rows) and all(re.fullmatch(r"[\d.,%-]*( ?[a-zA-Z/%]{1,4})?", row[index]) for row in rows)
        for index in range(len(columns))
    ]

    def line(cells: Sequence[str]) -> str:
        fitted = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        )
        return "  ".join(fitted).rstrip()

    return "\n".join([line(columns), *(line(row) for row in rows)])
