"""Control groups of builds, beside those of services and sandboxes: below theirs, they would share what those get."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from pathlib import Path

from argo_proxy.sandboxes.process.cgroups import enable_controllers, processes_in

ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")
_NAME = "argo-build"
_LEAST = {"cpu.weight": "1", "cpu.shares": "2"}  # for kernels before 5.15, which know no idle groups
_USUAL = {"cpu.weight": "100", "cpu.shares": "1024"}
_REMOVE_SECONDS = 2.0
_REMOVE_PAUSE_SECONDS = 0.01
_counter = itertools.count(1)


class IdleGroup:
    """Of one command. Nothing else is ever in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marked = self.mark.exists()  # as idle; else it weighs as little as can be
        self.give_way()

    @property
    def mark(self) -> Path:
        """The file that says whether it is idle."""
        return self.folder / "cpu.idle"

    @property
    def entrance(self) -> Path:
        """The file into which a process of one thread writes 0 to be in it; see `ControlGroup.entrances`."""
        single = self.folder / "tasks"
        return single if single.exists() else self.folder / "cgroup.procs"

    def give_way(self) -> None:
        """Whatever else wants a processor goes first. Raises OSError."""
        self._weigh("1", _LEAST)

    def take_part(self) -> None:
        """It has a share like any other. Raises OSError."""
        self._weigh("0", _USUAL)

    def processes(self) -> list[int]:
        return processes_in(self.folder)

    def remove(self) -> bool:
        """Once all in it has ended; False if something is in it that does not go. Blocks as long as that takes."""
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
        if self.marked:
            self.mark.write_text(idle)
            return
        name = next(name for name in weights if (self.folder / name).exists() or name == "cpu.shares")
        (self.folder / name).write_text(weights[name])


def idle_group(root: Path = ROOT) -> IdleGroup:
    """A new one. Raises OSError."""
    folder = _new_folder(root)
    try:
        return IdleGroup(folder)
    except OSError:
        folder.rmdir()
        raise


def _new_folder(root: Path) -> Path:
    unified = (root / "cgroup.controllers").exists()
    parent = root if unified else root / "cpu"
    if unified:
        enable_controllers(root, ["cpu"])
    _sweep(parent)
    folder = parent / f"{_NAME}-{os.getpid()}-{next(_counter)}"
    folder.mkdir()
    return folder


def _sweep(parent: Path) -> None:
    """Groups of services that were killed. One that is not empty stays."""
    for folder in parent.glob(f"{_NAME}-*-*"):
        if not (PROC / folder.name.split("-")[2]).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()
