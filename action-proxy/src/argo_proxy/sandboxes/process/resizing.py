"""Another memory limit for a sandbox that runs already: its control group's, and the size of its temporary folder.

The folder is a file system of the sandbox's own. It is remounted from outside, by calls that take a mount as it is seen
through a process (fspick(2), Linux 5.2): entering the sandbox for that would cost a process, and milliseconds.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.sandboxes import syscalls
from argo_proxy.sandboxes.folders import SandboxFolder
from argo_proxy.sandboxes.process.cgroups import ControlGroup, Limits

_FSCONFIG, _FSPICK = 431, 433
_AT_FDCWD = -100
_FSPICK_CLOEXEC = 1
_SET_STRING, _RECONFIGURE = 1, 7


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """What follows from a function's memory limit."""

    memory_mb: int
    group: Limits
    tmp_bytes: int


@functools.cache
def can_resize() -> bool:
    """Whether this kernel has the calls, and lets this process use them."""
    try:
        syscalls.call(_FSPICK, _AT_FDCWD, b"/nowhere/at/all", _FSPICK_CLOEXEC)
    except OSError as error:
        return error.errno == errno.ENOENT
    return True


def resize(group: ControlGroup, folder: SandboxFolder, limits: MemoryLimits) -> None:
    """Blocks for well under a millisecond. The launcher finds the limit beside its socket. Raises OSError."""
    group.limit(limits.group)
    _resize_tmp(group, limits.tmp_bytes)
    folder.memory.write_text(str(limits.memory_mb))
    folder.memory.chmod(0o644)


def _resize_tmp(group: ControlGroup, size: int) -> None:
    mount = _pick(group)
    try:
        syscalls.call(_FSCONFIG, mount, _SET_STRING, b"size", str(size).encode(), 0)
        syscalls.call(_FSCONFIG, mount, _RECONFIGURE, None, None, 0)
    finally:
        os.close(mount)


def _pick(group: ControlGroup) -> int:
    """The temporary folder as the processes inside see it; the outermost one sees this machine's."""
    ours = Path("/proc/self/ns/mnt").readlink()
    for pid in group.processes():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            if Path(f"/proc/{pid}/ns/mnt").readlink() != ours:
                return syscalls.call(_FSPICK, _AT_FDCWD, f"/proc/{pid}/root/tmp".encode(), _FSPICK_CLOEXEC)
    raise OSError(errno.ESRCH, "no process of the sandbox is left")
