"""A fresh service on a free port with a folder of its own: for black-box tests and for benches."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argo_provider.cli.bootstrap import GUEST_KEY

READY_SECONDS = 60
STOP_SECONDS = 45


class ServiceStartError(Exception):
    """The service did not come up; the message ends with the end of its log."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: where it answers, the key of its guest namespace, its process, and where it keeps things."""

    url: str
    auth: str
    pid: int
    data_dir: Path
    log: Path
    ready_seconds: float  # from the start of the process to the first answered /ping

    def argofn(self, *arguments: str, data_dir: Path | None = None) -> str:
        """Run a subcommand on this service's data folder, or on another; what it printed."""
        command = [*ARGOFN, *arguments, "--data-dir", str(data_dir or self.data_dir)]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=60, env=environment_of_clone()
        ).stdout

    def new_namespace(self, name: str) -> str:
        """Make a namespace; its key."""
        made: dict[str, Any] = json.loads(self.argofn("namespace", "create", name, "--json"))
        return str(made["auth"])


ARGOFN = (sys.executable, "-P", "-m", "argo_provider")
_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = (_ROOT / "provider" / "src", _ROOT / "action-proxy" / "src", _ROOT / "tools")


def environment_of_clone() -> dict[str, str]:
    """In which `ARGOFN` finds this clone's code, whatever it was started from."""
    quiet = {"ARGO_OPTIMIZER_ENABLED": "false"}  # builds beside a test or bench would be what it measures
    return {**quiet, **os.environ, "PYTHONPATH": os.pathsep.join(map(str, _SOURCES))}


@contextmanager
def argofn_on_path() -> Iterator[None]:
    """The command itself, for clients that are run with nothing but PATH."""
    with tempfile.TemporaryDirectory(prefix="argo-bin-") as folder:
        command = Path(folder) / "argofn"
        places = os.pathsep.join(map(str, _SOURCES))
        command.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(places)} exec {shlex.join(ARGOFN)} "$@"\n')
        command.chmod(0o755)
        before = os.environ["PATH"]
        os.environ["PATH"] = f"{folder}{os.pathsep}{before}"
        try:
            yield
        finally:
            os.environ["PATH"] = before


@contextmanager
def fresh_service(
    *options: str, environment: dict[str, str] | None = None, data_dir: Path | None = None
) -> Iterator[Service]:
    """Start `argofn serve --guest-key` with more `options`; stopped at the end.

    Without a `data_dir` of the caller's it has one of its own, removed with all in it.
    """
    _end_by_sigterm_as_by_ctrl_c()
    with tempfile.TemporaryDirectory(prefix="argo-service-") as folder:
        data_dir, log = data_dir or Path(folder) / "data", Path(folder) / "log"
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [*ARGOFN, "serve", "--port", str(port), "--data-dir", str(data_dir), "--guest-key", *options]
        began = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                env={**environment_of_clone(), **(environment or {})},
                start_new_session=True,
            )
        try:
            ready = wait_ready(process, url, log) - began
            yield Service(url, GUEST_KEY.text, process.pid, data_dir, log, ready)
        finally:
            stop(process)


def _end_by_sigterm_as_by_ctrl_c() -> None:
    """By default the signal would end this process before it has stopped what it started."""
    ours = threading.current_thread() is threading.main_thread()
    if ours and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def free_port() -> int:
    """A TCP port of the loopback address that nobody uses now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def stop(process: subprocess.Popen[bytes], seconds: float = STOP_SECONDS) -> None:
    """SIGTERM, and after `seconds` the end of its whole process group."""
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def wait_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> float:
    """When /ping was first answered, monotonic seconds. ServiceStartError."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServiceStartError(f"the service ended with status {process.returncode}:\n{tail(log)}")
        if _pings(url):
            return time.monotonic()
        time.sleep(0.02)
    raise ServiceStartError(f"the service did not answer /ping within {READY_SECONDS} s:\n{tail(log)}")


def _pings(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=2) as answer:  # noqa: S310  # loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
