"""The folder of a running sandbox on this machine, with the folder of its socket in it."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

SOCKET_NAME = "run.sock"
_MAX_SOCKET_PATH = 107  # sun_path, less its terminator


@dataclass(frozen=True, slots=True)
class SandboxFolder:
    """`path` is ours, `path/io` is where the launcher makes its socket. All calls block."""

    path: Path

    @property
    def sockets(self) -> Path:
        return self.path / "io"

    @property
    def socket(self) -> Path:
        return self.sockets / SOCKET_NAME

    def make(self, uid: int | None) -> None:
        """Make both; the socket's folder is writable for `uid` alone (None: this process's user). Raises OSError."""
        if len(os.fsencode(self.socket)) > _MAX_SOCKET_PATH:
            raise OSError(f"the path {self.socket} is too long for a socket: set a shorter run folder")
        self.sockets.mkdir(parents=True)
        self.path.chmod(0o711)
        self.sockets.chmod(0o700)
        if uid is not None:
            os.chown(self.sockets, uid, uid)

    @property
    def memory(self) -> Path:
        """Beside the socket: the memory limit in MB, where that was not known when the sandbox was made."""
        return self.sockets / "memory_mb"

    @property
    def passwd(self) -> Path:
        return self.path / "passwd"

    @property
    def group(self) -> Path:
        return self.path / "group"

    def write_accounts(self, uid: int) -> None:
        """The sandbox's own /etc/passwd and /etc/group: many runtimes look up the name of their user."""
        self.passwd.write_text(
            f"root:x:0:0:root:/:/usr/sbin/nologin\naction:x:{uid}:{uid}:action:/tmp:/usr/sbin/nologin\n"
        )
        self.group.write_text(f"root:x:0:\naction:x:{uid}:\n")

    def seal(self) -> None:
        """The folder lies on a disk of this machine: once the socket is there, the sandbox may make no more files."""
        with contextlib.suppress(PermissionError):
            os.chown(self.sockets, os.geteuid(), os.getegid())
        self.sockets.chmod(0o711)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def default_run_dir(installation: str) -> Path:
    """A folder for them whose path is short enough for sockets and that a reboot empties."""
    base = Path("/run") if os.geteuid() == 0 else Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp"))  # noqa: S108
    return base / f"argofn-{installation}"


def sweep_folders(run_dir: Path) -> set[str]:
    """Remove the folders that an earlier run left; their names."""
    found = {folder for folder in run_dir.iterdir() if folder.is_dir()} if run_dir.is_dir() else set()
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return {folder.name for folder in found}
