"""Native libraries on the bus: what one node has built, the others fetch instead of building it again.

A library is named by the hash of what it was built from, and by the machine that it runs on. What it must be like, its
SHA-256, is sealed with the cluster's key: nobody else can have a node load something.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import platform
from dataclasses import dataclass
from pathlib import Path

import structlog
from nats.errors import Error as NatsError
from nats.js.api import ObjectMeta, ObjectStoreConfig
from nats.js.errors import NotFoundError
from nats.js.object_store import ObjectStore

from argo_provider.cluster import messages
from argo_provider.cluster.artifacts import opened_bucket
from argo_provider.cluster.bus import Bus
from argo_provider.cluster.queues import no_jetstream
from argo_proxy.builder.cache import file_digest

log = structlog.get_logger(__name__)

_KEPT_SECONDS = 7 * 86_400.0
_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Product:
    """One library. `sha256` in hex."""

    file: str
    sha256: str


class BusProducts:
    """The port `Exchange` of the builder. What goes wrong costs a build, and is logged."""

    def __init__(self, bus: Bus, objects: ObjectStore) -> None:
        self._bus = bus
        self._objects = objects

    @classmethod
    async def open(cls, bus: Bus) -> BusProducts:
        """The bucket is made if it is missing. ClusterError."""
        config = ObjectStoreConfig(bucket=f"argo_{bus.cluster}_native", ttl=_KEPT_SECONDS)
        try:
            return cls(bus, await opened_bucket(bus.js, config))
        except (NatsError, TimeoutError) as error:
            raise no_jetstream(error) from error

    async def fetch(self, name: str, folder: Path) -> bool:
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._fetch(_on_this_machine(name), folder)
        except NotFoundError:
            return False
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("native_library_not_fetched", name=name, reason=str(error) or type(error).__name__)
            return False

    async def _fetch(self, name: str, folder: Path) -> bool:
        info = await self._objects.get_info(name)
        product = self._opened(name, info.description or "")
        if product is None:
            return False
        unfinished = folder / f"{product.file}.unfinished"
        try:
            with await asyncio.to_thread(unfinished.open, "wb") as file:
                await self._objects.get(name, writeinto=file)
            if await asyncio.to_thread(file_digest, unfinished) != product.sha256:
                log.warning("native_library_damaged", name=name, fix="it is built here instead, and offered anew")
                return False
            unfinished.chmod(0o755)
            unfinished.rename(folder / product.file)
        finally:
            unfinished.unlink(missing_ok=True)
        log.info("native_library_fetched", name=name, bytes=info.size)
        return True

    async def offer(self, name: str, folder: Path) -> None:
        library = next(iter(await asyncio.to_thread(lambda: [*folder.glob("*.so")])), None)
        if library is None:
            return
        name = _on_this_machine(name)
        product = Product(library.name, await asyncio.to_thread(file_digest, library))
        sealed = self._bus.seal(_subject(name), messages.encode(product))
        meta = ObjectMeta(name=name, description=base64.b64encode(sealed).decode())
        try:
            async with asyncio.timeout(_SECONDS):
                with await asyncio.to_thread(library.open, "rb") as file:
                    await self._objects.put(name, file, meta)
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("native_library_not_offered", name=name, reason=str(error) or type(error).__name__)
        else:
            log.info("native_library_offered", name=name, bytes=library.stat().st_size)

    def _opened(self, name: str, description: str) -> Product | None:
        """None for what no member of the cluster has sealed."""
        with contextlib.suppress(ValueError):
            content = self._bus.open(_subject(name), base64.b64decode(description, validate=True), fresh=False)
            if content is not None:
                product = messages.decode(content, Product)
                return product if product.file == Path(product.file).name else None
        return None


def _on_this_machine(name: str) -> str:
    """A library is linked against the C library of where it was built."""
    return "-".join((name, platform.machine(), *platform.libc_ver()))


def _subject(name: str) -> str:
    return f"native.{name}"
