"""Open the stores of one data directory or database server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, make_url, select

from argo_provider.errors import StorageError
from argo_provider.model.names import FullName
from argo_provider.storage.cache import ReadThroughCache
from argo_provider.storage.files import FileBlobStore
from argo_provider.storage.files.folders import make_private
from argo_provider.storage.port import BlobStore, Stores
from argo_provider.storage.sql import partitions
from argo_provider.storage.sql.activations import SqlActivationStore
from argo_provider.storage.sql.database import Announcing, Database
from argo_provider.storage.sql.documents import SqlDocumentStore
from argo_provider.storage.sql.entities import EntityCache, SqlEntityStore
from argo_provider.storage.sql.leases import SqlLeases, now_ms
from argo_provider.storage.sql.namespaces import SqlNamespaceStore
from argo_provider.storage.sql.notices import Forget
from argo_provider.storage.sql.schema import upgrade
from argo_provider.storage.sql.sealing import OPEN, Seal
from argo_provider.storage.sql.sqlite import SqliteDatabase
from argo_provider.storage.sql.writer import OnCommit, Writer, WriterLimits

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Bounds of memory in bytes."""

    entity_cache_bytes: int = 32 * MB
    blob_cache_bytes: int = 32 * MB
    silence: float = 10.0  # seconds after which a database server that says nothing is given up
    notice_others_within: float = 1.0  # seconds until the caches show what another process wrote
    writer: WriterLimits = field(default_factory=WriterLimits)
    on_commit: OnCommit | None = None
    seal: Seal = OPEN  # of secrets at rest
    owner: str = ""  # the replica that opens a shared database, and the name of the lease by which it lives


@asynccontextmanager
async def open_stores(
    url_or_path: str | Path, blobs: Path | BlobStore, options: StoreOptions | None = None
) -> AsyncIterator[Stores]:
    """All stores over one database, migrated to this version's schema, and blobs: a store of them, or its folder.

    `url_or_path`: the path of an SQLite file, or an SQLAlchemy URL. On leaving, everything enqueued is written.
    Raises StorageError if the database cannot be opened or is from a newer version.
    """
    options = options or StoreOptions()
    files: FileBlobStore | None = None
    if isinstance(blobs, Path):
        blobs = files = await FileBlobStore.open(blobs, options.blob_cache_bytes)
    database = open_database(url_or_path, options.seal)
    try:
        await database.write(_prepare)  # it may wait for another replica's, as long as that takes
        if isinstance(database, Announcing):
            database.silence = options.silence
        cached: EntityCache = ReadThroughCache(options.entity_cache_bytes)
        writer = Writer(database, options.writer, on_doubt=cached.clear, on_commit=options.on_commit)
        stores, forget = _assemble(database, writer, blobs, cached, options.owner)
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
        if files is not None:
            files.close()


def _prepare(connection: Connection) -> None:
    upgrade(connection)
    if partitions.is_partitioned(connection):
        partitions.make_ahead(connection, connection.execute(select(now_ms(connection))).scalar_one())


def _assemble(
    database: Database, writer: Writer, blobs: BlobStore, cached: EntityCache, owner: str
) -> tuple[Stores, Forget]:
    """The stores, and what makes them forget what they cache: of some entities, or all of it."""
    namespaces = SqlNamespaceStore(database, writer, cached.clear)

    def forget(names: Sequence[FullName] | None) -> None:
        if names is None:
            namespaces.forget_cached()
        else:
            cached.forget(names)

    stores = Stores(
        SqlEntityStore(database, writer, cached, shared=isinstance(database, Announcing)),
        namespaces,
        SqlActivationStore(database, writer, owner),
        blobs,
        SqlDocumentStore(database, writer),
        SqlLeases(database, writer),
    )
    return stores, forget


async def _watch(database: Database, forget: Forget, every: float) -> None:
    """Drop the caches when another process (the command line, another replica) has written."""
    if isinstance(database, Announcing):
        return await database.announced(forget)
    while True:
        await asyncio.sleep(every)
        try:
            foreign = await database.foreign_writes()
        except StorageError:
            foreign = True
        if foreign:
            forget(None)


def open_database(url_or_path: str | Path, seal: Seal = OPEN) -> Database:
    """The adapter for that URL; nothing is connected yet."""
    text = str(url_or_path)
    if "://" not in text:
        return _open_sqlite(Path(text), seal)
    url = make_url(text)
    if url.drivername in {"sqlite", "sqlite+pysqlite"} and url.database:
        return _open_sqlite(Path(url.database), seal)
    if url.drivername not in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
        raise StorageError(
            f"There is no store for '{url.drivername}': give a path, or a sqlite:// or postgresql+asyncpg:// URL."
        )
    from argo_provider.storage.sql.async_engine import (  # noqa: PLC0415 - most need none
        AsyncEngineDatabase,
        PostgresDatabase,
    )

    return (PostgresDatabase if url.get_backend_name() == "postgresql" else AsyncEngineDatabase)(url, seal)


def _open_sqlite(path: Path, seal: Seal) -> Database:
    try:
        make_private(path.parent)
        path.touch(mode=0o600)  # it holds parameters and key hashes: for the service's user only
    except OSError as error:
        raise StorageError(f"The database file {path.name} cannot be written: {error.strerror}.") from error
    return SqliteDatabase(path, seal)
