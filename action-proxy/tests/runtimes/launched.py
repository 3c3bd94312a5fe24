"""A launcher as a plain process, and the least of an HTTP client to speak to it: nothing is hidden by a library."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from argo_proxy.runtimes import Runtime

SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Connection:
    """One connection; `get` reads exactly one answer by its Content-Length."""

    peer: socket.socket
    data: bytes = b""

    def send(self, path: str, body: bytes, *, method: str = "POST", headers: str = "") -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: sandbox\r\nContent-Type: application/json\r\n{headers}"
        self.peer.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def get(self) -> Reply | None:
        """The next answer; None when the launcher closed the connection instead."""
        while b"\r\n\r\n" not in self.data:
            if not self._receive():
                return None
        head, _, rest = self.data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        assert "transfer-encoding" not in headers, "a chunked answer is no answer to OpenWhisk's invoker"
        length = int(headers["content-length"])
        while len(rest) < length:
            before = len(self.data)
            if not self._receive():
                return None
            rest += self.data[before:]
        self.data = rest[length:]
        return Reply(int(first.split(" ")[1]), headers, rest[:length])

    def _receive(self) -> bool:
        try:
            chunk = self.peer.recv(1 << 20)
        except ConnectionResetError:
            return False
        self.data += chunk
        return bool(chunk)

    def post(self, path: str, message: Any) -> Reply | None:
        self.send(path, message if isinstance(message, bytes) else json.dumps(message).encode())
        return self.get()


@dataclass
class Launched:
    """Starts `runtime` as the drivers do; `with` ends it."""

    runtime: Runtime
    tools: Path
    work: Path
    environment: dict[str, str] = field(default_factory=dict)
    address: str = ""

    def __enter__(self) -> Self:
        filled = self.runtime.filled(runtime=self.runtime.directory, tool=self.runtime.tool_directory(self.tools))
        self.address = self.address or f"unix:{self.work}/socket"
        own = {"ARGO_LISTEN": self.address, "ARGO_WORK": str(self.work), "TMPDIR": str(self.work)}
        self._process = subprocess.Popen(
            filled.command,
            cwd=self.work,
            env={"PATH": os.defpath} | dict(filled.environment) | own | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait(SECONDS)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def connect(self) -> Connection:
        """Retries while the launcher is coming up, as the agent does."""
        end = time.monotonic() + SECONDS
        while True:
            peer = self._socket()
            try:
                peer.connect(self._target())
            except (FileNotFoundError, ConnectionRefusedError):
                peer.close()
                assert self._process.poll() is None, f"the launcher ended: {self.printed()}"
                assert time.monotonic() < end, "the launcher does not listen"
                time.sleep(0.002)
                continue
            return Connection(peer)

    def _socket(self) -> socket.socket:
        peer = socket.socket(socket.AF_UNIX if self.address.startswith("unix:") else socket.AF_INET)
        peer.settimeout(SECONDS)
        return peer

    def _target(self) -> Any:
        scheme, _, rest = self.address.partition(":")
        host, _, port = rest.rpartition(":")
        return rest if scheme == "unix" else (host, int(port))

    def post(self, path: str, message: Any) -> Reply:
        """One request on a connection of its own."""
        reply = self.try_post(path, message)
        assert reply is not None, f"no answer; printed: {self.printed()}"
        return reply

    def try_post(self, path: str, message: Any) -> Reply | None:
        connection = self.connect()
        with connection.peer:
            return connection.post(path, message)

    def init(self, code: str, main: str, *, binary: bool = False, env: dict[str, str] | None = None) -> Reply:
        value = {"name": "test", "main": main, "code": code, "binary": binary, "env": env or {}}
        return self.post("/init", {"value": value})

    def run(self, value: Any, **fields: str) -> Reply:
        return self.post("/run", {"value": value} | fields)

    def printed(self) -> tuple[str, str]:
        """What stdout and stderr hold now, without waiting: all of a run's log must be there before its answer."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        out, err = (_available(stream.fileno()) for stream in (self._process.stdout, self._process.stderr))
        return out, err

    def wait(self) -> int:
        return self._process.wait(SECONDS)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None


def _available(fd: int) -> str:
    found = b""
    while select.select([fd], [], [], 0)[0]:
        chunk = os.read(fd, 1 << 20)
        if not chunk:
            break
        found += chunk
    return found.decode()
