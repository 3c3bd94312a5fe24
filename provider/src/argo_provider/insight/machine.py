"""The machine as its functions see it: processors, memory, load. From /proc and the control group."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from argo_provider.scheduling.settings import machine_memory_mb
from argo_proxy.sizes import sizes

_MB = 1024 * 1024
_SHORTEST = 0.5  # seconds between two looks from which a share of processor time is worth saying


@dataclass(frozen=True, slots=True)
class MachineFigures:
    """`cpu_percent`: of all processors together, 0 to 100, since the last look."""

    cpus: int
    cpu_percent: float
    load_average: tuple[float, float, float]
    memory_bytes: int
    memory_used_bytes: int


class MachineProbe:
    """Reads a few small files; `sample` may be called as often as one likes."""

    def __init__(self, proc: Path = Path("/proc"), monotonic: Callable[[], float] = time.monotonic) -> None:
        self._proc = proc
        self._monotonic = monotonic
        self._memory = machine_memory_mb() * _MB
        self._looked = monotonic()
        self._ticks = self._read_ticks()
        self._percent = 0.0

    def sample(self) -> MachineFigures:
        """Now; the processors' share is that of the time since the look before, half a second ago or longer."""
        now = self._monotonic()
        if now - self._looked >= _SHORTEST:
            busy, total = self._read_ticks()
            passed = total - self._ticks[1]
            if passed > 0:
                self._percent = max(0.0, min(100.0, 100 * (busy - self._ticks[0]) / passed))
            self._ticks, self._looked = (busy, total), now
        return MachineFigures(
            len(os.sched_getaffinity(0)), round(self._percent, 1), os.getloadavg(), self._memory, self._memory_used()
        )

    def _read_ticks(self) -> tuple[int, int]:
        """(busy, all) ticks of all processors since the machine started."""
        first = (self._proc / "stat").read_text(encoding="ascii").partition("\n")[0]
        user, nice, system, idle, iowait, irq, softirq, steal = (int(part) for part in first.split()[1:9])
        busy = user + nice + system + irq + softirq + steal
        return busy, busy + idle + iowait

    def _memory_used(self) -> int:
        """What is not available to new programs; caches that the kernel would give up are not counted."""
        found = sizes(self._proc / "meminfo")
        total = found["MemTotal"]
        return min(total - found.get("MemAvailable", found["MemFree"]), self._memory)
