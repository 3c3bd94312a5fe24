"""Where statements run: a `Database` gives synchronous work a connection, off the event loop.

All queries of this package are plain functions of a SQLAlchemy `Connection`, so that they run unchanged over SQLite's
own threads (`sqlite.py`) and over SQLAlchemy's async engines (aiosqlite, asyncpg).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from argo_provider.storage.sql.failures import storage_failure

T = TypeVar("T")
Work = Callable[[Connection], T]

WRITES = {"argo_writes": True}  # execution option: this transaction will write


class Database(Protocol):
    """Errors: StorageError, and whatever ArgoError the work itself raises. A failed transaction leaves no trace."""

    async def read(self, work: Work[T]) -> T:
        """Run `work` on one consistent snapshot."""
        ...

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction; durable on return."""
        ...

    async def foreign_writes(self) -> bool:
        """Whether another process may have written since the last call."""
        ...

    async def close(self) -> None: ...


class AsyncEngineDatabase:
    """Over one of SQLAlchemy's async engines."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self, work: Work[T]) -> T:
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(work)
        except (SQLAlchemyError, OSError) as error:
            raise storage_failure(error) from error

    async def write(self, work: Work[T]) -> T:
        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(**WRITES)
                async with connection.begin():
                    return await connection.run_sync(work)
        except (SQLAlchemyError, OSError) as error:
            raise storage_failure(error) from error

    async def foreign_writes(self) -> bool:
        return True  # it cannot tell

    async def close(self) -> None:
        await self._engine.dispose()
