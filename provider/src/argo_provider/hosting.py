"""Where the service stands: alone over its data folder, listening on its address."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from argo_provider.api.connections import PatientRunner, Straight
from argo_provider.settings import ServerSettings

_CLOSE_SECONDS = 5.0
_KEEP_ALIVE_SECONDS = 75.0
_BACKLOG = 1024
_YOUNG_OBJECTS = 20_000  # some megabytes


class StartError(Exception):
    """The service cannot start; the message says why, `fix` what to type."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(why)
        self.fix = fix


def settle_collector() -> None:
    """What is there by now stays: the garbage collector need not walk it again and again.

    Nor need it look for circles as often as by default: invocations leave hardly any, and a run in the middle of one
    costs more than the memory that it finds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 10, 10)


def settle_scheduling() -> None:
    """For members of a cluster: one that wakes up does not interrupt another that is at work on the same machine.

    Work and answers come in lists; to be a moment earlier wins nothing, and costs both their caches.
    """
    with contextlib.suppress(OSError, AttributeError):  # not allowed, or not Linux: as it was
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@contextmanager
def alone_over(data_dir: Path) -> Iterator[None]:
    """Two services over one data folder would sweep each other's sandboxes away. Raises StartError."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = (data_dir / "lock").open("w")
    except OSError as error:
        why = f"the data folder {data_dir} cannot be written: {error.strerror}"
        raise StartError(why, "make it writable, free some space, or choose another folder with --data-dir") from error
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            why = f"another service runs over the data folder {data_dir}"
            raise StartError(why, "stop it, or choose another folder with --data-dir") from error
        yield


@asynccontextmanager
async def listening(
    app: web.Application, server: ServerSettings, straight: Straight | None = None
) -> AsyncIterator[None]:
    """Serve `app` inside the block, and past it what `straight` takes. Raises StartError."""
    context = tls_context(server)
    runner = PatientRunner(
        app,
        straight=straight,
        access_log=None,
        handle_signals=False,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        max_line_size=server.header_bytes,
        max_field_size=server.header_bytes,
        shutdown_timeout=_CLOSE_SECONDS,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, server.host, server.port, ssl_context=context, backlog=_BACKLOG)
        try:
            await site.start()
        except OSError as error:
            why = f"cannot listen on {server.host} port {server.port}: {error.strerror or error}"
            raise StartError(why, "choose others with --host and --port, or see who has it: ss -ltnp") from error
        yield
    finally:
        await runner.cleanup()


def tls_context(server: ServerSettings) -> ssl.SSLContext | None:
    """For the certificate and key of the settings; None without them. Raises StartError."""
    if server.tls_cert is None or server.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(server.tls_cert, server.tls_key)
    except (OSError, ssl.SSLError) as error:
        why = f"the certificate {server.tls_cert} and key {server.tls_key} cannot be used: {error}"
        raise StartError(why, "give two PEM files that belong together: --tls-cert FILE --tls-key FILE") from error
    return context
