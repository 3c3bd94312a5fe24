"""SQLite: connections, pragmas and threads. Nothing outside this file is written for SQLite alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from argo_provider.storage.offload import Offload
from argo_provider.storage.sql.database import WRITES, T, Work
from argo_provider.storage.sql.failures import storage_failure
from argo_provider.storage.sql.sealing import OPEN, Seal, install

READERS = 2
BUSY_TIMEOUT_MS = 5000
_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit is on disk, not only in the page cache: what a 202 promises
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -16384",  # KiB
    "PRAGMA journal_size_limit = 67108864",  # a burst does not leave a large WAL behind
    "PRAGMA temp_store = MEMORY",
)


def prepare(engine: Engine) -> None:
    """Set up `engine`'s future connections: pragmas, and transactions that begin when SQLAlchemy says so."""

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own implicit BEGIN would come too late for a snapshot
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _began(connection: Connection) -> None:
        # A writer takes its lock at once: upgrading a read lock later fails without waiting.
        writes = connection.get_execution_options().get("argo_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _engine(path: Path, connections: int, seal: Seal) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        connect_args={"check_same_thread": False, "cached_statements": 256},
        pool_size=connections,
        max_overflow=0,
    )
    prepare(engine)
    install(engine.dialect, seal)
    return engine


class SqliteDatabase:
    """One thread writes, `READERS` threads read beside it; each with a connection of its own."""

    def __init__(self, path: Path, seal: Seal = OPEN) -> None:
        self._writing = _engine(path, 1, seal)
        self._reading = _engine(path, READERS, seal)
        self._data_version: int | None = None
        self._writer = Offload(1, "sqlite-writer")
        self._readers = Offload(READERS, "sqlite-reader")

    @property
    def dialect(self) -> Dialect:
        return self._reading.dialect

    async def read(self, work: Work[T]) -> T:
        return await self._readers.run(self._read, work)

    async def write(self, work: Work[T]) -> T:
        return await self._writer.run(self._write, work)

    def _read(self, work: Work[T]) -> T:
        try:
            with self._reading.connect() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise storage_failure(error) from error

    def _write(self, work: Work[T]) -> T:
        try:
            with self._writing.connect() as connection, connection.execution_options(**WRITES).begin():
                return work(connection)
        except SQLAlchemyError as error:
            raise storage_failure(error) from error

    async def foreign_writes(self) -> bool:
        return await self._writer.run(self._foreign_writes)

    def _foreign_writes(self) -> bool:
        """The writing connection's data version changes only by what other connections commit."""
        before = self._data_version
        try:
            with self._writing.connect() as connection:
                self._data_version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        except SQLAlchemyError as error:
            raise storage_failure(error) from error
        return before != self._data_version

    async def close(self) -> None:
        await self._writer.run(self._writing.dispose)
        await self._readers.run(self._reading.dispose)
        self._writer.close()
        self._readers.close()


assert sqlite3.sqlite_version_info >= (3, 35), "SQLite 3.35 or later is needed (RETURNING)"  # noqa: S101
