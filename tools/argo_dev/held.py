"""What a service's sandboxes hold and use while it runs: memory over time, and processor time.

Memory is the proportional set size (what is shared is divided among those who share it) of all processes below the
service and of all containers that carry its label, without the service itself. Docker's own processes are not counted.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from argo_dev.processes import cpu_seconds, resident_mb, tree
from argo_dev.service import Service
from argo_provider.machine import installation_id

_LABEL = "argofn.installation"
_DOCKER_SECONDS = 20
_REST = 9.0  # times as long as a sample took, nothing is looked at


@dataclass(slots=True)
class Held:
    """Samples of one run. `cpu_seconds`: of the service and all its sandboxes, ended ones as far as they were seen."""

    moments: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    @property
    def gb_seconds(self) -> float:
        """Memory over time, by trapezoids."""
        area = 0.0
        for number in range(1, len(self.moments)):
            width = self.moments[number] - self.moments[number - 1]
            area += width * (self.memory_mb[number] + self.memory_mb[number - 1]) / 2
        return area / 1024

    @property
    def mean_mb(self) -> float:
        seconds = self.moments[-1] - self.moments[0] if self.moments else 0.0
        return self.gb_seconds * 1024 / seconds if seconds else 0.0


@contextmanager
def watched(service: Service, every_seconds: float = 2.0) -> Iterator[Held]:
    """Samples until the block ends. One costs milliseconds for each process: they are rarer where that is much."""
    held, ended = Held(), threading.Event()
    containers: dict[str, float] = {}
    _, before = cpu_seconds(service.pid)

    def look() -> None:
        while True:
            began = time.monotonic()
            held.memory_mb.append(memory_mb(service, containers))
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
        held.cpu_seconds = cpu_seconds(service.pid)[1] - before + sum(containers.values())


def memory_mb(service: Service, containers: dict[str, float] | None = None) -> float:
    """Of all sandboxes now. `containers`: is told the processor time of each, by its id."""
    pids = set(tree(service.pid)) - {service.pid}
    for name, root in _containers(service).items():
        below = tree(root)
        pids |= set(below)
        if containers is not None:
            containers[name] = max(containers.get(name, 0.0), sum(below.values()))
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
