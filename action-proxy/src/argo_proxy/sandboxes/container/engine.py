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

_THREADS = 4
_CALL_SECONDS = 60  # the socket time limit of one call; a pull or a build has none of its own but the caller's
EngineError = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)


class Engine:
    """`call` runs a function with an API client in a worker thread; each thread has a client (they are not shared)."""

    def __init__(self, host: str | None = None) -> None:
        self._host = host  # None: DOCKER_HOST, else the local socket
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")
        self._local = threading.local()
        self._clients: list[docker.APIClient] = []

    async def call(self, function: Callable[[docker.APIClient], T], *, seconds: float = _CALL_SECONDS) -> T:
        """The function's result; what it raises is one of `EngineError` (a time limit included)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            return await loop.run_in_executor(self._pool, lambda: function(self._client()))

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()

    def _client(self) -> docker.APIClient:
        client = getattr(self._local, "client", None)
        if client is None:
            settings: dict[str, Any] = {**docker.utils.kwargs_from_env()}
            if self._host is not None:
                settings["base_url"] = self._host
            client = docker.APIClient(version="auto", timeout=_CALL_SECONDS, **settings)
            self._local.client = client
            self._clients.append(client)
        return client


def attached_socket(client: docker.APIClient, container: str) -> socket.socket:
    """A socket of our own on the container's output, framed by the engine. To be called before the container starts."""
    parameters = {"stdout": 1, "stderr": 1, "stream": 1}
    stream: Any = client.attach_socket(container, params=parameters)
    raw: socket.socket = getattr(stream, "_sock", stream)
    own = socket.socket(fileno=raw.detach())  # the client's connection pool must not close it under us
    stream.close()
    own.setblocking(False)
    return own
