"""Lets functions in containers reach an API that listens on this machine's loopback.

A container's loopback is its own. So the driver listens on its side of the containers' network, for containers only,
and passes connections on to where the service listens. `__OW_API_HOST` then names that place.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

_CONNECTIONS = 256
_CONNECT_SECONDS = 5.0
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class ContainerNetwork:
    """A network of the engine: this machine's address on it, and whose connections are taken."""

    gateway: str
    subnet: ipaddress.IPv4Network | ipaddress.IPv6Network


def network_of(inspected: dict[str, object]) -> ContainerNetwork | None:
    """From the engine's description of a network; None for one without addresses (host, none)."""
    ipam = inspected.get("IPAM")
    configurations = ipam.get("Config") if isinstance(ipam, dict) else None
    for each in configurations or ():
        if each.get("Subnet"):
            subnet = ipaddress.ip_network(each["Subnet"])
            return ContainerNetwork(each.get("Gateway") or str(next(subnet.hosts())), subnet)
    return None


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine's own, from the outside unreachable, address."""
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class ApiRelay:
    """One listener for the one API of this installation; started when the first container needs it."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._target = ("", 0)
        self._subnet: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
        self._open = asyncio.Semaphore(_CONNECTIONS)
        self._starting = asyncio.Lock()
        self._writers: set[asyncio.StreamWriter] = set()

    async def reachable(self, url: str, network: ContainerNetwork) -> str:
        """The URL by which containers reach what `url`, on our loopback, names. Raises OSError if we cannot listen."""
        parts = urlsplit(url)
        async with self._starting:
            if self._server is None:
                port = parts.port or (443 if parts.scheme == "https" else 80)
                self._target, self._subnet = (parts.hostname or "127.0.0.1", port), network.subnet
                self._server = await asyncio.start_server(self._relay, network.gateway, 0, limit=_CHUNK_BYTES)
        host, port = self._server.sockets[0].getsockname()[:2]
        return urlunsplit(parts._replace(netloc=f"[{host}]:{port}" if ":" in host else f"{host}:{port}"))

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            await self._server.wait_closed()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = ipaddress.ip_address(writer.get_extra_info("peername")[0])
        if self._subnet is None or peer not in self._subnet or self._open.locked():
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            async with self._open:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    inward, outward = await asyncio.open_connection(*self._target, limit=_CHUNK_BYTES)
                try:
                    await asyncio.gather(_pump(reader, outward), _pump(inward, writer))
                finally:
                    outward.close()
        except OSError:
            writer.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until their source ends; then the other side hears that it has, and may still answer."""
    try:
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
