"""What one replica tells the others when it has written what they may have cached: PostgreSQL's LISTEN and NOTIFY.

A notice goes out with the commit that it is about. Where the listening connection is lost, everything cached is dropped
at once, and again every `_RETRY` seconds until it stands again: for that long a cache may be that old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from sqlalchemy import URL, Connection, text

from argo_provider.model.names import FullName
from argo_proxy import jsontext

log = structlog.get_logger(__name__)

_CHANNEL = "argo_changes"
_NOTIFY = text("SELECT pg_notify(:channel, :payload)")
_RETRY = 1.0
_CHECK = 5.0
EVERYTHING = "*"

Forget = Callable[[Sequence[FullName] | None], None]
"""Drop what is cached of these entities; None: of everything."""


def announce_entities(connection: Connection, names: Sequence[FullName]) -> None:
    """Tell the other replicas that these were written; nothing where there can be none."""
    if connection.dialect.name != "postgresql":
        return
    for name in names:
        payload = jsontext.encode([name.namespace, name.package, name.name]).decode()
        connection.execute(_NOTIFY, {"channel": _CHANNEL, "payload": payload})


def announce_namespaces(connection: Connection) -> None:
    """Tell them that some namespace, its key or limits changed."""
    if connection.dialect.name == "postgresql":
        connection.execute(_NOTIFY, {"channel": _CHANNEL, "payload": EVERYTHING})


def _names(payload: str) -> Sequence[FullName] | None:
    if payload == EVERYTHING:
        return None
    namespace, package, name = jsontext.decode(payload)
    return [FullName(namespace, name, package)]


async def listen_forever(url: URL, forget: Forget) -> None:
    """Pass on what others announce. Ended by cancelling it."""
    import asyncpg  # noqa: PLC0415  # only where PostgreSQL is used

    address = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    given = {k: v for k, v in address.items() if v is not None} | dict(url.query)
    while True:
        forget(None)
        try:
            connection = await asyncpg.connect(database=url.database, **given)
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            log.warning("not_listening_to_changes", reason=str(error))
            await asyncio.sleep(_RETRY)
            continue
        try:
            await _listen(connection, forget)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            log.warning("listening_to_changes_broke", reason=str(error))
        finally:
            connection.terminate()


async def _listen(connection: Any, forget: Forget) -> None:
    await connection.add_listener(_CHANNEL, lambda _c, _pid, _channel, payload: forget(_names(payload)))
    forget(None)  # what was written before it stood
    while True:
        await asyncio.sleep(_CHECK)
        async with asyncio.timeout(_CHECK):
            await connection.execute("SELECT 1")  # a connection that died silently says nothing
