"""What a service's sandboxes hold and use while it runs: memory over time, and processor time.

Memory is the proportional set size (what is shared is divided among those who share it) of all processes below the
service and of all containers that carry its label, without the service itself. Docker's own processes are not counted.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from argo_dev.processes import branches, own_seconds, resident_mb, tree
from argo_dev.service import Service
from argo_provider.machine import installation_id
from argo_proxy.sizes import sizes

_LABEL = "argofn.installation"
_BUILDER = b"native-image"
_DOCKER_SECONDS = 20
_MB = 1 << 20
_REST = 9.0  # times as long as a sample took, nothing is looked at


@dataclass(slots=True)
class Held:
    """Samples of one run. `cpu_seconds`: of the service and all that it started, ended ones as far as they were seen.

    `build_cpu_seconds` and `build_gb_seconds` are the share of native builds in those. Swap is the whole machine's:
    what is on it, and what of that the kernel has in memory as well until it is wanted for something else.
    """

    moments: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    build_mb: list[float] = field(default_factory=list)
    swapped_mb: list[float] = field(default_factory=list)
    swap_cached_mb: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0
    build_cpu_seconds: float = 0.0

    @property
    def gb_seconds(self) -> float:
        """Memory over time, by trapezoids."""
        return self._area(self.memory_mb)

    @property
    def build_gb_seconds(self) -> float:
        return self._area(self.build_mb)

    @property
    def swap_gb_seconds(self) -> float:
        return self._area(self.swapped_mb)

    @property
    def swap_cached_gb_seconds(self) -> float:
        return self._area(self.swap_cached_mb)

    def _area(self, memory_mb: Sequence[float]) -> float:
        area = 0.0
        for number in range(1, len(self.moments)):
            width = self.moments[number] - self.moments[number - 1]
            area += width * (memory_mb[number] + memory_mb[number - 1]) / 2
        return area / 1024

    @property
    def mean_mb(self) -> float:
        seconds = self.moments[-1] - self.moments[0] if self.moments else 0.0
        return self.gb_seconds * 1024 / seconds if seconds else 0.0


@contextmanager
def watched(service: Service, every_seconds: float = 2.0) -> Iterator[Held]:
    """Samples until the block ends. One costs milliseconds for each process: they are rarer where that is much."""
    held, ended = Held(), threading.Event()
    seen, built = _Seen(), _Seen()
    before = own_seconds(service.pid) + sum(sum(below.values()) for below in branches(service.pid).values())

    def look() -> None:
        while True:
            began = time.monotonic()
            now = _look(service, seen, built)
            held.memory_mb.append(now[0])
            held.build_mb.append(now[1])
            swapped, cached = _swap_mb()
            held.swapped_mb.append(swapped)
            held.swap_cached_mb.append(cached)
            held.moments.append((began + time.monotonic()) / 2)
            if ended.wait(max(every_seconds, _REST * (time.monotonic() - began))):
                return

    watcher = threading.Thread(target=look, name="watch sandboxes")
    watcher.start()
    try:
        yield held
    finally:
        ended.set()
        watcher.join()
        held.cpu_seconds = own_seconds(service.pid) - before + sum(seen.values()) + sum(built.values())
        held.build_cpu_seconds = sum(built.values())


_Seen = dict[str, float]
"""Processor time of each sandbox, build, … by what names it, as it was seen last.

What a parent is told of ended children does not serve: those that end with a whole sandbox are told to nobody.
"""


def _look(service: Service, seen: _Seen, built: _Seen) -> tuple[float, float]:
    """Memory of all that the service started, and of builds in it."""
    pids: set[int] = set()
    builds: set[int] = set()
    for child, below in branches(service.pid).items():
        builds_here = {pid for pid in below if _is_build(pid)}
        _note(built if builds_here else seen, f"{child}", below)
        builds |= set(below) if builds_here else set()
        pids |= set(below)
    for name, root in _containers(service).items():
        below = tree(root)
        _note(seen, name, below)
        pids |= set(below)
    held = {pid: _resident_mb(pid) for pid in pids}
    return sum(held.values()), sum(held[pid] for pid in builds)


def _swap_mb() -> tuple[float, float]:
    found = sizes(Path("/proc/meminfo"))
    return (found["SwapTotal"] - found["SwapFree"]) / _MB, found["SwapCached"] / _MB


def _note(seen: _Seen, name: str, below: Mapping[int, float]) -> None:
    seen[name] = max(seen.get(name, 0.0), sum(below.values()))


def _is_build(pid: int) -> bool:
    try:
        return _BUILDER in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def memory_mb(service: Service) -> float:
    """Of all sandboxes now."""
    pids = set(tree(service.pid)) - {service.pid}
    for root in _containers(service).values():
        pids |= set(tree(root))
    return sum(map(_resident_mb, pids))


def _resident_mb(pid: int) -> float:
    try:
        return resident_mb(pid)
    except (OSError, ValueError):
        return 0.0  # ended while we looked


def _containers(service: Service) -> dict[str, int]:
    """Container id → its first process; none where no engine answers."""
    listed = _docker(
        "ps", "--quiet", "--no-trunc", "--filter", f"label={_LABEL}={installation_id(service.data_dir)}"
    ).split()
    if not listed:
        return {}
    told = json.loads(_docker("inspect", *listed) or "[]")
    return {each["Id"]: each["State"]["Pid"] for each in told if each["State"]["Pid"]}


def _docker(*words: str) -> str:
    try:
        done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=_DOCKER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
