"""A NATS server with JetStream for the time of a test run or a bench, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from argo_dev.processes import SHARES_A_MACHINE
from argo_dev.service import free_port, stop, tail

_START_SECONDS = 30
_STOP_SECONDS = 10
CONFIGURATION = """\
max_payload: 8MB
max_pending: 256MB
write_deadline: "10s"
"""


class NatsStartError(Exception):
    """The server did not start; the message ends with the end of its log."""


@dataclass(slots=True)
class Nats:
    """A running server. `restart` keeps what it has stored."""

    host: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"nats://{self.host}:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def restart(self) -> None:
        """End it at once, and start it again over the same folder."""
        self.process.kill()
        self.process.wait()
        self.process = _start(self.folder, self.host, self.port)
        _wait_ready(self)


def why_no_nats() -> str:
    """ "" if the server is here."""
    return "" if shutil.which("nats-server") else "there is no nats-server (apt-get install nats-server)"


@contextmanager
def nats(host: str = "127.0.0.1", more: str = "") -> Iterator[Nats]:
    """Start one that listens on `host`; `more`: lines of its configuration. NatsStartError."""
    with tempfile.TemporaryDirectory(prefix="argo-nats-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "nats.conf").write_text(CONFIGURATION + more)
        port = free_port()
        server = Nats(host, port, folder, _start(folder, host, port))
        try:
            _wait_ready(server)
            yield server
        finally:
            stop(server.process, _STOP_SECONDS)


def _start(folder: Path, host: str, port: int) -> subprocess.Popen[bytes]:
    command = ["nats-server", "-c", str(folder / "nats.conf"), "-js", "-sd", str(folder / "store")]
    words = [*SHARES_A_MACHINE, *command, "-a", host, "-p", str(port)]
    with (folder / "log").open("ab") as output:
        return subprocess.Popen(
            words,
            stdout=output,
            stderr=output,
            env={**os.environ, "GOMAXPROCS": "1"},  # as docs/how-to/cluster.md says for one machine
            start_new_session=True,
        )


def _wait_ready(server: Nats) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise NatsStartError(f"nats-server ended with status {server.process.returncode}:\n{tail(server.log)}")
        try:
            with socket.create_connection((server.host, server.port), timeout=2) as probe:
                if probe.recv(16).startswith(b"INFO"):
                    return
        except OSError:
            time.sleep(0.02)
    raise NatsStartError(f"nats-server did not answer within {_START_SECONDS} s:\n{tail(server.log)}")
