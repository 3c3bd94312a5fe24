"""Leases: what only one holder at a time may do, by the database's own clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from argo_provider.storage.sql.database import Database
from argo_provider.storage.sql.tables import leases
from argo_provider.storage.sql.writer import Writer

_NOW_MS = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    "postgresql": "CAST(extract(epoch from clock_timestamp()) * 1000 AS bigint)",
}


class SqlLeases:
    """The clock of one database is the only one that counts: clocks of replicas may differ."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def hold(self, name: str, holder: str, seconds: float) -> bool:
        return await self._writer.run(lambda c: _hold(c, name, holder, int(seconds * 1000)))

    async def release(self, name: str, holder: str) -> None:
        statement = delete(leases).where(leases.c.name == name, leases.c.holder == holder)
        await self._writer.run(lambda c: c.execute(statement).rowcount)

    async def holder(self, name: str) -> str | None:
        def look(connection: Connection) -> str | None:
            query = select(leases.c.holder).where(leases.c.name == name, leases.c.expires > now_ms(connection))
            found: str | None = connection.execute(query).scalar()
            return found

        return await self._database.read(look)


def now_ms(connection: Connection) -> ColumnElement[int]:
    """The database's wall clock, epoch milliseconds."""
    return literal_column(_NOW_MS[connection.dialect.name])


def _hold(connection: Connection, name: str, holder: str, milliseconds: int) -> bool:
    now = now_ms(connection)
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(leases).values(name=name, holder=holder, expires=now + milliseconds)
    free = (leases.c.holder == holder) | (leases.c.expires <= now)
    statement = insert.on_conflict_do_update(
        index_elements=[leases.c.name],
        set_={"holder": insert.excluded.holder, "expires": insert.excluded.expires},
        where=free,
    )
    return bool(connection.execute(statement).rowcount == 1)
