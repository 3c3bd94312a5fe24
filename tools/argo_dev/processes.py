"""CPU time and memory of a process and all it started, from /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from argo_proxy.sizes import sizes

_TICK = os.sysconf("SC_CLK_TCK")


SHARES_A_MACHINE = ("chrt", "--batch", "0")
"""In front of what members of a cluster share their machine with: it does not interrupt them when it wakes up."""


def _stat(pid: int) -> tuple[int, float] | None:
    """(parent, CPU seconds of it and of its ended children), or None if it is gone."""
    fields = _fields(pid)
    return (int(fields[1]), sum(map(int, fields[11:15])) / _TICK) if fields else None


def _fields(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()  # the name before it may hold anything


def tree(root: int) -> dict[int, float]:
    """pid → CPU seconds, of `root` and all its descendants."""
    alive = _alive()
    return {pid: alive[pid][1] for pid in _below(root, alive) if pid in alive}


def branches(root: int) -> dict[int, dict[int, float]]:
    """The same, of each child of `root` and all below it."""
    alive = _alive()
    children = [pid for pid, (parent, _) in alive.items() if parent == root]
    return {child: {pid: alive[pid][1] for pid in _below(child, alive)} for child in children}


def own_seconds(pid: int) -> float:
    """CPU seconds of a process without its children, ended ones included; 0 where it is gone."""
    fields = _fields(pid)
    return sum(map(int, fields[11:13])) / _TICK if fields else 0.0


def _alive() -> dict[int, tuple[int, float]]:
    stats = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdecimal()}
    return {pid: stat for pid, stat in stats.items() if stat is not None}


def _below(root: int, alive: Mapping[int, tuple[int, float]]) -> set[int]:
    members: set[int] = {root}
    grown = True
    while grown:
        more = {pid for pid, (parent, _) in alive.items() if parent in members} - members
        members |= more
        grown = bool(more)
    return members


def cpu_seconds(root: int) -> tuple[float, float]:
    """CPU seconds of `root` alone, and of its whole tree."""
    times = tree(root)
    return times.get(root, 0.0), sum(times.values())


def resident_mb(pid: int) -> float:
    """Memory of one process, proportional share of what it shares with others; MB of 2^20 bytes."""
    found = sizes(Path(f"/proc/{pid}/smaps_rollup"))
    if "Pss" not in found:
        raise ValueError(f"no Pss of process {pid}")
    return found["Pss"] / 2**20
