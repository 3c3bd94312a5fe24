"""What a database's error means for the caller."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from argo_provider.errors import StorageError, StoreUnavailable

_NOTHING_WRITTEN = "Nothing was written"
_SQLITE_TEXTS = {
    "SQLITE_FULL": f"The disk of the data directory is full. {_NOTHING_WRITTEN}; free some space and try again.",
    "SQLITE_READONLY": f"The data directory cannot be written (read-only). {_NOTHING_WRITTEN}; make it writable.",
    "SQLITE_CANTOPEN": "The database file cannot be opened. Check that the data directory exists and is writable.",
    "SQLITE_IOERR": f"The disk of the data directory reports errors. {_NOTHING_WRITTEN}; check the disk.",
    "SQLITE_BUSY": f"The database is locked by another process. {_NOTHING_WRITTEN}; try again.",
    "SQLITE_LOCKED": f"The database is locked. {_NOTHING_WRITTEN}; try again.",
    "SQLITE_PERM": f"The data directory cannot be written (permissions). {_NOTHING_WRITTEN}.",
}


def storage_failure(error: SQLAlchemyError | OSError) -> StorageError:
    """`error` as the port's: StoreUnavailable if trying again later makes sense, else StorageError."""
    if isinstance(error, OSError):
        return StoreUnavailable(f"The database cannot be reached: {error.strerror or error}.")
    if isinstance(error, PoolTimeout):
        return StoreUnavailable("The database has no free connection; try again.")
    if isinstance(error, DBAPIError):
        return _driver_failure(error)
    return StorageError(f"The database failed. {_NOTHING_WRITTEN}.")


def _driver_failure(error: DBAPIError) -> StorageError:
    code = str(getattr(error.orig, "sqlite_errorname", ""))
    for prefix, text in _SQLITE_TEXTS.items():
        if code.startswith(prefix):
            return StoreUnavailable(text)
    if error.connection_invalidated:
        return StoreUnavailable(f"The connection to the database broke. {_NOTHING_WRITTEN}; try again.")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StorageError("The database file is damaged. Restore it from a backup.")
    return StorageError(f"The database refused the request. {_NOTHING_WRITTEN}.")
