"""Docker Engine through the `docker` package, whose blocking calls run in threads of their own, off the event loop."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import docker
import docker.errors
import docker.utils
import requests.exceptions

T = TypeVar("T")

LONG_SECONDS = 3600.0
_THREADS = 4
_CALL_SECONDS = 60.0
EngineError = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)


class _Workers:
    """Threads with an API client each: clients are not to be shared, and have a time limit on every read."""

    def __init__(self, host: str | None, seconds: float) -> None:
        self._host = host
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")
        self._local = threading.local()
        self._clients: list[docker.APIClient] = []

    async def run(self, function: Callable[[docker.APIClient], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(self._client()))

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()

    def _client(self) -> docker.APIClient:
        client = getattr(self._local, "client", None)
        if client is None:
            settings: dict[str, Any] = {**docker.utils.kwargs_from_env()}
            if self._host is not None:
                settings["base_url"] = self._host
            _knock(docker.utils.parse_host(settings.get("base_url")))
            client = docker.APIClient(version="auto", timeout=int(self._seconds), **settings)
            self._local.client = client
            self._clients.append(client)
        return client


class Engine:
    """Calls to the engine: each is a function that gets an API client and runs in a worker thread.

    `host`: "unix:///…"; None: DOCKER_HOST, else the local socket. What a call raises is one of `EngineError`.
    """

    def __init__(self, host: str | None = None) -> None:
        self._short = _Workers(host, _CALL_SECONDS)
        self._long = _Workers(host, LONG_SECONDS)  # apart, so that four pulls do not hold up every start

    async def call(self, function: Callable[[docker.APIClient], T], *, seconds: float = _CALL_SECONDS) -> T:
        """What a sandbox waits for."""
        async with asyncio.timeout(seconds):
            return await self._short.run(function)

    async def call_long(self, function: Callable[[docker.APIClient], T], *, seconds: float = LONG_SECONDS) -> T:
        """Pulls, imports and builds."""
        async with asyncio.timeout(seconds):
            return await self._long.run(function)

    async def close(self) -> None:
        await asyncio.to_thread(self._short.close)
        await asyncio.to_thread(self._long.close)


def _knock(address: str) -> None:
    """Raises OSError where no engine listens on this machine: docker's own connection stays open when it is refused."""
    kind, _, path = address.partition("://")
    if kind == "http+unix":
        with socket.socket(socket.AF_UNIX) as tried:
            tried.settimeout(_CALL_SECONDS)
            try:
                tried.connect(path)
            except OSError as error:
                raise OSError(error.errno, error.strerror or str(error), path) from error


def attached_socket(client: docker.APIClient, container: str) -> socket.socket:
    """A socket of our own on the container's output, framed by the engine. To be called before the container starts."""
    parameters = {"stdout": 1, "stderr": 1, "stream": 1}
    stream: Any = client.attach_socket(container, params=parameters)
    raw: socket.socket = getattr(stream, "_sock", stream)
    own = socket.socket(fileno=raw.detach())  # the client's connection pool must not close it under us
    stream.close()
    own.setblocking(False)
    return own
