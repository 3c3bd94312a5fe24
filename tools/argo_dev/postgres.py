"""A PostgreSQL server for the time of a test run or a bench: in a folder of its own, owned by an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from argo_dev.service import free_port, tail

_BIN = Path("/usr/lib/postgresql/15/bin")
_START_SECONDS = 60
_STOP_SECONDS = 30


class PostgresError(Exception):
    """The server did not start; the message ends with the end of its log."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server: user `postgres`, no password, for whoever reaches its address."""

    host: str
    port: int
    pid: int
    folder: Path

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+asyncpg://postgres@{self.host}:{self.port}/{database}"


def why_no_postgres() -> str:
    """ "" if the binaries are here."""
    return "" if (_BIN / "postgres").exists() else "PostgreSQL 15 is not installed (apt-get install postgresql-15)"


@contextmanager
def postgres(host: str = "127.0.0.1", *, port: int = 0, durable: bool = False) -> Iterator[Postgres]:
    """Start one on `host`, by default on a free port. `durable`: with fsync, as benches want it. PostgresError."""
    folder = Path(tempfile.mkdtemp(prefix="argo-postgres-"))
    account = _account()
    shutil.chown(folder, account.pw_uid, account.pw_gid)
    log = folder / "log"
    try:
        _initdb(folder, account)
        port = port or free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*_as(account), *_server_command(folder, host, port, durable=durable)],
                stdout=output,
                stderr=output,
                cwd=folder,
            )
        try:
            _wait_ready(process, host, port, log)
            yield Postgres(host, port, process.pid, folder)
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown
            try:
                process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> pwd.struct_passwd:
    """Who runs it: the server refuses to run as root."""
    return pwd.getpwuid(os.geteuid()) if os.geteuid() != 0 else pwd.getpwnam("postgres")


def _as(account: pwd.struct_passwd) -> list[str]:
    """The words in front of a command that is to run as that user."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]


def _initdb(folder: Path, account: pwd.struct_passwd) -> None:
    command = [str(_BIN / "initdb"), "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"]
    command += ["--locale=C.UTF-8", f"--pgdata={folder / 'data'}"]
    command = [*_as(account), *command]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    if made.returncode != 0:
        raise PostgresError(f"initdb failed: {made.stderr[-500:]}")
    (folder / "data" / "pg_hba.conf").write_text("host all all all trust\n")  # it is reached by this machine alone


def _server_command(folder: Path, host: str, port: int, *, durable: bool) -> list[str]:
    settings = {"listen_addresses": host, "port": str(port), "unix_socket_directories": "", "max_connections": "200"}
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(_BIN / "postgres"), "-D", str(folder / "data"), *options]


def _wait_ready(process: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    command = [str(_BIN / "pg_isready"), "-q", "-h", host, "-p", str(port)]
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise PostgresError(f"the server ended with status {process.returncode}:\n{tail(log)}")
        if subprocess.run(command, check=False, timeout=10).returncode == 0:
            return
        time.sleep(0.05)
    process.kill()
    raise PostgresError(f"the server did not answer within {_START_SECONDS} s:\n{tail(log)}")
