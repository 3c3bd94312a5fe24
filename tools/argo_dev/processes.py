"""CPU time and memory of a process and all it started, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> tuple[int, float] | None:
    """(parent, CPU seconds of it and of its ended children), or None if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return int(fields[1]), sum(map(int, fields[11:15])) / _TICK


def tree(root: int) -> dict[int, float]:
    """pid → CPU seconds, of `root` and all its descendants."""
    stats = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdecimal()}
    alive = {pid: stat for pid, stat in stats.items() if stat is not None}
    members: set[int] = {root}
    grown = True
    while grown:
        more = {pid for pid, (parent, _) in alive.items() if parent in members} - members
        members |= more
        grown = bool(more)
    return {pid: alive[pid][1] for pid in members if pid in alive}


def cpu_seconds(root: int) -> tuple[float, float]:
    """CPU seconds of `root` alone, and of its whole tree."""
    times = tree(root)
    return times.get(root, 0.0), sum(times.values())


def resident_mb(pid: int) -> float:
    """Memory of one process, proportional share of what it shares with others; MB of 2^20 bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no Pss of process {pid}")
