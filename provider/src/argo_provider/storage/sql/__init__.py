"""Entities, activations, namespaces and documents in an SQL database (SQLite; PostgreSQL by the same tables)."""

from argo_provider.storage.sql.opening import StoreOptions, open_stores
from argo_provider.storage.sql.sealing import Seal
from argo_provider.storage.sql.writer import WriterLimits

__all__ = ["Seal", "StoreOptions", "WriterLimits", "open_stores"]
