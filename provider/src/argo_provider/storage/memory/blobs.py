"""Blobs in a dictionary."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256

from argo_provider.errors import NotFound


class MemoryBlobStore:
    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        digest = f"sha256:{sha256(data).hexdigest()}"
        self._blobs[digest] = bytes(data)
        return digest

    async def get(self, digest: str) -> bytes:
        try:
            return self._blobs[digest]
        except KeyError:
            raise NotFound from None

    async def delete(self, digest: str) -> None:
        self._blobs.pop(digest, None)

    async def digests(self) -> AsyncIterator[str]:
        for digest in [*self._blobs]:
            yield digest
