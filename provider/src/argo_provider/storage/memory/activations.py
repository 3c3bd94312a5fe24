"""Activation records and the journal in dictionaries."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from dataclasses import replace

from argo_provider.model.activation import Activation, JournalEntry
from argo_provider.storage.filters import listed_name, matches, without_details
from argo_provider.storage.port import ActivationQuery, Page


class MemoryActivationStore:
    """Everything is "durable" at once; nothing survives the process."""

    def __init__(self) -> None:
        self._records: dict[str, Activation] = {}
        self._journal: dict[str, JournalEntry] = {}

    async def accept(self, entries: Sequence[JournalEntry]) -> None:
        for entry in entries:
            self._journal.setdefault(entry.activation_id, entry)

    async def claim(self, activation_id: str) -> bool:
        entry = self._journal.get(activation_id)
        if entry is None or entry.claimed:
            return False
        self._journal[activation_id] = replace(entry, claimed=True)
        return True

    async def record(self, activation: Activation) -> None:
        self.enqueue(activation)

    def enqueue(self, activation: Activation) -> None:
        self._records.setdefault(activation.activation_id, activation)
        self._journal.pop(activation.activation_id, None)

    async def get(self, namespace: str, activation_id: str) -> Activation | None:
        found = self._records.get(activation_id)
        return found if found is not None and found.namespace == namespace else None

    async def list(self, query: ActivationQuery, page: Page, *, docs: bool) -> list[Activation]:
        newest_first = [*self._select(query)][::-1]  # of equal starts, the one recorded last comes first
        newest_first.sort(key=lambda a: -a.start)
        window = newest_first[page.skip : page.skip + page.limit]
        return window if docs else [without_details(a) for a in window]

    async def count(self, query: ActivationQuery) -> int:
        return sum(1 for _ in self._select(query))

    def _select(self, query: ActivationQuery) -> Iterator[Activation]:
        return (a for a in self._records.values() if matches(query, a.namespace, listed_name(a), a.start))

    async def unfinished(self) -> builtins.list[JournalEntry]:
        return [*self._journal.values()]

    async def adopt(self) -> builtins.list[JournalEntry]:
        return await self.unfinished()

    async def sweep(self, before: int) -> int:
        old = [i for i, a in self._records.items() if a.start < before]
        for activation_id in old:
            del self._records[activation_id]
        return len(old)

    async def flush(self) -> None:
        return None

    def drop_namespace(self, namespace: str) -> None:
        self._records = {i: a for i, a in self._records.items() if a.namespace != namespace}
        self._journal = {i: e for i, e in self._journal.items() if e.namespace != namespace}
