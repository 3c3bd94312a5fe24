"""A folder of built things, each named `<part>-<hash of its inputs>`; complete or not there at all."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 1 << 20
_LOCK_POLL_SECONDS = 0.2
_PARTIAL, _RESUMABLE = ".partial", ".unfinished"

Maker = Callable[[Path], Awaitable[None]]


def content_hash(parts: Iterable[str | bytes | Path]) -> str:
    """16 hex digits over strings, bytes, files' contents and folders' (names and contents of all files in them)."""
    digest = hashlib.sha256()
    for part in parts:
        for item in _items(part):
            digest.update(len(item).to_bytes(8, "big") + item)
    return digest.hexdigest()[:16]


def _items(part: str | bytes | Path) -> Iterable[bytes]:
    if isinstance(part, str):
        yield part.encode()
    elif isinstance(part, bytes):
        yield part
    elif part.is_dir():
        for file in sorted(path for path in part.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            yield str(file.relative_to(part)).encode()
            yield file_digest(file).encode()
    else:
        yield file_digest(part).encode()


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def default_root() -> Path:
    """`$ARGO_CACHE`, else `argo` in the user's cache folder."""
    if named := os.environ.get("ARGO_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argo"


@dataclass(frozen=True, slots=True)
class Cache:
    """Finds or makes parts. Two processes that want the same part make it once."""

    root: Path

    def find(self, part: str, key: str) -> Path | None:
        """The folder of a complete part, else None."""
        folder = self.root / f"{part}-{key}"
        return folder if folder.is_dir() else None

    async def obtain(self, part: str, key: str, make: Maker, *, resumable: bool = False) -> Path:
        """The folder of a part, made by `make(folder)` if it is not there.

        A maker that fails leaves nothing, unless it is `resumable`: then it finds its own unfinished folder next time.
        """
        async with self.locked(f"{part}-{key}"):
            if found := self.find(part, key):
                return found
            unfinished = self.root / f"{part}-{key}{_RESUMABLE if resumable else _PARTIAL}"
            if not resumable:
                await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True, exist_ok=True)
            try:
                await make(unfinished)
            except BaseException:
                if not resumable:
                    await asyncio.shield(asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True))
                raise
            return unfinished.rename(self.root / f"{part}-{key}")

    async def sweep(self) -> None:
        """Removes what makers left that were killed; not what is being made, nor what can be taken up again."""
        for left in self.root.glob(f"*{_PARTIAL}"):
            descriptor = self._lock_file(left.stem)
            try:
                if _try_lock(descriptor):
                    await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)
            finally:
                os.close(descriptor)

    def _lock_file(self, name: str) -> int:
        return os.open(self.root / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @asynccontextmanager
    async def locked(self, name: str) -> AsyncIterator[None]:
        """Held by one process at a time; freed by the system when a process dies."""
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = self._lock_file(name)
        try:
            while not _try_lock(descriptor):  # noqa: ASYNC110 -- another process holds it: nothing to be told by
                await asyncio.sleep(_LOCK_POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
