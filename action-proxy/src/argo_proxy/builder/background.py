"""How a build is kept out of the way of those who wait: scheduled after all else, as a thread and as a group.

A build is a session of its own, and its niceness counts within that session only: groups (control groups, and where
there are none the kernel's own, one a session) get equal shares whatever is in them. Sandboxes are batch processes and
take the processor from nobody, so that one that woke beside a build waited for the next tick, up to 4 ms, several times
a call. A group that is marked idle gives way at once, to batch processes as well, and with a metronome beside it to
those that wait already, too. Where none can be made, the build's session weighs least, and it keeps to half of the
processors.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from argo_proxy.builder.groups import PROC, ROOT, IdleGroup, idle_group
from argo_proxy.builder.metronome import Metronome

_NICEST = "19"

# $1: the file to write one's process id to, or ""; then the command.
_ENTER = """
if [ -n "$1" ]; then
  echo 0 > "$1" || echo "argo: its control group cannot be entered: callers may wait for this build"
fi
shift
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Background:
    """How one command is started, and what this machine does not allow."""

    prefix: Sequence[str]
    group: IdleGroup | None
    lacking: Sequence[str] = ()
    proc: Path = PROC
    metronome: Metronome | None = None

    def begin(self, errors: IO[bytes] | int, root: Path = ROOT) -> Background:
        """For as long as the command runs, with a metronome where that is of use. To be removed in the end."""
        if self.group is None or not self.group.marked:
            return self
        try:
            return replace(self, metronome=Metronome(idle_group(root), errors))
        except OSError as error:
            return replace(self, lacking=(*self.lacking, f"no metronome ({error}): callers may wait for some ms"))

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
        """Once the command has ended. Blocks briefly."""
        if self.metronome is not None:
            self.metronome.stop()
        if self.group is not None:
            self.group.remove()


def background(root: Path = ROOT) -> Background:
    """What this machine allows. Makes a control group, which `remove` removes."""
    lacking: list[str] = []
    group: IdleGroup | None = None
    try:
        group = idle_group(root)
    except OSError as error:
        lacking.append(
            f"no control group for builds ({error}): callers may wait for them, though they keep to half the CPUs"
        )
    words = ["/bin/sh", "-c", _ENTER, "argo-build", str(group.entrance) if group else ""]
    for tool in _tools(grouped=group is not None):
        if shutil.which(tool[0]):
            words += tool
        else:
            lacking.append(f"{tool[0]} is not installed: builds run without it")
    return Background(words, group, tuple(lacking))


def trouble(root: Path = ROOT) -> tuple[str, ...]:
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
