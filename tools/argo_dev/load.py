"""A lean closed-loop HTTP/1.1 client: one request in flight a connection, raw sockets, in a process of its own.

    python -m argo_dev.load --url URL --clients N --seconds S [--body TEXT]  (a key, uuid:secret, on standard input)

Prints one JSON object: requests, errors, seconds, latencies in microseconds (sorted), the client's own CPU seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import uvloop

CONNECT_SECONDS = 10
GRACE_SECONDS = 60


@dataclass(slots=True)
class Tally:
    """What all connections have seen."""

    until: float
    latencies: list[int] = field(default_factory=list)
    errors: int = 0
    first_error: str = ""

    def failed(self, what: str) -> None:
        self.errors += 1
        self.first_error = self.first_error or what


class Connection(asyncio.Protocol):
    """Sends `request`, waits for the whole answer, sends it again, until the time is over."""

    def __init__(self, request: bytes, tally: Tally, done: asyncio.Future[None]) -> None:
        self._request = request
        self._tally = tally
        self._done = done
        self._received = bytearray()
        self._wanted = 0
        self._sent_ns = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        self._received.clear()
        self._wanted = 0
        self._sent_ns = time.perf_counter_ns()
        cast("asyncio.Transport", self._transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if not self._wanted:
            head = received.find(b"\r\n\r\n")
            if head < 0:
                return
            self._wanted = head + 4 + _content_length(bytes(received[:head]))
        if len(received) >= self._wanted:
            self._answered()

    def _answered(self) -> None:
        self._tally.latencies.append((time.perf_counter_ns() - self._sent_ns) // 1000)
        if self._received[9:12] != b"200":
            self._tally.failed(bytes(self._received[:400]).decode(errors="replace"))
        if time.monotonic() < self._tally.until:
            self._send()
        else:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._tally.failed(f"connection lost: {exc}")
            self._done.set_result(None)

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)
        if self._transport is not None:
            self._transport.close()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("an answer without Content-Length")


def request_bytes(url: str, auth: str, body: str) -> bytes:
    """A POST of `body` as JSON."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    credentials = f"Authorization: Basic {base64.b64encode(auth.encode()).decode()}\r\n" if auth else ""
    data = body.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{credentials}"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


async def drive(url: str, request: bytes, clients: int, seconds: float) -> Tally:
    """Keep `clients` connections busy for `seconds`."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    tally = Tally(time.monotonic() + seconds)
    done: list[asyncio.Future[None]] = [loop.create_future() for _ in range(clients)]
    async with asyncio.timeout(seconds + GRACE_SECONDS):
        for future in done:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(
                    lambda future=future: Connection(request, tally, future),  # type: ignore[misc]
                    parts.hostname or "127.0.0.1",
                    parts.port or 80,
                )
        await asyncio.gather(*done)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--body", default="{}")
    auth = sys.stdin.readline().strip()  # not an argument: command lines are seen by all
    options = parser.parse_args()
    began, cpu = time.monotonic(), time.process_time()
    request = request_bytes(options.url, auth, options.body)
    tally = uvloop.run(drive(options.url, request, options.clients, options.seconds))
    answer = {
        "requests": len(tally.latencies),
        "errors": tally.errors,
        "first_error": tally.first_error,
        "seconds": time.monotonic() - began,
        "client_cpu_seconds": time.process_time() - cpu,
        "latencies_us": sorted(tally.latencies),
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
