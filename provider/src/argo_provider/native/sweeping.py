"""Keeps what was built within its share of the disk: unused ones go first, then what was used longest ago."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from argo_provider.native.libraries import Libraries
from argo_provider.optimizer.events import ArtefactGone
from argo_provider.optimizer.shelf import Shelf
from argo_proxy.builder import java_function
from argo_proxy.builder.cache import Cache

_log = structlog.get_logger(__name__)


class ArtefactSweep:
    """`limit_mb` for the libraries of functions, and again for the builder's own copies. `tell` hears of what went."""

    def __init__(
        self, libraries: Libraries, shelf: Shelf, cache: Cache, limit_mb: int, tell: Callable[[ArtefactGone], None]
    ) -> None:
        self._libraries = libraries
        self._shelf = shelf
        self._cache = cache
        self._limit = limit_mb << 20
        self._tell = tell

    async def run(self, every_seconds: float) -> None:
        while True:
            try:
                await self.sweep()
            except OSError as error:  # one bad round must not end the care
                _log.warning("artefacts_not_swept", reason=str(error))
            await asyncio.sleep(every_seconds)

    async def sweep(self) -> None:
        """One round."""
        kept = self._shelf.all()
        held = await self._libraries.sweep(kept.values())
        by_age = sorted(kept.items(), key=lambda item: _used_at(item[1].library))
        for function, artefact in by_age:
            if held <= self._limit:
                break
            held -= artefact.size
            _log.info("artefact_swept", path=function.path, bytes=artefact.size)
            self._libraries.disown(function)
            await self._shelf.remove(function, artefact.fingerprint)
            self._tell(ArtefactGone(function, time.time(), artefact.fingerprint))
        await self._libraries.sweep(self._shelf.all().values())
        await asyncio.to_thread(_trim, self._cache.root, self._limit)


def _used_at(library: Path) -> float:
    try:
        return library.stat().st_mtime
    except OSError:
        return 0.0


def _trim(root: Path, limit: int) -> None:
    """Libraries in use are links of their own: what goes here is only built again if somebody wants it once more."""
    folders = [each for each in root.glob(f"{java_function.PART}-*") if each.is_dir() and not each.suffix]
    sizes = {folder: sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) for folder in folders}
    total = sum(sizes.values())
    for folder in sorted(folders, key=_used_at):
        if total <= limit:
            return
        shutil.rmtree(folder, ignore_errors=True)
        total -= sizes[folder]
