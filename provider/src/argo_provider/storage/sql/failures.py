"""What a database's error means for the caller."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from argo_provider.errors import StorageError, StoreUnavailable, WriteInDoubt

_NOTHING_WRITTEN = "Nothing was written"
_BROKE = "The connection to the database broke; what was being written may be there or not. Try again."
_POSTGRES_DOUBTFUL = ("08", "57P01", "57P02")  # cut off, shut down or crashed: perhaps behind the commit
# Classes of PostgreSQL's SQLSTATE, and single ones; the longest prefix that fits counts.
_POSTGRES_UNAVAILABLE = {
    "25006": f"The database is read-only (a standby?). {_NOTHING_WRITTEN}; point --store at the primary.",
    "40": f"The database gave this transaction up for another. {_NOTHING_WRITTEN}; try again.",
    "53100": f"The disk of the database server is full. {_NOTHING_WRITTEN}; free some space and try again.",
    "53300": f"The database has no free connection (max_connections). {_NOTHING_WRITTEN}; try again.",
    "53": f"The database server is short of resources. {_NOTHING_WRITTEN}; try again.",
    "57": f"The database server is stopping or starting. {_NOTHING_WRITTEN}; try again.",
}
_POSTGRES_REFUSED = {
    "28": "The database refuses the user or password of --store: {}.",
    "3D": "There is no such database: {}. Make it with: createdb NAME.",
    "42501": "The database user of --store lacks rights: {}. It must own the database.",
}
_SQLITE_TEXTS = {
    "SQLITE_FULL": f"The disk of the data directory is full. {_NOTHING_WRITTEN}; free some space and try again.",
    "SQLITE_READONLY": f"The data directory cannot be written (read-only). {_NOTHING_WRITTEN}; make it writable.",
    "SQLITE_CANTOPEN": "The database file cannot be opened. Check that the data directory exists and is writable.",
    "SQLITE_IOERR": f"The disk of the data directory reports errors. {_NOTHING_WRITTEN}; check the disk.",
    "SQLITE_BUSY": f"The database is locked by another process. {_NOTHING_WRITTEN}; try again.",
    "SQLITE_LOCKED": f"The database is locked. {_NOTHING_WRITTEN}; try again.",
    "SQLITE_PERM": f"The data directory cannot be written (permissions). {_NOTHING_WRITTEN}.",
}


def storage_failure(error: Exception) -> StorageError:
    """`error` as the port's: StoreUnavailable if trying again later makes sense, else StorageError."""
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return WriteInDoubt(_BROKE)
    if isinstance(error, OSError):
        return StoreUnavailable(f"The database cannot be reached: {error.strerror or str(error) or 'no answer'}.")
    if isinstance(error, PoolTimeout):
        return StoreUnavailable("The database has no free connection; try again.")
    if isinstance(error, DBAPIError):
        return _driver_failure(error)
    if (state := getattr(error, "sqlstate", None)) is not None:
        return _postgres_failure(str(state), str(error))
    return StorageError(f"The database failed. {_NOTHING_WRITTEN}.")


def passes(error: Exception) -> bool:
    """Whether the database is away, or a connection to it was cut: what a restart of it looks like, and silence not."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, TimeoutError):
        return False
    return isinstance(cause, OSError) or str(getattr(cause, "sqlstate", "") or "").startswith(("08", "57P"))


def _driver_failure(error: DBAPIError) -> StorageError:
    code = str(getattr(error.orig, "sqlite_errorname", ""))
    for prefix, text in _SQLITE_TEXTS.items():
        if code.startswith(prefix):
            return StoreUnavailable(text)
    if (state := getattr(error.orig, "sqlstate", None)) is not None:
        return _postgres_failure(str(state), str(error.orig))
    if error.connection_invalidated:
        return WriteInDoubt(_BROKE)
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StorageError("The database file is damaged. Restore it from a backup.")
    return StorageError(f"The database refused the request. {_NOTHING_WRITTEN}.")


def _postgres_failure(state: str, text: str) -> StorageError:
    if state.startswith(_POSTGRES_DOUBTFUL):
        return WriteInDoubt(_BROKE)
    for prefix, said in sorted(_POSTGRES_UNAVAILABLE.items(), key=lambda item: -len(item[0])):
        if state.startswith(prefix):
            return StoreUnavailable(said)
    for prefix, said in _POSTGRES_REFUSED.items():
        if state.startswith(prefix):
            return StorageError(said.format(text.rpartition(": ")[2].rstrip(".")))
    return StorageError(f"The database refused the request ({state}). {_NOTHING_WRITTEN}.")
