"""Blobs in a dictionary."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from hashlib import sha256

from argo_provider.errors import NotFound


class MemoryBlobStore:
    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._put: dict[str, float] = {}  # when last, on the monotonic clock

    async def put(self, data: bytes) -> str:
        digest = f"sha256:{sha256(data).hexdigest()}"
        self._blobs[digest] = bytes(data)
        self._put[digest] = time.monotonic()
        return digest

    async def get(self, digest: str) -> bytes:
        try:
            return self._blobs[digest]
        except KeyError:
            raise NotFound from None

    async def delete(self, digest: str) -> None:
        self._blobs.pop(digest, None)
        self._put.pop(digest, None)

    async def digests(self, *, older_than: float = 0.0) -> AsyncIterator[str]:
        latest = time.monotonic() - older_than
        for digest in [d for d, put in self._put.items() if put <= latest]:
            yield digest
