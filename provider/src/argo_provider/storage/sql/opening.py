"""Open the stores of one data directory or database server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import make_url

from argo_provider.errors import StorageError
from argo_provider.storage.cache import ReadThroughCache
from argo_provider.storage.files import FileBlobStore
from argo_provider.storage.files.folders import make_private
from argo_provider.storage.port import Stores
from argo_provider.storage.sql.activations import SqlActivationStore
from argo_provider.storage.sql.database import Database
from argo_provider.storage.sql.documents import SqlDocumentStore
from argo_provider.storage.sql.entities import EntityCache, SqlEntityStore
from argo_provider.storage.sql.namespaces import SqlNamespaceStore
from argo_provider.storage.sql.schema import upgrade
from argo_provider.storage.sql.sqlite import SqliteDatabase
from argo_provider.storage.sql.writer import OnCommit, Writer, WriterLimits

MB = 1024 * 1024
Forget = Callable[[], None]


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Bounds of memory in bytes."""

    entity_cache_bytes: int = 32 * MB
    blob_cache_bytes: int = 32 * MB
    notice_others_within: float = 1.0  # seconds until the caches show what another process wrote
    writer: WriterLimits = field(default_factory=WriterLimits)
    on_commit: OnCommit | None = None


@asynccontextmanager
async def open_stores(
    url_or_path: str | Path, blob_dir: Path, options: StoreOptions | None = None
) -> AsyncIterator[Stores]:
    """All stores over one database, migrated to this version's schema, and a folder of blobs.

    `url_or_path`: the path of an SQLite file, or an SQLAlchemy URL. On leaving, everything enqueued is written.
    Raises StorageError if the database cannot be opened or is from a newer version.
    """
    options = options or StoreOptions()
    blobs = await FileBlobStore.open(blob_dir, options.blob_cache_bytes)
    database = open_database(url_or_path)
    try:
        await database.write(upgrade)
        cached: EntityCache = ReadThroughCache(options.entity_cache_bytes)
        writer = Writer(database, options.writer, on_doubt=cached.clear, on_commit=options.on_commit)
        stores, forget = _assemble(database, writer, blobs, cached)
        writer.start()
        watch = asyncio.create_task(_watch(database, forget, options.notice_others_within), name="storage-watch")
        try:
            yield stores
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            await writer.close()
    finally:
        await database.close()
        blobs.close()


def _assemble(database: Database, writer: Writer, blobs: FileBlobStore, cached: EntityCache) -> tuple[Stores, Forget]:
    """The stores, and what makes them forget all that they cache."""
    namespaces = SqlNamespaceStore(database, writer, cached.clear)
    stores = Stores(
        SqlEntityStore(database, writer, cached),
        namespaces,
        SqlActivationStore(database, writer),
        blobs,
        SqlDocumentStore(database, writer),
    )
    return stores, namespaces.forget_cached


async def _watch(database: Database, forget: Forget, every: float) -> None:
    """Drop the caches when another process (the command line, another replica) has written."""
    while True:
        await asyncio.sleep(every)
        try:
            foreign = await database.foreign_writes()
        except StorageError:
            foreign = True
        if foreign:
            forget()


def open_database(url_or_path: str | Path) -> Database:
    """The adapter for that URL; nothing is connected yet."""
    text = str(url_or_path)
    if "://" not in text:
        return _open_sqlite(Path(text))
    url = make_url(text)
    if url.drivername in {"sqlite", "sqlite+pysqlite"} and url.database:
        return _open_sqlite(Path(url.database))
    if url.drivername not in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
        raise StorageError(
            f"There is no store for '{url.drivername}': give a path, or a sqlite:// or postgresql+asyncpg:// URL."
        )
    from argo_provider.storage.sql.async_engine import AsyncEngineDatabase  # noqa: PLC0415 - most need none

    return AsyncEngineDatabase(url)


def _open_sqlite(path: Path) -> Database:
    try:
        make_private(path.parent)
        path.touch(mode=0o600)  # it holds parameters and key hashes: for the service's user only
    except OSError as error:
        raise StorageError(f"The database file {path.name} cannot be written: {error.strerror}.") from error
    return SqliteDatabase(path)
