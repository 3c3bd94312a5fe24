"""Namespaces in a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from argo_provider.errors import Conflict, NotFound
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.limits import NamespaceLimits


class MemoryNamespaceStore:
    """`on_delete`: what forgets the things of a deleted namespace."""

    def __init__(self, on_delete: Sequence[Callable[[str], None]] = ()) -> None:
        self._records: dict[str, NamespaceRecord] = {}
        self._on_delete = on_delete

    async def by_key(self, key_id: str) -> NamespaceRecord | None:
        return next((r for r in self._records.values() if r.key_id == key_id), None)

    async def by_name(self, namespace: str) -> NamespaceRecord | None:
        return self._records.get(namespace)

    async def list(self) -> list[NamespaceRecord]:
        return sorted(self._records.values(), key=lambda r: (-r.created, r.namespace))

    async def create(self, record: NamespaceRecord) -> None:
        if record.namespace in self._records or await self.by_key(record.key_id) is not None:
            raise Conflict(Conflict.EXISTS)
        self._records[record.namespace] = record

    async def replace_key(self, namespace: str, key_id: str, secret_sha256: bytes) -> None:
        current = self._of(namespace)
        holder = await self.by_key(key_id)
        if holder is not None and holder.namespace != namespace:
            raise Conflict(Conflict.EXISTS)
        self._records[namespace] = replace(current, key_id=key_id, secret_sha256=secret_sha256)

    async def set_limits(self, namespace: str, limits: NamespaceLimits) -> None:
        self._records[namespace] = replace(self._of(namespace), limits=limits)

    async def delete(self, namespace: str) -> None:
        self._of(namespace)
        for forget in self._on_delete:
            forget(namespace)
        del self._records[namespace]

    def _of(self, namespace: str) -> NamespaceRecord:
        found = self._records.get(namespace)
        if found is None:
            raise NotFound
        return found
