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
from dataclasses import dataclass, field
from pathlib import Path

from argo_dev.processes import SHARES_A_MACHINE
from argo_dev.service import free_port, tail

_BIN = Path("/usr/lib/postgresql/15/bin")
_START_SECONDS = 60
_STOP_SECONDS = 30


class PostgresError(Exception):
    """The server did not start; the message ends with the end of its log."""


@dataclass(slots=True)
class Postgres:
    """A running server: user `postgres`, no password, for whoever reaches its address."""

    host: str
    port: int
    folder: Path
    durable: bool
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+asyncpg://postgres@{self.host}:{self.port}/{database}"

    def start(self) -> None:
        """Over what it has kept; it answers on return. PostgresError."""
        deadline = time.monotonic() + _START_SECONDS
        self._run()
        while not _answers(self):
            if time.monotonic() > deadline:
                self.process.kill()
                raise PostgresError(f"the server did not answer within {_START_SECONDS} s:\n{tail(self.log)}")
            time.sleep(0.05)
            if self.process.poll() is not None:
                self._run()  # what a killed server left running holds its memory for a moment

    def _run(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*SHARES_A_MACHINE, *_as(_account()), *_server_command(self)],
                stdout=output,
                stderr=output,
                cwd=self.folder,
            )

    def stop(self) -> None:
        """A fast shutdown: whoever is connected is cut off."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def why_no_postgres() -> str:
    """ "" if the binaries are here."""
    return "" if (_BIN / "postgres").exists() else "PostgreSQL 15 is not installed (apt-get install postgresql-15)"


@contextmanager
def postgres(host: str = "127.0.0.1", *, port: int = 0, durable: bool = False) -> Iterator[Postgres]:
    """Start one on `host`, by default on a free port. `durable`: with fsync, as benches want it. PostgresError."""
    folder = Path(tempfile.mkdtemp(prefix="argo-postgres-"))
    account = _account()
    shutil.chown(folder, account.pw_uid, account.pw_gid)
    try:
        _initdb(folder, account)
        server = Postgres(host, port or free_port(), folder, durable)
        try:
            server.start()
            yield server
        finally:
            server.stop()
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


def _server_command(server: Postgres) -> list[str]:
    settings = {"listen_addresses": server.host, "port": str(server.port), "unix_socket_directories": ""}
    settings["max_connections"] = "200"
    if not server.durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(_BIN / "postgres"), "-D", str(server.folder / "data"), *options]


def _answers(server: Postgres) -> bool:
    command = [str(_BIN / "pg_isready"), "-q", "-h", server.host, "-p", str(server.port)]
    return subprocess.run(command, check=False, timeout=10).returncode == 0
