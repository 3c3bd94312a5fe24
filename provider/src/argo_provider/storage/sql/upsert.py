"""INSERT … ON CONFLICT: SQLite and PostgreSQL write it alike, SQLAlchemy keeps it per dialect.

Statements are built once: building one costs more than running it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

    Insert = sqlite.Insert | postgresql.Insert


def insert_new(connection: Connection, table: Table) -> Insert:
    """Insert the rows whose keys are free, skip the others."""
    return _insert_new(connection.dialect.name, table)


@cache
def _insert_new(dialect: str, table: Table) -> Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _upsert(dialect: str, table: Table) -> Insert:
    insert = _insert(dialect, table)
    keys = [*table.primary_key.columns]
    rest = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
    return insert.on_conflict_do_update(index_elements=keys, set_=rest)


def insert_new_rows(
    connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """As `insert_new`, for many rows of plain texts and numbers.

    SQLite's driver takes them as they are: what SQLAlchemy does to each row costs more than writing it. And it takes
    many in a statement: the driver hands the interpreter's lock over for each, to an event loop that is at work.
    """
    if connection.dialect.name == "sqlite":
        at = 0
        for many in _ROWS:
            text = _insert_text(table, names, many)
            while len(rows) - at >= many:
                connection.exec_driver_sql(text, tuple(chain.from_iterable(rows[at : at + many])))
                at += many
    else:
        connection.execute(insert_new(connection, table), [dict(zip(names, row, strict=True)) for row in rows])


_ROWS = (128, 16, 1)  # in one statement


@cache
def _insert_text(table: Table, names: tuple[str, ...], rows: int) -> str:
    places = ", ".join([f"({', '.join('?' * len(names))})"] * rows)
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {places} ON CONFLICT DO NOTHING"  # noqa: S608 — our own names


def upsert(connection: Connection, table: Table) -> Insert:
    """Insert the row, or replace the one that has its primary key."""
    return _upsert(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> Insert:
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - large, and most need none

        return postgresql.insert(table)
    return sqlite.insert(table)
