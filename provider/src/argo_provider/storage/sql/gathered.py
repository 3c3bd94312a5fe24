"""Many records in a few statements: how PostgreSQL takes them with the least work on either side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, text

_STRIKE = text("DELETE FROM journal WHERE activation_id = ANY(CAST(:ids AS varchar[]))")
# The unique key of a partitioned table holds the start, and a record that another replica made of the same activation
# has another: its journal entry, struck first, makes the second writer wait for the first, and then see its record.
# By index, one by one: a join would read the whole of the day's records at each commit, for all that a plan knows of a
# table whose statistics are of when it was small. Plans are kept, and without this one made for an empty table would
# go on reading all of it.
_BY_INDEX = text("SET LOCAL enable_seqscan = off")
_ROWS = (
    "INSERT INTO activations (activation_id, namespace, name, start, summary, details)"
    " SELECT t.* FROM unnest(CAST(:ids AS varchar[]), CAST(:namespaces AS varchar[]), CAST(:names AS varchar[]),"
    " CAST(:starts AS bigint[]), CAST(:summaries AS text[]), CAST(:details AS text[]))"
    " AS t(activation_id, namespace, name, start, summary, details)"
)
_INSERT = text(
    f"{_ROWS} WHERE (SELECT a.start FROM activations a WHERE a.activation_id = t.activation_id LIMIT 1) IS NULL"  # noqa: S608
    " ON CONFLICT DO NOTHING"
)
_INSERT_OWN = text(f"{_ROWS} ON CONFLICT DO NOTHING")


class Row(Protocol):
    """A record as it is written."""

    @property
    def activation_id(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def summary(self) -> str: ...
    @property
    def details(self) -> str: ...


def record(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep the records whose ids have none, and strike their journal entries."""
    columns = _columns(rows)
    connection.execute(_STRIKE, {"ids": columns["ids"]})
    connection.execute(_BY_INDEX)
    connection.execute(_INSERT, columns)


def record_own(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep records of which nobody else can have made others, as no entry of the journal told of them.

    The same one, tried again after a commit in doubt, has the same start, and is kept once.
    """
    connection.execute(_INSERT_OWN, _columns(rows))


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The first of those with one id."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.activation_id, row)
    kept = [*first.values()]
    return {
        "ids": [*first],
        "namespaces": [r.namespace for r in kept],
        "names": [r.name for r in kept],
        "starts": [r.start for r in kept],
        "summaries": [r.summary for r in kept],
        "details": [r.details for r in kept],
    }
