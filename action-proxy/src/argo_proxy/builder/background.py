"""How a build is kept out of the way of those who wait: scheduled after all else, as a thread and as a group.

A build is a session of its own, and its niceness counts within that session only: groups (control groups, and where
there are none the kernel's own, one a session) get equal shares whatever is in them. Sandboxes are batch processes and
take the processor from nobody, so that one that woke beside a build waited for the next tick, up to 4 ms, several times
a call. A group that is marked idle gives way at once, to batch processes as well. Where none can be made, the build's
session weighs least, and it keeps to half of the processors.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.sandboxes.process.cgroups import enable_controllers, processes_in

_ROOT = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_NAME = "argo-build"
_LEAST = {"cpu.weight": "1", "cpu.shares": "2"}  # for kernels before 5.15, which know no idle groups
_USUAL = {"cpu.weight": "100", "cpu.shares": "1024"}
_NICEST = "19"
_REMOVE_SECONDS = 2.0
_REMOVE_PAUSE_SECONDS = 0.01
_counter = itertools.count(1)

# $1: the file to write one's process id to, or ""; then the command.
_ENTER = """
if [ -n "$1" ]; then
  echo 0 > "$1" || echo "argo: its control group cannot be entered: callers may wait for this build"
fi
shift
exec "$@"
"""


class IdleGroup:
    """The control group of one command. Nothing else is ever in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._idle = (folder / "cpu.idle").exists()
        self.give_way()

    @property
    def entrance(self) -> Path:
        return self.folder / "cgroup.procs"

    def give_way(self) -> None:
        """Whatever else wants a processor has it at once. Raises OSError."""
        self._weigh("1", _LEAST)

    def take_part(self) -> None:
        """It has a share like any other. Raises OSError."""
        self._weigh("0", _USUAL)

    def processes(self) -> list[int]:
        return processes_in(self.folder)

    def remove(self) -> bool:
        """After the command's end; False if something is in it that does not go."""
        deadline = time.monotonic() + _REMOVE_SECONDS
        while True:
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return True
            except OSError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(_REMOVE_PAUSE_SECONDS)
            else:
                return True

    def _weigh(self, idle: str, weights: dict[str, str]) -> None:
        if self._idle:
            (self.folder / "cpu.idle").write_text(idle)
            return
        name = next(name for name in weights if (self.folder / name).exists() or name == "cpu.shares")
        (self.folder / name).write_text(weights[name])


def idle_group(root: Path = _ROOT) -> IdleGroup:
    """A new one, beside those of services and sandboxes: below theirs, it would weigh what they do. Raises OSError."""
    unified = (root / "cgroup.controllers").exists()
    parent = root if unified else root / "cpu"
    if unified:
        enable_controllers(root, ["cpu"])
    _sweep(parent)
    folder = parent / f"{_NAME}-{os.getpid()}-{next(_counter)}"
    folder.mkdir()
    try:
        return IdleGroup(folder)
    except OSError:
        folder.rmdir()
        raise


@dataclass(frozen=True, slots=True)
class Background:
    """How one command is started, and what this machine does not allow."""

    prefix: Sequence[str]
    group: IdleGroup | None
    lacking: Sequence[str] = ()
    proc: Path = _PROC

    def give_way(self, leader: int) -> None:
        """All else goes before the session of `leader`. Raises OSError."""
        if self.group is None:
            _weigh_session(leader, _NICEST, self.proc)
        else:
            self.group.give_way()

    def take_part(self, leader: int) -> None:
        """The session of `leader` has a share like any other. Raises OSError."""
        if self.group is None:
            _weigh_session(leader, "0", self.proc)
        else:
            self.group.take_part()

    def processes(self, leader: int) -> list[int]:
        """Of the command: all in its group, or in its session where there is no group."""
        return _processes_of_session(leader, self.proc) if self.group is None else self.group.processes()

    def remove(self) -> None:
        """Once the command has ended."""
        if self.group is not None:
            self.group.remove()


def background(root: Path = _ROOT) -> Background:
    """What this machine allows. Makes a control group, which `remove` removes."""
    lacking: list[str] = []
    group: IdleGroup | None = None
    try:
        group = idle_group(root)
    except OSError as error:
        lacking.append(
            f"no control group for builds ({error}): callers may wait for them, though they keep to half the CPUs"
        )
    words = ["/bin/sh", "-c", _ENTER, _NAME, str(group.entrance) if group else ""]
    for tool in _tools(grouped=group is not None):
        if shutil.which(tool[0]):
            words += tool
        else:
            lacking.append(f"{tool[0]} is not installed: builds run without it")
    return Background(words, group, tuple(lacking))


def trouble(root: Path = _ROOT) -> tuple[str, ...]:
    """What this machine does not allow, for doctor and log."""
    tried = background(root)
    tried.remove()
    return tuple(tried.lacking)


def _weigh_session(pid: int, nice: str, proc: Path) -> None:
    """The kernel's group of a session; it has none where groups are made by hand, or by systemd."""
    with contextlib.suppress(OSError):
        (proc / str(pid) / "autogroup").write_text(nice)


def _processes_of_session(leader: int, proc: Path) -> list[int]:
    return [int(stat.parent.name) for stat in proc.glob("[0-9]*/stat") if _session(stat) == leader]


def _session(stat: Path) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(stat.read_text().rsplit(")", 1)[1].split()[3])
    return 0


def _tools(*, grouped: bool) -> Iterator[list[str]]:
    """The last: an end with this process, should it be killed before it can end its builds."""
    yield ["nice", "-n", _NICEST]
    yield ["ionice", "-t", "-c", "3"]  # -t: not where a container forbids it
    yield ["chrt", "--idle", "0"]
    if not grouped:
        allowed = sorted(os.sched_getaffinity(0))
        yield ["taskset", "-c", ",".join(map(str, allowed[: max(1, len(allowed) // 2)]))]
    yield ["setpriv", "--pdeathsig", "KILL"]


def _sweep(parent: Path) -> None:
    """Groups of services that were killed. One that is not empty stays."""
    for folder in parent.glob(f"{_NAME}-*-*"):
        if not (_PROC / folder.name.split("-")[2]).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()
