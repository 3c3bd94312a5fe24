"""Raw HTTP over a socket: for requests that no client library would send."""

import asyncio
import ssl
from urllib.parse import urlsplit

READ_SECONDS = 20.0


class RawConnection:
    """One connection to the service. What is sent is exactly what goes over the wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self.host = host

    @classmethod
    async def open(cls, apihost: str) -> "RawConnection":
        parts = urlsplit(apihost)
        secure = parts.scheme == "https"
        context = ssl._create_unverified_context() if secure else None  # noqa: S323  # a test host's own certificate
        port = parts.port or (443 if secure else 80)
        async with asyncio.timeout(READ_SECONDS):
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
        return cls(reader, writer, parts.netloc)

    async def send(self, data: bytes) -> None:
        """Give the bytes to the network; a peer that has hung up is no error here, but at the answer."""
        try:
            self._writer.write(data)
            async with asyncio.timeout(READ_SECONDS):
                await self._writer.drain()
        except (ConnectionError, BrokenPipeError):
            return

    async def status(self, seconds: float = READ_SECONDS) -> int:
        """The status of the answer; 0 when the peer closed without one."""
        try:
            async with asyncio.timeout(seconds):
                line = await self._reader.readline()
        except ConnectionError:
            return 0
        return int(line.split()[1]) if line.startswith(b"HTTP/") else 0

    async def close(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            return
