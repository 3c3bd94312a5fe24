"""Where statements run: a `Database` gives synchronous work a connection, off the event loop.

All queries of this package are plain functions of a SQLAlchemy `Connection`, so that they run unchanged over SQLite's
own threads (`sqlite.py`) and over SQLAlchemy's async engines (`async_engine.py`: asyncpg, aiosqlite).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from sqlalchemy import Connection

if TYPE_CHECKING:
    from argo_provider.storage.sql.notices import Forget

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


@runtime_checkable
class Announcing(Protocol):
    """A database server: it tells by itself what others write.

    `silence`: after so many seconds without an answer a read or write ends as StoreUnavailable; None: never.
    """

    silence: float | None

    async def announced(self, forget: Forget) -> None:
        """Pass on what others write, for ever. Ended by cancelling it."""
        ...
