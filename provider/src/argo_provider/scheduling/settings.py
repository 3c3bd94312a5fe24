"""What an operator may tell the pool. Memory in MB of 2^20 bytes, times in seconds."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

_SHARE_OF_MACHINE = 0.6
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def machine_memory_mb() -> int:
    """Memory that this process may use: the machine's, or its control group's limit where that is lower."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        try:
            memory = min(memory, int(path.read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue
    return memory // (1024 * 1024)


def _default_memory_mb() -> int:
    return int(machine_memory_mb() * _SHARE_OF_MACHINE)


def _default_starts() -> int:
    return min((os.cpu_count() or 1) + 1, 8)


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Limits and policy of one machine's sandboxes."""

    memory_mb: int = field(default_factory=_default_memory_mb)  # all sandboxes together; default: 60 % of the machine
    max_starts: int = field(default_factory=_default_starts)  # created at once; default: cores + 1, up to 8
    keep_alive_seconds: float = 600.0  # a warm sandbox idle for longer ends
    stem_keep_alive_seconds: float = 60.0  # the same for an uninitialised one beyond the stock that is wanted
    stem_memory_mb: int = 256  # memory size of the stem cells kept in stock (a runtime's `stem_cells` says how many)
    stem_demand_seconds: float = 600.0  # after a cold start, its kind has a stem cell in stock for so long
    stem_backoff_seconds: float = 30.0  # after a start for the stock failed, none of that shape for so long
    queue_limit: int = 1000  # invocations that may wait for a sandbox
    namespace_queue_limit: int = 500  # of one namespace
    queue_wait_seconds: float = 300.0  # an invocation that waited longer ends with a platform error
    quantum_mb: int = 2048  # memory that a namespace may be granted before it is another's turn
    patience_seconds: float = 0.02  # an invocation may wait so long for its action's sandboxes before more are started
    grace_seconds: float = 1.0  # a sandbox counts as in demand for so long after its last activation
    tenure_seconds: float = 2.0  # a sandbox in demand is kept so long from others that have none
    cold_cost: int = 4  # a cold start counts as so many warm ones against the quantum
    tick_seconds: float = 0.5  # how often idle sandboxes, waiting limits and the stock are looked at
    drain_seconds: float = 30.0  # at the end, for what is under way; then it is cut off

    def __post_init__(self) -> None:
        for name in ("memory_mb", "max_starts", "queue_limit", "namespace_queue_limit", "quantum_mb", "cold_cost"):
            if getattr(self, name) < 1:
                raise ValueError(f"The pool setting '{name}' must be at least 1, not {getattr(self, name)}.")
        if self.tick_seconds <= 0:
            raise ValueError(f"The pool setting 'tick_seconds' must be above 0, not {self.tick_seconds}.")
