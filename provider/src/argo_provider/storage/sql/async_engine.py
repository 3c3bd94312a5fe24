"""A database behind one of SQLAlchemy's async engines. Imported only where one is used: it takes 7 MB."""

from __future__ import annotations

import asyncio

from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from argo_provider.storage.sql import notices, sqlite
from argo_provider.storage.sql.database import WRITES, T, Work
from argo_provider.storage.sql.failures import passes, storage_failure
from argo_provider.storage.sql.sealing import OPEN, Seal, install


class AsyncEngineDatabase:
    """Whatever has an async driver. SQLite has one, too (aiosqlite), which `SqliteDatabase` is faster than."""

    _failures: tuple[type[Exception], ...] = (SQLAlchemyError, OSError)
    pauses: tuple[float, ...] = ()  # seconds before a read is tried again while the database is away

    def __init__(self, url: URL, seal: Seal = OPEN) -> None:
        self._engine = create_async_engine(url)
        install(self._engine.dialect, seal)
        self._reading = self._engine
        if url.get_backend_name() == "sqlite":
            sqlite.prepare(self._engine.sync_engine)

    async def read(self, work: Work[T]) -> T:
        for pause in self.pauses:
            try:
                return await self._read(work)
            except self._failures as error:
                if not passes(error):
                    raise storage_failure(error) from error
            await asyncio.sleep(pause)
        try:
            return await self._read(work)
        except self._failures as error:
            raise storage_failure(error) from error

    async def _read(self, work: Work[T]) -> T:
        async with self._reading.connect() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Work[T]) -> T:
        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(**WRITES)
                async with connection.begin():
                    return await connection.run_sync(work)
        except self._failures as error:
            raise storage_failure(error) from error

    async def foreign_writes(self) -> bool:
        return True  # it cannot tell

    async def close(self) -> None:
        await self._engine.dispose()


class PostgresDatabase(AsyncEngineDatabase):
    """PostgreSQL: it tells by itself what other replicas write. Reads wait out a restart of the server."""

    pauses = (0.0, 0.1, 0.2, 0.4, 0.8, 1.5)

    def __init__(self, url: URL, seal: Seal = OPEN) -> None:
        from asyncpg import InterfaceError, PostgresError  # noqa: PLC0415  # only where PostgreSQL is used

        super().__init__(url, seal)
        # By itself each of a transaction's statements would see what was committed in the meantime.
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._url = url
        # What fails while connecting, SQLAlchemy passes on as it comes.
        self._failures = (*self._failures, PostgresError, InterfaceError)

    async def announced(self, forget: notices.Forget) -> None:
        await notices.listen_forever(self._url, forget)
