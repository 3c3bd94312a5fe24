"""Entities: a row each, and a cache in front, because every invocation reads some."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, select, update

from argo_provider.errors import Conflict
from argo_provider.model.entities import Collection, Entity
from argo_provider.model.names import FullName
from argo_provider.storage.cache import UNKNOWN, ReadThroughCache
from argo_provider.storage.filters import is_published
from argo_provider.storage.port import Page
from argo_provider.storage.sql.database import Database
from argo_provider.storage.sql.encoding import decode_entity, encode
from argo_provider.storage.sql.notices import announce_entities
from argo_provider.storage.sql.tables import ENTITY_REVISION, counters, entities
from argo_provider.storage.sql.upsert import insert_new
from argo_provider.storage.sql.writer import Writer

_ENTRY_WEIGHT = 1024  # bytes a cached entity takes beside its document
EntityCache = ReadThroughCache[FullName, Entity]


@dataclass(frozen=True, slots=True)
class _Stored:
    """An entity as it was written, and the length of its document."""

    entity: Entity
    weight: int


class SqlEntityStore:
    """Revisions are drawn from one counter, so that a deleted and re-created entity never repeats one."""

    def __init__(self, database: Database, writer: Writer, cache: EntityCache, *, shared: bool = False) -> None:
        """`shared`: others write to the same database at the same time."""
        self._shared = shared
        self._database = database
        self._writer = writer
        self._cache = cache

    async def get(self, name: FullName) -> Entity | None:
        cached = self._cache.get(name)
        if cached is not UNKNOWN:
            return cached
        generation = self._cache.generation
        row = await self._database.read(lambda c: c.execute(_BY_NAME, _key(name)).first())
        if row is None:
            self._cache.fill(name, None, 1, generation)
            return None
        entity = decode_entity(row.collection, row.document)
        self._cache.fill(name, entity, len(row.document) + _ENTRY_WEIGHT, generation)
        return entity

    async def commit(self, puts: Sequence[Entity] = (), deletes: Sequence[Entity] = ()) -> list[Entity]:
        def committed(stored: builtins.list[_Stored]) -> None:
            if self._shared:  # another may have written since: its notice must not be overtaken by what we wrote
                self._cache.forget([e.name for e in (*puts, *deletes)])
                return
            self._cache.written([(e.name, None, 1) for e in deletes])
            self._cache.written([(s.entity.name, s.entity, s.weight) for s in stored])

        size = _ENTRY_WEIGHT * (len(puts) + len(deletes))
        stored = await self._writer.run(lambda c: _commit(c, puts, deletes), size=size, committed=committed)
        return [s.entity for s in stored]

    async def list(
        self, collection: Collection, namespace: str, page: Page, *, package: str | None = None, published: bool = False
    ) -> builtins.list[Entity]:
        query = (
            _SELECT.where(_among(collection, namespace, package, published))
            .order_by(entities.c.updated.desc(), entities.c.revision.desc())
            .offset(page.skip)
            .limit(page.limit)
        )
        return await self._database.read(
            lambda c: [decode_entity(row.collection, row.document) for row in c.execute(query)]
        )

    async def count(
        self, collection: Collection, namespace: str, *, package: str | None = None, published: bool = False
    ) -> int:
        query = select(func.count()).select_from(entities).where(_among(collection, namespace, package, published))
        return await self._database.read(lambda c: c.execute(query).scalar_one())


_SELECT = select(entities.c.collection, entities.c.document)
_BY_NAME = _SELECT.where(
    entities.c.namespace == bindparam("namespace"),
    entities.c.package == bindparam("package"),
    entities.c.name == bindparam("name"),
)


def _key(name: FullName) -> dict[str, str]:
    return {"namespace": name.namespace, "package": name.package or "", "name": name.name}


def _is(name: FullName) -> ColumnElement[bool]:
    return and_(
        entities.c.namespace == name.namespace,
        entities.c.package == (name.package or ""),
        entities.c.name == name.name,
    )


def _among(collection: Collection, namespace: str, package: str | None, published: bool) -> ColumnElement[bool]:
    conditions = [entities.c.namespace == namespace, entities.c.collection == collection.value]
    if package is not None:
        conditions.append(entities.c.package == package)
    if published:
        conditions.append(entities.c.published)
    return and_(*conditions)


def _commit(connection: Connection, puts: Sequence[Entity], deletes: Sequence[Entity]) -> list[_Stored]:
    for entity in deletes:
        gone = connection.execute(delete(entities).where(_is(entity.name), entities.c.revision == entity.revision))
        if gone.rowcount != 1:
            raise Conflict
    announce_entities(connection, [e.name for e in (*puts, *deletes)])
    first = _take_revisions(connection, len(puts)) if puts else 0
    return [_put(connection, entity, first + offset) for offset, entity in enumerate(puts)]


def _take_revisions(connection: Connection, count: int) -> int:
    """The first of `count` unused revisions."""
    statement = (
        update(counters)
        .where(counters.c.name == ENTITY_REVISION)
        .values(value=counters.c.value + count)
        .returning(counters.c.value)
    )
    last: int = connection.execute(statement).scalar_one()
    return last - count + 1


def _put(connection: Connection, entity: Entity, revision: int) -> _Stored:
    text = encode(replace(entity, revision=revision))
    values: dict[str, Any] = {
        "collection": entity.collection.value,
        "revision": revision,
        "updated": entity.updated,
        "published": is_published(entity),
        "document": text,
    }
    if entity.revision == 0:
        result = connection.execute(insert_new(connection, entities), _key(entity.name) | values)
    else:
        result = connection.execute(
            update(entities).where(_is(entity.name), entities.c.revision == entity.revision).values(**values)
        )
    if result.rowcount != 1:
        raise Conflict
    # What is cached and returned is what a restart would read, not what the caller may go on changing.
    return _Stored(decode_entity(entity.collection.value, text), len(text) + _ENTRY_WEIGHT)
