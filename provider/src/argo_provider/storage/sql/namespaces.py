"""Namespaces and their keys; cached, because every request is authenticated."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from argo_provider.errors import Conflict, NotFound
from argo_provider.model.identity import LAST_KEY, NamespaceRecord
from argo_provider.model.limits import NamespaceLimits
from argo_provider.storage.cache import UNKNOWN, ReadThroughCache
from argo_provider.storage.sql.database import Database
from argo_provider.storage.sql.encoding import decode_limits, encode
from argo_provider.storage.sql.notices import announce_namespaces
from argo_provider.storage.sql.tables import activations, documents, entities, further_keys, journal, namespaces
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
        return await self._find(self._by_key, key_id, lambda c: _by_key(c, key_id))

    async def by_name(self, namespace: str) -> NamespaceRecord | None:
        return await self._find(self._by_name, namespace, lambda c: _by_name(c, namespace))

    async def _find(
        self,
        cache: ReadThroughCache[str, NamespaceRecord],
        key: str,
        look: Callable[[Connection], NamespaceRecord | None],
    ) -> NamespaceRecord | None:
        cached = cache.get(key)
        if cached is not UNKNOWN:
            return cached
        generation = cache.generation
        found = await self._database.read(look)
        cache.fill(key, found, 1, generation)
        return found

    async def list(self) -> list[NamespaceRecord]:
        query = select(namespaces).order_by(namespaces.c.created.desc(), namespaces.c.namespace)
        return await self._database.read(lambda c: [_record(row) for row in c.execute(query)])

    async def create(self, record: NamespaceRecord) -> None:
        await self._change(lambda c: _create(c, record))

    async def replace_key(self, namespace: str, key_id: str, secret_sha256: bytes) -> None:
        await self._change(lambda c: _replace_key(c, namespace, key_id, secret_sha256))

    async def add_key(self, namespace: str, key_id: str, secret_sha256: bytes, created: int) -> None:
        key = {"key_id": key_id, "namespace": namespace, "secret_sha256": secret_sha256, "created": created}
        await self._change(lambda c: _add_key(c, key))

    async def keys(self, namespace: str) -> builtins.list[str]:
        return await self._database.read(lambda c: _keys(c, namespace))

    async def revoke_key(self, namespace: str, key_id: str) -> None:
        await self._change(lambda c: _revoke_key(c, namespace, key_id))

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


def _by_name(connection: Connection, namespace: str) -> NamespaceRecord | None:
    row = connection.execute(select(namespaces).where(namespaces.c.namespace == namespace)).first()
    return None if row is None else _record(row)


def _by_key(connection: Connection, key_id: str) -> NamespaceRecord | None:
    row = connection.execute(select(namespaces).where(namespaces.c.key_id == key_id)).first()
    if row is not None:
        return _record(row)
    further = connection.execute(select(further_keys).where(further_keys.c.key_id == key_id)).first()
    if further is None:
        return None
    found = _by_name(connection, further.namespace)
    return None if found is None else replace(found, key_id=key_id, secret_sha256=further.secret_sha256)


def _keys(connection: Connection, namespace: str) -> builtins.list[str]:
    found = _by_name(connection, namespace)
    if found is None:
        raise NotFound
    further = select(further_keys.c.key_id).where(further_keys.c.namespace == namespace)
    return [
        found.key_id,
        *connection.execute(further.order_by(further_keys.c.created, further_keys.c.key_id)).scalars(),
    ]


def _replace_key(connection: Connection, namespace: str, key_id: str, secret_sha256: bytes) -> None:
    connection.execute(delete(further_keys).where(further_keys.c.namespace == namespace))
    holder = _by_key(connection, key_id)
    if holder is not None and holder.namespace != namespace:
        raise Conflict(Conflict.EXISTS)
    _set(connection, namespace, key_id=key_id, secret_sha256=secret_sha256)


def _add_key(connection: Connection, key: dict[str, Any]) -> None:
    if _by_name(connection, key["namespace"]) is None:
        raise NotFound
    if _by_key(connection, key["key_id"]) is not None:
        raise Conflict(Conflict.EXISTS)
    connection.execute(insert(further_keys), key)


def _revoke_key(connection: Connection, namespace: str, key_id: str) -> None:
    first, *further = _keys(connection, namespace)
    if key_id not in {first, *further}:
        raise NotFound
    if not further:
        raise Conflict(LAST_KEY)
    gone = key_id
    if key_id == first:  # the oldest of the others takes its place
        gone = further[0]
        heir = connection.execute(select(further_keys).where(further_keys.c.key_id == gone)).one()
        _set(connection, namespace, key_id=heir.key_id, secret_sha256=heir.secret_sha256)
    connection.execute(delete(further_keys).where(further_keys.c.key_id == gone))


def _create(connection: Connection, record: NamespaceRecord) -> None:
    values = {
        "namespace": record.namespace,
        "subject": record.subject,
        "key_id": record.key_id,
        "secret_sha256": record.secret_sha256,
        "created": record.created,
        "limits": encode(record.limits),
    }
    if _by_key(connection, record.key_id) is not None:
        raise Conflict(Conflict.EXISTS)
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
    for table in (entities, activations, journal, documents, further_keys):
        connection.execute(delete(table).where(table.c.namespace == namespace))
    if connection.execute(delete(namespaces).where(namespaces.c.namespace == namespace)).rowcount != 1:
        raise NotFound


def delete_some_activations(connection: Connection, condition: ColumnElement[bool]) -> int:
    """Delete at most one chunk of the records that `condition` selects; how many."""
    chunk = select(activations.c.seq).where(condition).limit(_DELETE_CHUNK)
    return connection.execute(delete(activations).where(activations.c.seq.in_(chunk))).rowcount
