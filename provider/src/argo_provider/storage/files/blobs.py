"""Content-addressed files: `<root>/<first two digits>/<the other 62>`, written aside and renamed into place."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TypeVar

from argo_provider.errors import NotFound, StorageError, StoreUnavailable
from argo_provider.storage.cache import LruCache
from argo_provider.storage.files.folders import make_private, sync
from argo_provider.storage.offload import Offload

T = TypeVar("T")
_DIGEST = re.compile(r"\Asha256:[0-9a-f]{64}\Z")
_HOT_BYTES = 1024 * 1024  # larger blobs are not kept in memory
_STALE_SECONDS = 3600  # an unfinished write older than this was cut off
_THREADS = 4
_TEMPORARY = "incoming"


class FileBlobStore:
    """All file work runs in threads of its own, so that a large upload holds up no database read."""

    def __init__(self, root: Path, cache_bytes: int) -> None:
        self._root = root
        self._hot: LruCache[str, bytes] = LruCache(cache_bytes)
        self._threads = Offload(_THREADS, "blobs")

    @classmethod
    async def open(cls, root: Path, cache_bytes: int = 32 * 1024 * 1024) -> FileBlobStore:
        """Make the folder if needed and remove what cut-off writes left."""
        store = cls(root, cache_bytes)
        await store._run(lambda: _prepare(root))
        return store

    async def put(self, data: bytes) -> str:
        digest = await self._run(lambda: _put(self._root, data))
        self._remember(digest, data)
        return digest

    async def get(self, digest: str) -> bytes:
        hot = self._hot.get(digest)
        if hot is not None:
            return hot
        path = _path(self._root, digest)
        data = await self._run(lambda: _read(path, digest))
        self._remember(digest, data)
        return data

    async def delete(self, digest: str) -> None:
        path = _path(self._root, digest)
        self._hot.discard(digest)
        await self._run(lambda: path.unlink(missing_ok=True))

    async def digests(self, *, older_than: float = 0.0) -> AsyncIterator[str]:
        latest = time.time() - older_than
        for shard in await self._run(lambda: _shards(self._root)):
            for digest in await self._run(partial(_digests, shard, latest)):
                yield digest

    @property
    def cached_bytes(self) -> int:
        """What the hot blobs take in memory."""
        return self._hot.used

    def close(self) -> None:
        self._threads.close()

    def _remember(self, digest: str, data: bytes) -> None:
        if len(data) <= _HOT_BYTES:
            self._hot.put(digest, bytes(data), len(data))

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._threads.run(work)
        except OSError as error:
            raise StoreUnavailable(_failure_text(error, self._root)) from error


def _failure_text(error: OSError, root: Path) -> str:
    if error.errno == errno.ENOSPC and _out_of_files(root):
        return (
            "The file system of the data directory has no room for another file (inodes). Nothing was written;"
            " delete some files there and try again."
        )
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "The disk of the data directory is full. Nothing was written; free some space and try again."
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return "The data directory cannot be written (read-only). Nothing was written; make it writable."
    return f"The data directory cannot be used: {error.strerror or 'input/output error'}."


def _out_of_files(root: Path) -> bool:
    try:
        found = os.statvfs(root)
    except OSError:
        return False
    return found.f_files > 0 and found.f_favail == 0


def _path(root: Path, digest: str) -> Path:
    """NotFound for what is no digest: it also keeps paths out."""
    if not _DIGEST.match(digest):
        raise NotFound
    digits = digest.removeprefix("sha256:")
    return root / digits[:2] / digits[2:]


def _digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def _prepare(root: Path) -> None:
    incoming = root / _TEMPORARY
    make_private(incoming)
    for left in incoming.iterdir():
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            left.unlink(missing_ok=True)


def _put(root: Path, data: bytes) -> str:
    digest = _digest(data)
    path = _path(root, digest)
    if _is_intact(path, digest):
        os.utime(path)  # as young as if it were new: a collector must leave it alone for a while
    else:
        _write(root, path, data)
    return digest


def _is_intact(path: Path, digest: str) -> bool:
    try:
        _read(path, digest)
    except (NotFound, StorageError):
        return False  # absent, or damaged and about to be healed
    return True


def _write(root: Path, path: Path, data: bytes) -> None:
    if not path.parent.is_dir():
        make_private(path.parent)
        sync(root)
    with NamedTemporaryFile(dir=root / _TEMPORARY, delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    sync(path.parent)


def _read(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound from None
    if _digest(data) != digest:
        raise StorageError(f"The blob {digest} is damaged: its content does not match its digest. Upload it again.")
    return data


def _shards(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and p.name != _TEMPORARY)


def _digests(shard: Path, latest: float) -> list[str]:
    found = []
    with os.scandir(shard) as files:
        for file in files:
            digest = f"sha256:{shard.name}{file.name}"
            if _DIGEST.match(digest) and file.stat().st_mtime <= latest:
                found.append(digest)
    return found
