"""Namespaces in a dictionary."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from dataclasses import replace

from argo_provider.errors import Conflict, NotFound
from argo_provider.model.identity import LAST_KEY, NamespaceRecord
from argo_provider.model.limits import NamespaceLimits


class MemoryNamespaceStore:
    """`on_delete`: what forgets the things of a deleted namespace."""

    def __init__(self, on_delete: Sequence[Callable[[str], None]] = ()) -> None:
        self._records: dict[str, NamespaceRecord] = {}
        self._further: dict[str, list[tuple[int, str, bytes]]] = {}  # by age: created, id, hash
        self._on_delete = on_delete

    async def by_key(self, key_id: str) -> NamespaceRecord | None:
        for record in self._records.values():
            for known, secret_sha256 in self._all_keys(record):
                if known == key_id:
                    return replace(record, key_id=key_id, secret_sha256=secret_sha256)
        return None

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
        self._further.pop(namespace, None)
        self._records[namespace] = replace(current, key_id=key_id, secret_sha256=secret_sha256)

    async def add_key(self, namespace: str, key_id: str, secret_sha256: bytes, created: int) -> None:
        self._of(namespace)
        if await self.by_key(key_id) is not None:
            raise Conflict(Conflict.EXISTS)
        further = [*self._further.get(namespace, []), (created, key_id, secret_sha256)]
        self._further[namespace] = sorted(further)

    async def keys(self, namespace: str) -> builtins.list[str]:
        return [key_id for key_id, _ in self._all_keys(self._of(namespace))]

    async def revoke_key(self, namespace: str, key_id: str) -> None:
        left = [key for key in self._all_keys(self._of(namespace)) if key[0] != key_id]
        if len(left) == len(self._all_keys(self._of(namespace))):
            raise NotFound
        if not left:
            raise Conflict(LAST_KEY)
        ages = {key: created for created, key, _ in self._further[namespace]}
        first, *further = left
        self._records[namespace] = replace(self._of(namespace), key_id=first[0], secret_sha256=first[1])
        self._further[namespace] = [(ages[key], key, secret) for key, secret in further]

    async def set_limits(self, namespace: str, limits: NamespaceLimits) -> None:
        self._records[namespace] = replace(self._of(namespace), limits=limits)

    async def delete(self, namespace: str) -> None:
        self._of(namespace)
        for forget in self._on_delete:
            forget(namespace)
        del self._records[namespace]
        self._further.pop(namespace, None)

    def _all_keys(self, record: NamespaceRecord) -> builtins.list[tuple[str, bytes]]:
        further = [(key_id, secret) for _, key_id, secret in self._further.get(record.namespace, [])]
        return [(record.key_id, record.secret_sha256), *further]

    def _of(self, namespace: str) -> NamespaceRecord:
        found = self._records.get(namespace)
        if found is None:
            raise NotFound
        return found
