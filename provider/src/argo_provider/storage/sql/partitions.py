"""Parts of the activations table in PostgreSQL: one a UTC day, made ahead of time and dropped whole when they are old.

What starts on no day that has a part (a record of a clock that is days off) is kept in the default part.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

DAY_MS = 86_400_000
_AHEAD = 3  # days
_PREFIX = "activations_"
_LOCK = 0x4172676F_0001  # advisory: replicas make and drop parts one after the other

_PARTS = text("SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = :of ::regclass")


def is_partitioned(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def make_ahead(connection: Connection, now_ms: int) -> None:
    """The parts of today and of the days to come."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    known = {*_parts(connection)}
    for day in range(now_ms // DAY_MS - 1, now_ms // DAY_MS + 1 + _AHEAD):
        if (name := _name(day)) not in known:
            _make(connection, name, day)


def drop_before(connection: Connection, before_ms: int) -> int:
    """Drop the parts whose every record started before `before_ms`; how many records they had."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    dropped = 0
    for name in _parts(connection):
        day = _day(name)
        if day is not None and (day + 1) * DAY_MS <= before_ms:
            dropped += connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()  # noqa: S608  # our own
            connection.execute(text(f"DROP TABLE {name}"))
    return dropped


def _make(connection: Connection, name: str, day: int) -> None:
    bounds = f"FROM ({day * DAY_MS}) TO ({(day + 1) * DAY_MS})"
    savepoint = connection.begin_nested()
    try:
        connection.execute(text(f"CREATE TABLE {name} PARTITION OF activations FOR VALUES {bounds}"))
    except DBAPIError:
        savepoint.rollback()  # the default part has records of that day already: there they stay
    else:
        savepoint.commit()


def _parts(connection: Connection) -> list[str]:
    return [*connection.execute(_PARTS, {"of": "activations"}).scalars()]


def _name(day: int) -> str:
    return f"{_PREFIX}{datetime.fromtimestamp(day * DAY_MS / 1000, UTC):%Y%m%d}"


def _day(name: str) -> int | None:
    """Days since the epoch; None for the default part."""
    try:
        date = datetime.strptime(name.removeprefix(_PREFIX), "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (date - datetime.fromtimestamp(0, UTC)) // timedelta(days=1)
