"""Two HotSpots of which one calls the other over HTTP: in containers of one network, else as bare processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from argo_dev.service import free_port

from argo_proxy.protocol.channel import RuntimeChannel, TcpAddress
from argo_proxy.runtimes import default_tools_directory, load_catalogue
from argo_proxy.sandboxes.container.sandbox import ContainerSandbox
from argo_proxy.sandboxes.port import Sandbox, SandboxSpec

from . import rivals
from .parts import MAIN, RELAY_MAIN, JavaParts, Missing

Relay = Callable[[int, int], Awaitable[list[float]]]  # (payload bytes, calls) → seconds of each
_PORT = 8080
_START_SECONDS = 60.0


class Endpoint(Protocol):
    """A launcher: where others reach it, and a way to post to it."""

    host: str
    port: int

    async def post(self, path: str, body: bytes) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Pair:
    """`what` says what the two are; `no_container` why they are not containers, or ""."""

    caller: Endpoint
    callee: Endpoint
    what: str
    no_container: str

    async def relay(self, size: int, calls: int, *, fresh: bool = False) -> list[float]:
        """Seconds of each call with a payload of `size` bytes; `fresh`: over a connection of its own."""
        params = {"host": self.callee.host, "port": self.callee.port, "rounds": calls, "bytes": size}
        answer = await self.caller.post("/run", rivals.run_body(params | ({"fresh": True} if fresh else {})))
        return [each / 1e9 for each in answer["ns"]]


@asynccontextmanager
async def over_http(java: JavaParts) -> AsyncIterator[Pair]:
    """Both initialised: the callee echoes."""
    async with rivals.container_or_process(rivals.JAVA) as (rival, no_container), AsyncExitStack() as stack:
        made: list[Endpoint] = []
        for jar, main in ((java.jar, MAIN), (java.relay, RELAY_MAIN)):
            context = _process() if no_container else _container(rival)
            made.append(await stack.enter_async_context(context))
            await made[-1].post("/init", rivals.Code.of_jar(jar, main).init_body())
        what = "bare HotSpot processes over loopback" if no_container else "HotSpot in containers of one bridge network"
        yield Pair(made[1], made[0], f"{what}; keep-alive, one connection", no_container)


@dataclass(slots=True)
class _Contained:
    sandbox: Sandbox
    host: str
    port: int = _PORT

    async def post(self, path: str, body: bytes) -> dict[str, Any]:
        send = self.sandbox.init if path == "/init" else self.sandbox.run
        found: dict[str, Any] = orjson.loads(
            rivals.checked(await send(body, timeout=rivals.SECONDS, limit=rivals.LIMIT))
        )
        return found


@asynccontextmanager
async def _container(rival: rivals.Rival) -> AsyncIterator[Endpoint]:
    """The product's Java image on TCP, as a stock image is."""
    image = rivals.image_of(rival.runtimes[rivals.JAVA].image)
    sandbox = await rival.driver.create(SandboxSpec(None, rivals.MEMORY_MB, image=image))
    try:
        if not isinstance(sandbox, ContainerSandbox):
            raise TypeError("the container driver made no container")
        networks = rivals.inspected(sandbox)["NetworkSettings"]["Networks"].values()
        yield _Contained(sandbox, next(each["IPAddress"] for each in networks if each.get("IPAddress")))
    finally:
        await sandbox.destroy()


@dataclass(slots=True)
class _Bare:
    channel: RuntimeChannel
    port: int
    host: str = "127.0.0.1"

    async def post(self, path: str, body: bytes) -> dict[str, Any]:
        answer = await self.channel.post(path, body, timeout=rivals.SECONDS, limit=rivals.LIMIT)
        found: dict[str, Any] = orjson.loads(rivals.checked(answer))
        return found


@asynccontextmanager
async def _process() -> AsyncIterator[Endpoint]:
    runtime = load_catalogue().get(rivals.JAVA)
    if runtime is None:
        raise Missing(f"the catalogue knows no {rivals.JAVA}")
    port = free_port()
    environment = {**os.environ, "ARGO_LISTEN": f"tcp:127.0.0.1:{port}", "ARGO_MEMORY_MB": str(rivals.MEMORY_MB)}
    process = await asyncio.create_subprocess_exec(
        str(runtime.tool_directory(default_tools_directory()) / "launch"),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    channel = RuntimeChannel(TcpAddress("127.0.0.1", port))
    try:
        yield _Bare(channel, port)
    finally:
        channel.close()
        process.kill()
        async with asyncio.timeout(_START_SECONDS):
            await process.wait()
