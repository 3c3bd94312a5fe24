"""A database behind one of SQLAlchemy's async engines. Imported only where one is used: it takes 7 MB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from argo_provider.errors import StoreUnavailable, WriteInDoubt
from argo_provider.storage.sql import notices, sqlite
from argo_provider.storage.sql.database import WRITES, T, Work
from argo_provider.storage.sql.failures import passes, storage_failure
from argo_provider.storage.sql.sealing import OPEN, Seal, install

_CONNECT_SECONDS = 5.0
_SILENT = "The database has not answered for {:g} seconds: it hangs, its disk does, or the network to it is cut."
_DOUBT = " What was being written may be there or not; try again."


class AsyncEngineDatabase:
    """Whatever has an async driver. SQLite has one, too (aiosqlite), which `SqliteDatabase` is faster than."""

    _failures: tuple[type[Exception], ...] = (SQLAlchemyError, OSError)
    _pooling: Mapping[str, Any] = {}  # of SQLAlchemy
    pauses: tuple[float, ...] = ()  # seconds before a read is tried again while the database is away

    def __init__(self, url: URL, seal: Seal = OPEN, **connecting: Any) -> None:
        """`connecting`: for the driver."""
        self._engine = create_async_engine(url, connect_args=connecting, **self._pooling)
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
        async with self._reading.connect() as connection, self._limited(connection, StoreUnavailable, " Try again."):
            return await connection.run_sync(work)

    async def write(self, work: Work[T]) -> T:
        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(**WRITES)
                async with self._limited(connection, WriteInDoubt, _DOUBT), connection.begin():
                    return await connection.run_sync(work)
        except self._failures as error:
            raise storage_failure(error) from error

    @asynccontextmanager
    async def _limited(
        self, connection: AsyncConnection, error: type[StoreUnavailable], then: str
    ) -> AsyncIterator[None]:
        """What is inside may take this long, or ends as `error`."""
        yield

    async def foreign_writes(self) -> bool:
        return True  # it cannot tell

    async def close(self) -> None:
        await self._engine.dispose()


class PostgresDatabase(AsyncEngineDatabase):
    """PostgreSQL: it tells by itself what other replicas write. Reads wait out a restart of the server.

    A server that is silent (stopped, its disk hangs, the network to it is cut without a word) would be waited for for
    ever: after `silence` seconds its connection is cut, so that whoever waits is told.
    """

    silence: float | None = None
    _pooling: Mapping[str, Any] = {"pool_use_lifo": True}  # the server process that wrote last has all at hand
    pauses = (0.0, 0.1, 0.2, 0.4, 0.8, 1.5)

    def __init__(self, url: URL, seal: Seal = OPEN) -> None:
        from asyncpg import InterfaceError, PostgresError  # noqa: PLC0415  # only where PostgreSQL is used

        super().__init__(url, seal, timeout=_CONNECT_SECONDS)
        # By itself each of a transaction's statements would see what was committed in the meantime.
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._url = url
        # What fails while connecting, SQLAlchemy passes on as it comes.
        self._failures = (*self._failures, PostgresError, InterfaceError)

    async def announced(self, forget: notices.Forget) -> None:
        await notices.listen_forever(self._url, forget)

    @asynccontextmanager
    async def _limited(
        self, connection: AsyncConnection, error: type[StoreUnavailable], then: str
    ) -> AsyncIterator[None]:
        if self.silence is None:
            yield
            return
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None  # noqa: S101  # it is connected
        timer = asyncio.get_running_loop().call_later(self.silence, driver.terminate)
        due = timer.when()
        try:
            yield
        except self._failures as failure:
            if asyncio.get_running_loop().time() < due:
                raise
            raise error(_SILENT.format(self.silence) + then) from failure
        finally:
            timer.cancel()
