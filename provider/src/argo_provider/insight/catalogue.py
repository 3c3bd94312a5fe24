"""The actions of a namespace in a few words each, kept in memory: what lists of ten thousand are made from.

What this process writes is heard of by event. What another process writes is noticed at the next look: the number of
actions, or the newest of them, is then another than the one that is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from argo_provider.events import ActionChanged, Event, NamespaceChanged
from argo_provider.model.entities import Action, Collection
from argo_provider.model.names import FullName
from argo_provider.storage.cache import LruCache
from argo_provider.storage.port import EntityStore, Page

_PAGE = 500
_MOST_ROWS = 200_000  # of all namespaces together; those not looked at for longest go first


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One action as lists show it. `name`: "pkg/a" or "a"."""

    full: FullName
    name: str
    lowered: str
    kind: str
    version: str
    updated: int
    memory_mb: int
    timeout_ms: int
    web: bool
    revision: int

    @classmethod
    def of(cls, action: Action) -> FunctionRow:
        full = action.name
        name = f"{full.package}/{full.name}" if full.package else full.name
        web = action.annotations.get("web-export") is True
        limits = action.limits
        return cls(
            full,
            name,
            name.lower(),
            action.exec.kind,
            action.version,
            action.updated,
            limits.memory,
            limits.timeout,
            web,
            action.revision,
        )


@dataclass(slots=True, eq=False)
class _Shelf:
    """The rows of one namespace; `changed`: names to be read again."""

    rows: dict[FullName, FunctionRow] = field(default_factory=dict)
    changed: set[FullName] = field(default_factory=set)
    ordered: Sequence[FunctionRow] | None = None  # by name; None: to be sorted again
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Catalogue:
    """Listens to the bus."""

    def __init__(self, entities: EntityStore) -> None:
        self._entities = entities
        self._shelves: LruCache[str, _Shelf] = LruCache(_MOST_ROWS)

    def on_event(self, event: Event) -> None:
        if isinstance(event, ActionChanged):
            shelf = self._shelves.get(event.name.namespace)
            if shelf is not None:
                shelf.changed.add(event.name)
        elif isinstance(event, NamespaceChanged):
            self._shelves.discard(event.namespace)

    async def rows(self, namespace: str) -> Sequence[FunctionRow]:
        """All actions of the namespace by name. Not to be changed by the caller."""
        shelf = self._shelves.get(namespace) or _Shelf()
        async with shelf.lock:
            await self._reread(shelf)
            if not await self._is_whole(shelf, namespace):
                await self._reload(shelf, namespace)
            if shelf.ordered is None:
                shelf.ordered = sorted(shelf.rows.values(), key=lambda row: row.name)
            self._shelves.put(namespace, shelf, len(shelf.rows) + 1)
            return shelf.ordered

    async def _reread(self, shelf: _Shelf) -> None:
        changed, shelf.changed = shelf.changed, set()
        for name in changed:
            found = await self._entities.get(name)
            if isinstance(found, Action):
                shelf.rows[name] = FunctionRow.of(found)
            else:
                shelf.rows.pop(name, None)
            shelf.ordered = None

    async def _is_whole(self, shelf: _Shelf, namespace: str) -> bool:
        if await self._entities.count(Collection.ACTIONS, namespace) != len(shelf.rows):
            return False
        newest = await self._entities.list(Collection.ACTIONS, namespace, Page(0, 1))
        if not newest:
            return True
        known = shelf.rows.get(newest[0].name)
        return known is not None and known.revision == newest[0].revision

    async def _reload(self, shelf: _Shelf, namespace: str) -> None:
        rows: dict[FullName, FunctionRow] = {}
        skip = 0
        while True:
            page = await self._entities.list(Collection.ACTIONS, namespace, Page(skip, _PAGE))
            rows |= {e.name: FunctionRow.of(e) for e in page if isinstance(e, Action)}
            skip += _PAGE
            if len(page) < _PAGE:
                break
        shelf.rows, shelf.ordered = rows, None
