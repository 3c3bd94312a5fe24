"""Control groups: one per sandbox below one per installation, in version 1 or 2, whichever this machine lets us write.

All calls here block for the kernel (well under a millisecond, a removal up to seconds): keep them off the event loop.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = ("memory", "cpu", "pids")
_CPU_PERIOD_US = 100_000
_KILL_PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sandbox may use."""

    memory_bytes: int
    cpus: float
    pids: int


class ControlGroup:
    """The group of one sandbox. `folders` holds one path in version 2, one a controller in version 1."""

    def __init__(self, folders: dict[str, Path], *, unified: bool) -> None:
        self._folders = folders
        self._unified = unified

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where another process must be entered (`cgroup.procs`) to be under all limits."""
        return tuple(dict.fromkeys(self._folders.values()))

    @property
    def entrances(self) -> tuple[Path, ...]:
        """Files into which a process of one thread writes 0 to be under all limits.

        In version 1 those of single threads: there nothing has to be kept from starting threads meanwhile, for which
        the kernel waits until all processors have been through a pause, some ten milliseconds.
        """
        name = "cgroup.procs" if self._unified else "tasks"
        return tuple(folder / name for folder in self.folders)

    @property
    def memory_folder(self) -> Path:
        """Where its memory is counted and limited."""
        return self._folders["memory"]

    def limit(self, limits: Limits) -> None:
        quota = max(int(limits.cpus * _CPU_PERIOD_US), 1_000)
        if self._unified:
            self._write("memory", "memory.max", limits.memory_bytes)
            self._write_if_there("memory", "memory.swap.max", 0)
            self._write_if_there("memory", "memory.oom.group", 1)
            self._write("cpu", "cpu.max", f"{quota} {_CPU_PERIOD_US}")
        else:
            self._limit_memory(limits.memory_bytes)
            self._write("cpu", "cpu.cfs_period_us", _CPU_PERIOD_US)
            self._write("cpu", "cpu.cfs_quota_us", quota)
        self._write("pids", "pids.max", limits.pids)

    def _limit_memory(self, size: int) -> None:
        """In version 1. Memory with swap is never less than memory alone, whichever way both move."""
        if size > self._number("memory", "memory.limit_in_bytes"):
            self._write_if_there("memory", "memory.memsw.limit_in_bytes", size)
        self._write("memory", "memory.limit_in_bytes", size)
        self._write_if_there("memory", "memory.memsw.limit_in_bytes", size)

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed a process of this group for its memory."""
        return self._field("memory", "memory.events" if self._unified else "memory.oom_control", "oom_kill") > 0

    def memory_bytes(self) -> int:
        return self._number("memory", "memory.current" if self._unified else "memory.usage_in_bytes")

    def cpu_seconds(self) -> float:
        if self._unified:
            return self._field("cpu", "cpu.stat", "usage_usec") / 1e6
        return self._number("cpuacct", "cpuacct.usage") / 1e9

    def processes(self) -> list[int]:
        """Their ids, as of this moment."""
        return processes_in(self.folders[0])

    def pids(self) -> int:
        return self._number("pids", "pids.current")

    def destroy(self, *, within: float) -> bool:
        """Kill all that is in the group and remove it; False if that did not work in `within` seconds."""
        deadline = time.monotonic() + within
        while not self._removed():
            self._kill()
            if time.monotonic() > deadline:
                return False
            time.sleep(_KILL_PAUSE_SECONDS)
        return True

    def _kill(self) -> None:
        if self._unified:
            with contextlib.suppress(OSError):
                self._write("memory", "cgroup.kill", 1)
                return
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _removed(self) -> bool:
        for folder in self.folders:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return True

    def _write(self, controller: str, name: str, value: object) -> None:
        (self._folders[controller] / name).write_text(str(value))

    def _write_if_there(self, controller: str, name: str, value: object) -> None:
        with contextlib.suppress(OSError):  # kernels without swap accounting or group kills
            self._write(controller, name, value)

    def _number(self, controller: str, name: str) -> int:
        folder = self._folders.get(controller)
        try:
            return int((folder / name).read_text()) if folder else 0
        except (OSError, ValueError):
            return 0

    def _field(self, controller: str, name: str, field: str) -> int:
        try:
            lines = (self._folders[controller] / name).read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith(f"{field} ")), 0)


class ControlGroups:
    """The groups of one installation. Find out with `usable` whether this machine lets us make any."""

    def __init__(self, installation: str, root: Path = _ROOT) -> None:
        self._name = f"argo-{installation}"
        self._root = root
        self._unified = (root / "cgroup.controllers").exists()
        self._parents = self._find_parents()

    def usable(self) -> str:
        """ "" if groups with all limits can be made here; else what is in the way."""
        try:
            group = self.create("probe")
        except OSError as error:
            return f"control groups are not writable ({error})"
        group.destroy(within=2)
        return ""

    def create(self, name: str, limits: Limits | None = None) -> ControlGroup:
        """A new group, with its limits set before any process enters it. Raises OSError."""
        self._prepare()
        group = self._group(name)
        try:
            for folder in group.folders:
                folder.mkdir(exist_ok=True)
            group.limit(limits or Limits(64 << 20, 1.0, 16))
        except OSError:
            group.destroy(within=1)
            raise
        return group

    def leftovers(self) -> Iterator[ControlGroup]:
        """The groups that an earlier run of this installation left behind."""
        names = {
            path.name
            for parent in self._parents.values()
            if parent.is_dir()
            for path in parent.iterdir()
            if path.is_dir()
        }
        for name in sorted(names):
            yield self._group(name)

    def remove(self) -> None:
        """Remove the installation's own, now empty, group."""
        for parent in set(self._parents.values()):
            with contextlib.suppress(OSError):
                parent.rmdir()

    def _group(self, name: str) -> ControlGroup:
        return ControlGroup({key: parent / name for key, parent in self._parents.items()}, unified=self._unified)

    def _find_parents(self) -> dict[str, Path]:
        if self._unified:
            return dict.fromkeys(_CONTROLLERS, self._root / self._name)
        return {
            controller: self._root / controller / self._name
            for controller in (*_CONTROLLERS, "cpuacct")
            if (self._root / controller).is_dir()
        }

    def _prepare(self) -> None:
        missing = [controller for controller in _CONTROLLERS if controller not in self._parents]
        if missing:
            raise OSError(f"no {', '.join(missing)} controller below {self._root}")
        for parent in set(self._parents.values()):
            parent.mkdir(exist_ok=True)
        if self._unified:
            for folder in (self._root, self._root / self._name):
                enable_controllers(folder, _CONTROLLERS)


def enable_controllers(folder: Path, controllers: Sequence[str]) -> None:
    """In version 2: have groups directly below `folder` limited by these. Raises OSError."""
    control = folder / "cgroup.subtree_control"
    enabled = control.read_text().split()
    wanted = [f"+{controller}" for controller in controllers if controller not in enabled]
    if wanted:
        control.write_text(" ".join(wanted))


def processes_in(folder: Path) -> list[int]:
    """Ids of the processes of a group; none where it is gone."""
    try:
        return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
    except OSError:
        return []
