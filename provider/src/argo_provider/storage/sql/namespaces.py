"""Namespaces and their keys; cached, because every request is authenticated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update
from sqlalchemy.exc import IntegrityError

from argo_provider.errors import Conflict, NotFound
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.limits import NamespaceLimits
from argo_provider.storage.cache import UNKNOWN, ReadThroughCache
from argo_provider.storage.sql.database import Database
from argo_provider.storage.sql.encoding import decode_limits, encode
from argo_provider.storage.sql.notices import announce_namespaces
from argo_provider.storage.sql.tables import activations, documents, entities, journal, namespaces
from argo_provider.storage.sql.upsert import insert_new
from argo_provider.storage.sql.writer import Writer

CACHED = 10_000
_DELETE_CHUNK = 500


class SqlNamespaceStore:
    """`forget`: called after a namespace was changed or deleted, to drop what other caches hold of it."""

    def __init__(self, database: Database, writer: Writer, forget: Callable[[], None]) -> None:
        self._database = database
        self._writer = writer
        self._forget = forget
        self._by_key: ReadThroughCache[str, NamespaceRecord] = ReadThroughCache(CACHED)
        self._by_name: ReadThroughCache[str, NamespaceRecord] = ReadThroughCache(CACHED)

    async def by_key(self, key_id: str) -> NamespaceRecord | None:
        return await self._find(self._by_key, key_id, namespaces.c.key_id == key_id)

    async def by_name(self, namespace: str) -> NamespaceRecord | None:
        return await self._find(self._by_name, namespace, namespaces.c.namespace == namespace)

    async def _find(
        self, cache: ReadThroughCache[str, NamespaceRecord], key: str, condition: ColumnElement[bool]
    ) -> NamespaceRecord | None:
        cached = cache.get(key)
        if cached is not UNKNOWN:
            return cached
        generation = cache.generation
        row = await self._database.read(lambda c: c.execute(select(namespaces).where(condition)).first())
        found = None if row is None else _record(row)
        cache.fill(key, found, 1, generation)
        return found

    async def list(self) -> list[NamespaceRecord]:
        query = select(namespaces).order_by(namespaces.c.created.desc(), namespaces.c.namespace)
        return await self._database.read(lambda c: [_record(row) for row in c.execute(query)])

    async def create(self, record: NamespaceRecord) -> None:
        await self._change(lambda c: _create(c, record))

    async def replace_key(self, namespace: str, key_id: str, secret_sha256: bytes) -> None:
        await self._change(lambda c: _set(c, namespace, key_id=key_id, secret_sha256=secret_sha256))

    async def set_limits(self, namespace: str, limits: NamespaceLimits) -> None:
        await self._change(lambda c: _set(c, namespace, limits=encode(limits)))

    async def delete(self, namespace: str) -> None:
        if await self.by_name(namespace) is None:
            raise NotFound
        # The namespace goes last: cut off in between, it is still there to be deleted again, and nobody who takes
        # its name later finds the records of another.
        while await self._writer.run(lambda c: delete_some_activations(c, activations.c.namespace == namespace)):
            pass
        await self._change(lambda c: _delete(c, namespace))

    async def _change(self, work: Callable[[Connection], None]) -> None:
        def announced(connection: Connection) -> None:
            work(connection)
            announce_namespaces(connection)

        await self._writer.run(announced, committed=self._changed)

    def _changed(self, _result: None) -> None:
        self.forget_cached()

    def forget_cached(self) -> None:
        """Everything cached of any namespace, here and behind `forget`."""
        self._by_key.clear()
        self._by_name.clear()
        self._forget()


def _record(row: Row[Any]) -> NamespaceRecord:
    return NamespaceRecord(
        row.namespace, row.subject, row.key_id, row.secret_sha256, row.created, decode_limits(row.limits)
    )


def _create(connection: Connection, record: NamespaceRecord) -> None:
    values = {
        "namespace": record.namespace,
        "subject": record.subject,
        "key_id": record.key_id,
        "secret_sha256": record.secret_sha256,
        "created": record.created,
        "limits": encode(record.limits),
    }
    if connection.execute(insert_new(connection, namespaces), values).rowcount != 1:
        raise Conflict(Conflict.EXISTS)


def _set(connection: Connection, namespace: str, **values: Any) -> None:
    try:
        changed = connection.execute(update(namespaces).where(namespaces.c.namespace == namespace).values(**values))
    except IntegrityError as error:
        raise Conflict(Conflict.EXISTS) from error
    if changed.rowcount != 1:
        raise NotFound


def _delete(connection: Connection, namespace: str) -> None:
    for table in (entities, activations, journal, documents):
        connection.execute(delete(table).where(table.c.namespace == namespace))
    if connection.execute(delete(namespaces).where(namespaces.c.namespace == namespace)).rowcount != 1:
        raise NotFound


def delete_some_activations(connection: Connection, condition: ColumnElement[bool]) -> int:
    """Delete at most one chunk of the records that `condition` selects; how many."""
    chunk = select(activations.c.seq).where(condition).limit(_DELETE_CHUNK)
    return connection.execute(delete(activations).where(activations.c.seq.in_(chunk))).rowcount
