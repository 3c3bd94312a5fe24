"""Bytes by content hash in the bus's object store: the code of functions, and what nodes build of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from hashlib import sha256

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ObjectMeta, ObjectStoreConfig
from nats.js.errors import BucketNotFoundError, NotFoundError
from nats.js.object_store import ObjectStore

from argo_provider.errors import NotFound, StorageError, StoreUnavailable
from argo_provider.storage.cache import LruCache

_DIGEST = re.compile(r"\Asha256:[0-9a-f]{64}\Z")
_HOT_BYTES = 1024 * 1024  # larger ones are not kept in memory
_CACHE_BYTES = 32 * 1024 * 1024
_SECONDS = 30.0


async def opened_bucket(js: JetStreamContext, config: ObjectStoreConfig) -> ObjectStore:
    """The bucket that `config` names, made as it says if it is missing. NatsError, TimeoutError."""
    bucket = str(config.bucket)
    try:
        return await js.object_store(bucket)
    except (BucketNotFoundError, NotFoundError):
        return await js.create_object_store(bucket, config=config)


class ObjectBlobStore:
    """The port `BlobStore`. When an object was last put is its description: the bus keeps no time that lists show."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._hot: LruCache[str, bytes] = LruCache(_CACHE_BYTES)
        self._putting: dict[str, asyncio.Lock] = {}

    @classmethod
    async def open(cls, js: JetStreamContext, bucket: str) -> ObjectBlobStore:
        """The bucket is made if it is missing. StoreUnavailable."""
        try:
            return cls(await opened_bucket(js, ObjectStoreConfig(bucket=bucket)))
        except (NatsError, TimeoutError) as error:
            raise _unavailable(error) from error

    async def put(self, data: bytes) -> str:
        digest = f"sha256:{sha256(data).hexdigest()}"
        lock = self._putting.setdefault(digest, asyncio.Lock())
        try:
            async with lock, asyncio.timeout(_SECONDS):
                await self._put(digest, data)
        except (NatsError, TimeoutError) as error:
            raise _unavailable(error) from error
        finally:
            if not lock.locked():
                self._putting.pop(digest, None)
        if len(data) <= _HOT_BYTES:
            self._hot.put(digest, bytes(data), len(data))
        return digest

    async def _put(self, digest: str, data: bytes) -> None:
        meta = ObjectMeta(name=digest, description=str(time.time()))
        try:
            await self._objects.get_info(digest)
        except NotFoundError:
            await self._objects.put(digest, bytes(data), meta)
        else:
            await self._objects.update_meta(digest, meta)  # as young as if it were new

    async def get(self, digest: str) -> bytes:
        hot = self._hot.get(digest)
        if hot is not None:
            return hot
        if not _DIGEST.match(digest):
            raise NotFound
        data = await self._get(digest)
        if len(data) <= _HOT_BYTES:
            self._hot.put(digest, data, len(data))
        return data

    async def _get(self, digest: str) -> bytes:
        try:
            async with asyncio.timeout(_SECONDS):
                data = bytes((await self._objects.get(digest)).data or b"")
        except NotFoundError as error:
            raise NotFound from error
        except (NatsError, TimeoutError) as error:
            raise _unavailable(error) from error
        if f"sha256:{sha256(data).hexdigest()}" != digest:
            raise StorageError(f"The artefact {digest} is damaged on the bus: put the action again.")
        return data

    def at_hand(self, most: int) -> list[str]:
        """Digests of what need not be fetched, the most recently used last."""
        return self._hot.keys()[-most:]

    async def delete(self, digest: str) -> None:
        self._hot.discard(digest)
        try:
            async with asyncio.timeout(_SECONDS):
                await self._objects.delete(digest)
        except NotFoundError:
            return
        except (NatsError, TimeoutError) as error:
            raise _unavailable(error) from error

    async def digests(self, *, older_than: float = 0.0) -> AsyncIterator[str]:
        latest = time.time() - older_than
        try:
            async with asyncio.timeout(_SECONDS):
                found = await self._objects.list()
        except NotFoundError:
            return
        except (NatsError, TimeoutError) as error:
            raise _unavailable(error) from error
        for info in found:
            if info.name and not info.deleted and _DIGEST.match(info.name) and float(info.description or 0) <= latest:
                yield info.name


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"The artefact store on the bus does not answer ({type(error).__name__}); try again.")
