"""Entities in a dictionary."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from dataclasses import replace

from argo_provider.errors import Conflict
from argo_provider.model.entities import Collection, Entity
from argo_provider.model.names import FullName
from argo_provider.storage.filters import is_published
from argo_provider.storage.port import Page


class MemoryEntityStore:
    """Revisions are drawn from one counter, so that a deleted and re-created entity never repeats one."""

    def __init__(self) -> None:
        self._entities: dict[FullName, Entity] = {}
        self._revision = 0

    async def get(self, name: FullName) -> Entity | None:
        return self._entities.get(name)

    async def commit(self, puts: Sequence[Entity] = (), deletes: Sequence[Entity] = ()) -> list[Entity]:
        after = dict(self._entities)
        for entity in deletes:
            self._expect(after, entity)
            after.pop(entity.name, None)
        stored: list[Entity] = []
        for revision, entity in enumerate(puts, self._revision + 1):
            self._expect(after, entity)
            stored.append(replace(entity, revision=revision))
            after[entity.name] = stored[-1]
        self._entities = after
        self._revision += len(stored)
        return stored

    @staticmethod
    def _expect(entities: dict[FullName, Entity], entity: Entity) -> None:
        current = entities.get(entity.name)
        if (current.revision if current is not None else 0) != entity.revision:
            raise Conflict

    async def list(
        self, collection: Collection, namespace: str, page: Page, *, package: str | None = None, published: bool = False
    ) -> list[Entity]:
        found = sorted(
            self._select(collection, namespace, package, published), key=lambda e: (e.updated, e.revision), reverse=True
        )
        return found[page.skip : page.skip + page.limit]

    async def count(
        self, collection: Collection, namespace: str, *, package: str | None = None, published: bool = False
    ) -> int:
        return sum(1 for _ in self._select(collection, namespace, package, published))

    def _select(self, collection: Collection, namespace: str, package: str | None, published: bool) -> Iterator[Entity]:
        for entity in self._entities.values():
            if (
                entity.collection is collection
                and entity.name.namespace == namespace
                and (package is None or entity.name.package == package)
                and (not published or is_published(entity))
            ):
                yield entity

    def drop_namespace(self, namespace: str) -> None:
        gone: builtins.list[FullName] = [n for n in self._entities if n.namespace == namespace]
        for name in gone:
            del self._entities[name]
