"""Ports of everything that is kept. All times are epoch milliseconds; all lists are newest first.

Errors: `Conflict` for a lost update, `NotFound`, `Overloaded` and `StorageError` for a store that failed;
nothing else leaves an adapter.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from argo_provider.model.activation import Activation, JournalEntry
from argo_provider.model.entities import Collection, Entity
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.limits import NamespaceLimits
from argo_provider.model.names import FullName


@dataclass(frozen=True, slots=True)
class Page:
    """A window of a list: `limit` items after `skip`."""

    skip: int = 0
    limit: int = 30


class EntityStore(Protocol):
    """Entities by full name. The four collections share one name space: a name is taken by at most one of them."""

    async def get(self, name: FullName) -> Entity | None:
        """The entity of whichever collection, or None. On the hot path: adapters keep what they read in memory."""
        ...

    async def commit(self, puts: Sequence[Entity] = (), deletes: Sequence[Entity] = ()) -> list[Entity]:
        """Write all or nothing; returns the `puts` with their new revisions, in order.

        A put with revision 0 must not exist yet, another must still have that revision in the store, and so must
        each delete; else Conflict and nothing is written. Durable on return.
        """
        ...

    async def list(
        self, collection: Collection, namespace: str, page: Page, *, package: str | None = None, published: bool = False
    ) -> list[Entity]:
        """By last update. `package` restricts actions to one package; without it all of the namespace are listed.

        `published`: only entities with `publish` true that are not bindings (what others may see of packages).
        """
        ...

    async def count(
        self, collection: Collection, namespace: str, *, package: str | None = None, published: bool = False
    ) -> int: ...


class NamespaceStore(Protocol):
    """Namespaces and their keys."""

    async def by_key(self, key_id: str) -> NamespaceRecord | None:
        """The namespace as this key opens it: of several, the record has the one that was asked for."""
        ...

    async def by_name(self, namespace: str) -> NamespaceRecord | None: ...

    async def list(self) -> list[NamespaceRecord]: ...

    async def create(self, record: NamespaceRecord) -> None:
        """Conflict if the namespace or the key id exists."""
        ...

    async def replace_key(self, namespace: str, key_id: str, secret_sha256: bytes) -> None:
        """NotFound if there is no such namespace. All its old keys stop working at once."""
        ...

    async def add_key(self, namespace: str, key_id: str, secret_sha256: bytes, created: int) -> None:
        """A further key, as good as the first. NotFound; Conflict if the key id exists."""
        ...

    async def keys(self, namespace: str) -> builtins.list[str]:
        """Ids of all its keys, the first one first, the others by age. NotFound."""
        ...

    async def revoke_key(self, namespace: str, key_id: str) -> None:
        """It stops working at once. NotFound if it is none of the namespace's; Conflict if it is the last one."""
        ...

    async def set_limits(self, namespace: str, limits: NamespaceLimits) -> None: ...

    async def delete(self, namespace: str) -> None:
        """With all its entities, activations and documents. NotFound if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class ActivationQuery:
    """Filters of a list. `name` is "action" or "package/action"; `since` and `upto` are inclusive starts."""

    namespace: str
    name: str | None = None
    since: int | None = None
    upto: int | None = None


class ActivationStore(Protocol):
    """Activation records and the journal of accepted work. Writes are grouped: many callers, one commit."""

    async def accept(self, entries: Sequence[JournalEntry]) -> None:
        """Durable on return: only then may a 202 be answered."""
        ...

    async def claim(self, activation_id: str) -> bool:
        """Mark an accepted entry as about to run, durably. False: already claimed, or not there."""
        ...

    async def record(self, activation: Activation) -> None:
        """Keep the record and strike its journal entry, in one commit; a second record of one id is ignored."""
        ...

    def enqueue(self, activation: Activation) -> None:
        """As `record`, without waiting for the commit: for blocking calls whose caller has the answer anyway.

        Raises Overloaded when the queue of unwritten records is full.
        """
        ...

    async def get(self, namespace: str, activation_id: str) -> Activation | None:
        """Also finds records that were enqueued and are not yet written."""
        ...

    async def list(self, query: ActivationQuery, page: Page, *, docs: bool) -> list[Activation]:
        """By start, newest first. Without `docs` records come without logs and with an empty result.

        Also sees what was enqueued before the call.
        """
        ...

    async def count(self, query: ActivationQuery) -> int: ...

    async def unfinished(self) -> builtins.list[JournalEntry]:
        """Entries without a record, in order of acceptance."""
        ...

    async def adopt(self) -> builtins.list[JournalEntry]:
        """Entries of members that are gone, now ours: what a crash left. In order of acceptance.

        A store of one process has no other members: all its entries are. Of several that adopt at once, one gets them.
        """
        ...

    async def sweep(self, before: int) -> int:
        """Delete records that started before `before`; how many."""
        ...

    async def flush(self) -> None:
        """Wait until everything enqueued so far is durable."""
        ...


class BlobStore(Protocol):
    """Content-addressed bytes: function code. A digest is "sha256:" and 64 hexadecimal digits."""

    async def put(self, data: bytes) -> str:
        """Durable on return; putting the same bytes twice is one blob."""
        ...

    async def get(self, digest: str) -> bytes:
        """NotFound if there is none; StorageError if what is there does not match its digest."""
        ...

    async def delete(self, digest: str) -> None: ...

    def digests(self, *, older_than: float = 0.0) -> AsyncIterator[str]:
        """The blobs last put at least `older_than` seconds ago: for collecting those that no entity names.

        A collector leaves out the young ones: an upload's blob is put before the entity that will name it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Document:
    """A small JSON document of a feature that needs no tables of its own (schedules, gateway routes)."""

    bucket: str
    namespace: str
    id: str
    body: Any


class DocumentStore(Protocol):
    """Documents by bucket, namespace and id. Durable on return."""

    async def put(self, document: Document) -> None: ...

    async def get(self, bucket: str, namespace: str, id: str) -> Document | None: ...  # noqa: A002

    async def delete(self, bucket: str, namespace: str, id: str) -> bool: ...  # noqa: A002

    async def list(self, bucket: str, namespace: str | None = None, *, prefix: str = "") -> list[Document]:
        """Of one namespace, or of all; those whose id begins with `prefix`. By namespace and id."""
        ...


class Leases(Protocol):
    """What only one holder at a time may do, by one clock for all: that of the store."""

    async def hold(self, name: str, holder: str, seconds: float) -> bool:
        """Take or renew the lease for so long from now. False: another holds it."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Give it up, if it is held."""
        ...

    async def holder(self, name: str) -> str | None:
        """Who holds it now."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """All ports, opened and closed together."""

    entities: EntityStore
    namespaces: NamespaceStore
    activations: ActivationStore
    blobs: BlobStore
    documents: DocumentStore
    leases: Leases
