"""All stores in memory, for tests and throw-away services: the same contract, nothing kept."""

from __future__ import annotations

from argo_provider.storage.memory.activations import MemoryActivationStore
from argo_provider.storage.memory.blobs import MemoryBlobStore
from argo_provider.storage.memory.documents import MemoryDocumentStore
from argo_provider.storage.memory.entities import MemoryEntityStore
from argo_provider.storage.memory.leases import MemoryLeases
from argo_provider.storage.memory.namespaces import MemoryNamespaceStore
from argo_provider.storage.port import Stores


def memory_stores() -> Stores:
    """Fresh, empty stores."""
    entities = MemoryEntityStore()
    activations = MemoryActivationStore()
    documents = MemoryDocumentStore()
    namespaces = MemoryNamespaceStore(
        on_delete=(entities.drop_namespace, activations.drop_namespace, documents.drop_namespace)
    )
    return Stores(entities, namespaces, activations, MemoryBlobStore(), documents, MemoryLeases())


__all__ = [
    "MemoryActivationStore",
    "MemoryBlobStore",
    "MemoryDocumentStore",
    "MemoryEntityStore",
    "MemoryLeases",
    "MemoryNamespaceStore",
    "memory_stores",
]
