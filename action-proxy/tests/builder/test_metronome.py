"""The metronome beside a build, as the kernel shows it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from argo_proxy.builder.background import Background
from argo_proxy.builder.command import Command, run
from argo_proxy.builder.groups import IdleGroup, idle_group
from argo_proxy.builder.metronome import Metronome
from argo_proxy.sandboxes.process.cgroups import processes_in

_SECONDS = 100
T = TypeVar("T")
_BEATS = 20  # switches of a thread that beats, and of none that sleeps
_OURS = """
import sys, time
from pathlib import Path
from typing import TypeVar
from argo_proxy.builder.groups import IdleGroup
from argo_proxy.builder.metronome import Metronome
print(Metronome(IdleGroup(Path(sys.argv[1]))).pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.integration
def test_it_beats_on_every_processor_in_its_group_until_it_is_stopped(group: IdleGroup) -> None:
    metronome = Metronome(group)
    try:
        beating = _beating(metronome.pid)
        assert sorted(beating) == sorted(f"{cpu}" for cpu in os.sched_getaffinity(0))
        assert group.processes() == [metronome.pid]
        assert group.mark.read_text().strip() == "0"
    finally:
        metronome.stop()
    assert not group.folder.exists()
    assert not Path(f"/proc/{metronome.pid}").exists()


@pytest.mark.integration
def test_it_ends_with_whoever_started_it(group: IdleGroup) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-P", "-c", _OURS, str(group.folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        _beating(pid)
        starter.kill()
    _until(lambda: not group.processes())


@pytest.mark.integration
def test_one_runs_beside_a_build_and_only_as_long(group: IdleGroup, tmp_path: Path) -> None:
    command = Command(["sh", "-c", "while [ ! -e go ]; do sleep 0.01; done"], tmp_path / "log", folder=tmp_path)
    building = threading.Thread(target=lambda: asyncio.run(run(command)))
    building.start()
    try:
        assert _beating(_until(lambda: _metronomes(group.folder.parent))[0])
    finally:
        (tmp_path / "go").touch()
        building.join()
    assert not _metronomes(group.folder.parent)
    assert "metronome" not in (tmp_path / "log").read_text()


@pytest.mark.integration
def test_a_group_it_cannot_enter_is_told(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/tasks").mkdir()
    with (tmp_path / "log").open("wb") as log:
        metronome = Metronome(IdleGroup(tmp_path / "there"), log)
    try:
        _until(lambda: "directory" in (tmp_path / "log").read_text())
    finally:
        metronome.stop()


@pytest.mark.unit
def test_none_where_it_is_of_no_use(tmp_path: Path) -> None:
    """Kernels without idle groups weigh them; without groups a build keeps to half of the processors."""
    (tmp_path / "cpu.shares").touch()
    for apart in (Background((), None), Background((), IdleGroup(tmp_path))):
        assert apart.begin(subprocess.DEVNULL) is apart


@pytest.mark.integration
def test_where_it_cannot_be_started_the_build_goes_on_and_says_so(tmp_path: Path, group: IdleGroup) -> None:
    del group  # there can be one
    idle = idle_group()
    apart = Background((), idle).begin(subprocess.DEVNULL, tmp_path / "nothing")
    try:
        assert apart.metronome is None
        assert "no metronome" in apart.lacking[0]
    finally:
        apart.remove()


def _beating(pid: int) -> list[str]:
    """The processors of those threads that wake up again and again, once there is one for each."""
    return _until(lambda: found if len(found := _allowed(pid)) >= len(os.sched_getaffinity(0)) else [])


def _until(look: Callable[[], T]) -> T:
    deadline = time.monotonic() + _SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def _allowed(pid: int) -> list[str]:
    found = []
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        told = dict(line.split(":\t", 1) for line in status.read_text().splitlines())
        if int(told["voluntary_ctxt_switches"]) > _BEATS and status.parent.name != str(pid):
            found.append(told["Cpus_allowed_list"])
    return found


def _metronomes(parent: Path) -> list[int]:
    """Of this process's builds."""
    pids = [pid for folder in parent.glob(f"argo-build-{os.getpid()}-*") for pid in processes_in(folder)]
    return [pid for pid in pids if b"sched_setaffinity" in _words(pid)]


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # a process of the build that has ended
        return b""
