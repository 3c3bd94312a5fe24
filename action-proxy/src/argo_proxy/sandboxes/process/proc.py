"""What /proc tells of processes: what a tree of them uses, and which carry a mark in their environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from argo_proxy.sandboxes.port import SandboxStats
from argo_proxy.sandboxes.process.cgroups import ControlGroup
from argo_proxy.sizes import sizes

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


async def stats_of(group: ControlGroup | None, root: int) -> SandboxStats:
    """As the control group counts; without one, of the process `root` and all below it."""
    if group is None:
        return await asyncio.to_thread(tree_stats, root)
    return await asyncio.to_thread(lambda: SandboxStats(group.memory_bytes(), group.cpu_seconds(), group.pids()))


def tree(root: int) -> list[int]:
    """A process and all below it; none once it has ended. Blocks."""
    found, pending = [], [root]
    while pending:
        pid = pending.pop()
        with contextlib.suppress(OSError):  # ended while we looked
            pending += _children(pid)
            found.append(pid)
    return found


def memory_folder_of(pid: int) -> Path | None:
    """Of the control group that counts a process's memory; None where it has ended, or is in none. Blocks."""
    with contextlib.suppress(OSError):
        for line in (_PROC / str(pid) / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "memory":
                return _CGROUPS / "memory" / path.lstrip("/")
            if not controllers:
                unified = _CGROUPS / path.lstrip("/")
                return unified if (unified / "memory.current").exists() else None
    return None


def tree_stats(root: int) -> SandboxStats:
    """Proportional memory, processor time and number of a process and all below it. Blocks."""
    memory, ticks, count = 0, 0, 0
    for pid in tree(root):
        try:
            ticks += _ticks(pid)
            memory += _proportional_bytes(pid)
        except OSError:
            continue  # ended while we looked
        count += 1
    return SandboxStats(memory, ticks / os.sysconf("SC_CLK_TCK"), count)


def marked_processes(name: str, prefix: str) -> Iterator[int]:
    """Processes started with an environment variable `name` whose value begins with `prefix`. Blocks."""
    wanted = f"{name}={prefix}".encode()
    for folder in _PROC.iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            entries = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # ended, or another user's
        if any(entry.startswith(wanted) for entry in entries):
            yield int(folder.name)


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for task in (_PROC / str(pid) / "task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def _ticks(pid: int) -> int:
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _proportional_bytes(pid: int) -> int:
    return sizes(_PROC / str(pid) / "smaps_rollup").get("Pss", 0)
