"""Connecting to the host of a NIUk."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from argo_proxy.sandboxes.niuk.client import CallServer, NiukClient, NoticeListener


async def open_unix(
    path: Path,
    namespace: str,
    *,
    seconds: float,
    on_call: CallServer | None = None,
    on_notice: NoticeListener | None = None,
) -> NiukClient:
    """Connect to a host that listens at `path`, and shake hands. Raises OSError, TimeoutError, `NiukError`."""
    client = NiukClient(on_call=on_call, on_notice=on_notice)
    async with asyncio.timeout(seconds):
        await asyncio.get_running_loop().create_unix_connection(lambda: client, str(path))
    return await _greeted(client, namespace, seconds)


async def open_socket(
    stream: socket.socket,
    namespace: str,
    *,
    seconds: float,
    local: bool = False,
    on_call: CallServer | None = None,
    on_notice: NoticeListener | None = None,
) -> NiukClient:
    """Take over a connected stream socket, and shake hands. `local`: the host itself is at its other end.

    Raises OSError, TimeoutError, `NiukError`.
    """
    client = NiukClient(on_call=on_call, on_notice=on_notice)
    client.is_local = local
    stream.setblocking(False)
    await asyncio.get_running_loop().create_connection(lambda: client, sock=stream)
    return await _greeted(client, namespace, seconds)


async def _greeted(client: NiukClient, namespace: str, seconds: float) -> NiukClient:
    try:
        await client.hello(namespace, seconds=seconds)
    except BaseException:
        client.close()
        raise
    return client
