"""The community's reachability metadata: what well-known libraries need of a closed world, by Maven coordinates."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from argo_proxy.builder.cache import content_hash
from argo_proxy.builder.jar import Library
from argo_proxy.builder.workshop import Workshop

_PIN = "graalvm-reachability-metadata"


async def folders(workshop: Workshop, libraries: Sequence[Library]) -> list[Path]:
    """Folders of metadata for those of the libraries that the community knows."""
    if not libraries:
        return []
    [archive] = await workshop.jars(_PIN)

    async def unpack(folder: Path) -> None:
        await asyncio.to_thread(_unpack, archive, folder)

    repository = await workshop.cache.obtain("reachability", content_hash([archive]), unpack)
    found = await asyncio.to_thread(lambda: [_folder(repository, library) for library in libraries])
    return [folder for folder in found if folder is not None]


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)


def _folder(repository: Path, library: Library) -> Path | None:
    home = repository / library.group / library.artifact
    index = home / "index.json"
    if not index.is_file():
        return None
    version = choose(json.loads(index.read_text()), library.version)
    folder = home / version if version else None
    return folder if folder is not None and folder.is_dir() else None


def choose(index: Sequence[dict[str, Any]], version: str) -> str | None:
    """The `metadata-version` for a library's version: the one that was tested with it, else the latest."""
    for entry in index:
        if version in entry.get("tested-versions", ()):
            return str(entry["metadata-version"])
    latest = next((entry for entry in index if entry.get("latest")), None)
    return str(latest["metadata-version"]) if latest else None
