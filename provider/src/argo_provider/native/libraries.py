"""The libraries that NIUks load, each namespace's in a folder of its own: a NIUk sees no other's."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from argo_provider.optimizer.model import FunctionId
from argo_provider.optimizer.ports import Artefact
from argo_proxy.builder.cache import file_digest
from argo_proxy.sandboxes.niuk.frames import IsolatePolicy
from argo_proxy.sandboxes.niuk.process import Library
from argo_proxy.sandboxes.niuk.slot import Compiled, InitRequest

SHARED = "shared"
_QUEUE = 2048  # that wait inside: all slots of a function at their fullest, for 64 isolates
_IDLE_MS = 5_000  # isolates stay with their slots, which the optimiser keeps for as long as it pays; others go
_HASH_ASIDE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Entry:
    artefact: Artefact
    code_digest: str  # "sha256:…", of the code that it was made from
    main: str
    carries_code: bool


class Libraries:
    """A `CompiledFunctions`. `root`: a folder of this installation's own.

    `patience_seconds`: as of the pool; what waits for longer gets an isolate beyond those that the pool has slots for.
    """

    def __init__(self, root: Path, *, patience_seconds: float) -> None:
        self._root = root
        self._policy = IsolatePolicy(queue=_QUEUE, idle_ms=_IDLE_MS, patience_ms=round(patience_seconds * 1000))
        self._entries: dict[FunctionId, _Entry] = {}

    @property
    def shared(self) -> Path:
        """Engines: nobody's secret."""
        return self._root / SHARED

    def make_folders(self) -> None:
        for folder in (self._root, self.shared):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)

    async def keep(self, namespace: str | None, library: Path) -> tuple[Path, str, int]:
        """Put a library where NIUks of the namespace (None: of all) see it: its place, SHA-256 in hex, and size."""
        folder = self.shared if namespace is None else self._root / folder_of(namespace)
        return await asyncio.to_thread(_keep, folder, library)

    def adopt(self, function: FunctionId, artefact: Artefact, code_digest: str, main: str, *, code: bool) -> bool:
        """The function runs from this from now on; False where the library is not there any more.

        `code`: an engine's library, which gets the function's code beside it.
        """
        try:
            there = artefact.library.stat().st_size == artefact.size
        except OSError:
            there = False
        if there:
            os.utime(artefact.library)  # what was used longest ago is swept first
            self._entries[function] = _Entry(artefact, code_digest, main, code)
        else:
            self._entries.pop(function, None)
        return there

    def disown(self, function: FunctionId) -> None:
        self._entries.pop(function, None)

    async def find(self, request: InitRequest) -> Compiled | None:
        """Never of other code than was compiled."""
        entry = self._entries.get(FunctionId(request.namespace, request.action))
        if entry is None or entry.main != request.main:
            return None
        if len(request.code) < _HASH_ASIDE_BYTES:
            code = _code(request)
        else:
            code = await asyncio.to_thread(_code, request)
        if f"sha256:{hashlib.sha256(code).hexdigest()}" != entry.code_digest:
            return None
        library = Library(entry.artefact.library, bytes.fromhex(entry.artefact.digest))
        return Compiled(library, code if entry.carries_code else b"", policy=self._policy)

    async def sweep(self, wanted: Iterable[Artefact]) -> int:
        """Remove what belongs to no function; bytes that are left."""
        keep = {artefact.library for artefact in wanted} | {entry.artefact.library for entry in self._entries.values()}
        return await asyncio.to_thread(_sweep, self._root, keep)


def folder_of(namespace: str) -> str:
    """A name that is a file's, and nobody else's."""
    return hashlib.sha256(namespace.encode()).hexdigest()[:24]


def _keep(folder: Path, library: Path) -> tuple[Path, str, int]:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    digest = file_digest(library)
    place = folder / f"{digest}.so"
    if not place.is_file():
        unfinished = place.with_suffix(f".{os.getpid()}")
        unfinished.unlink(missing_ok=True)
        try:
            os.link(library, unfinished)
        except OSError:  # another file system
            shutil.copyfile(library, unfinished)
        unfinished.chmod(0o755)
        unfinished.replace(place)
    return place, digest, place.stat().st_size


def _code(request: InitRequest) -> bytes:
    return base64.b64decode(request.code) if request.binary else request.code.encode()


def _sweep(root: Path, keep: set[Path]) -> int:
    left = 0
    for file in root.glob("*/*"):
        if file in keep:
            left += file.stat().st_size
        elif file.parent.name != SHARED:
            file.unlink(missing_ok=True)
    return left
