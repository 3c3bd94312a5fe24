"""What a warm run costs on the way to the runtime: our channel against aiohttp's client, over one unix socket.

The runtime is a process of its own that answers from memory, so that what differs is the client alone.
Prints a table, or with --json one object: results, ratios, targets, met.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import uvloop

from argo_proxy.protocol.channel import RuntimeChannel, UnixAddress
from argo_proxy.sandboxes.port import Answered

SIZES = {"100 B": 100, "100 KB": 100_000}
ROUNDS = 5
TARGET_RATIO = 2.0  # aiohttp's CPU a request over ours, small bodies
Post = Callable[[bytes], Awaitable[int]]


class Echo(asyncio.Protocol):
    """Sends each body back. Trusts its client: a bench's."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = int(self.buffer[:end].lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self.buffer) >= end + 4 + length:
            body, self.buffer = self.buffer[end + 4 :], b""
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            self.transport.write(head + body)  # type: ignore[attr-defined]


async def serve(path: str) -> None:
    await asyncio.get_running_loop().create_unix_server(Echo, path)
    print("up", flush=True)
    await asyncio.Event().wait()


async def measure(post: Post, body: bytes, requests: int) -> dict[str, float]:
    for _ in range(requests // 10):
        await post(body)
    times = []
    cpu = time.process_time()
    for _ in range(requests):
        began = time.perf_counter()
        assert await post(body) == len(body)
        times.append(time.perf_counter() - began)
    cpu = time.process_time() - cpu
    return {"cpu_us": cpu / requests * 1e6, "p50_us": statistics.median(times) * 1e6}


async def compare(path: str, requests: int) -> dict[str, dict[str, dict[str, float]]]:
    channel = RuntimeChannel(UnixAddress(Path(path)))

    async def ours(body: bytes) -> int:
        answer = await channel.post("/run", body, timeout=60, limit=1 << 20)
        return len(answer.body) if isinstance(answer, Answered) else -1

    results: dict[str, dict[str, dict[str, float]]] = {}
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:

        async def theirs(body: bytes) -> int:
            timeout = aiohttp.ClientTimeout(60)
            async with session.post("http://runtime/run", data=body, headers=headers, timeout=timeout) as answer:
                return len(await answer.read())

        for name, size in SIZES.items():
            found: dict[str, list[dict[str, float]]] = {"channel": [], "aiohttp": []}
            for _ in range(ROUNDS):  # by turns, so that a busy moment of the machine meets both
                found["channel"].append(await measure(ours, b"x" * size, requests))
                found["aiohttp"].append(await measure(theirs, b"x" * size, requests))
            results[name] = {client: min(each, key=lambda one: one["cpu_us"]) for client, each in found.items()}
    channel.close()
    return results


async def bench(requests: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/s"
        argv = (sys.executable, __file__, "--serve", path)
        server = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
        try:
            assert server.stdout is not None
            await server.stdout.readline()
            results = await compare(path, requests)
        finally:
            server.kill()
            await server.wait()
    ratios = {name: each["aiohttp"]["cpu_us"] / each["channel"]["cpu_us"] for name, each in results.items()}
    targets = {"aiohttp cpu / channel cpu, 100 B": TARGET_RATIO}
    met = {"aiohttp cpu / channel cpu, 100 B": ratios["100 B"] >= TARGET_RATIO}
    return {"results": results, "ratios": ratios, "targets": targets, "met": met}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--requests", type=int, default=2000, help="in each of the rounds")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        uvloop.run(serve(arguments.serve))
        return
    found = uvloop.run(bench(arguments.requests))
    if arguments.json:
        print(json.dumps(found))
        return
    for size, clients in found["results"].items():  # type: ignore[attr-defined]
        for client, figures in clients.items():
            print(f"{size:>8} {client:>8}: CPU {figures['cpu_us']:6.1f} µs, p50 {figures['p50_us']:6.1f} µs")


if __name__ == "__main__":
    main()
