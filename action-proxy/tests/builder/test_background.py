"""What a build is scheduled as, read from the kernel while a command of a build runs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from argo_proxy.builder.background import Background, background, trouble
from argo_proxy.builder.command import Command, run
from argo_proxy.builder.groups import IdleGroup, idle_group

_TELL = """
import json, os, pathlib, subprocess
told = {
    "policy": os.sched_getscheduler(0),
    "nice": os.getpriority(os.PRIO_PROCESS, 0),
    "io": subprocess.run(["ionice", "-p", str(os.getpid())], capture_output=True, text=True).stdout.strip(),
    "groups": pathlib.Path("/proc/self/cgroup").read_text(),
    "cpus": sorted(os.sched_getaffinity(0)),
    "leader": os.getsid(0),
}
print(json.dumps(told))
"""
_STAYS = """
import os, pathlib, sys, time
told = [str(os.getpid()), *pathlib.Path("/proc/self/cgroup").read_text().split()]
pathlib.Path("there.new").write_text(" ".join(told))
os.rename("there.new", "there")
while not pathlib.Path("go").exists():
    time.sleep(0.01)
"""


@pytest.mark.integration
async def test_a_command_and_its_children_give_way_in_a_group_of_their_own(group: IdleGroup, tmp_path: Path) -> None:
    """By the group's own files, while it runs; it lies beside all others, and goes with the command."""
    command = Command(["sh", "-c", f'{sys.executable} -c "$0" & wait', _STAYS], tmp_path / "log", folder=tmp_path)
    building = asyncio.create_task(run(command))
    try:
        async with asyncio.timeout(100):
            while not (tmp_path / "there").exists():
                assert not building.done(), (tmp_path / "log").read_text()
                await asyncio.sleep(0.01)
        pid, *groups = (tmp_path / "there").read_text().split()
        own = _group_of(groups, beside=group.folder)
        assert own != group.folder
        inside = (own / "cgroup.procs").read_text().split()
        assert pid in inside
        assert len(inside) >= 2, "the shell and its child"
        _assert_gives_way(own)
    finally:
        (tmp_path / "go").touch()
        await building
    assert not own.exists()


@pytest.mark.integration
def test_a_group_takes_part_and_gives_way_again(group: IdleGroup) -> None:
    _assert_gives_way(group.folder)
    group.take_part()
    assert _weight(group.folder) in {"1024", "100"}
    group.give_way()
    _assert_gives_way(group.folder)


@pytest.mark.integration
def test_this_machine_allows_all_that_builds_want(group: IdleGroup) -> None:
    del group  # there can be one
    assert trouble() == ()


@pytest.mark.integration
async def test_every_thread_is_idle_in_policy_and_disk(tmp_path: Path) -> None:
    log = tmp_path / "log"
    await run(Command([sys.executable, "-c", _TELL], log))
    told = json.loads(log.read_text().splitlines()[-1])
    assert told["policy"] == os.SCHED_IDLE
    assert told["nice"] == 19
    assert told["io"] == "idle"
    assert told["leader"] != os.getsid(0)


@pytest.mark.integration
def test_without_groups_it_keeps_to_half_the_processors_and_says_so(tmp_path: Path) -> None:
    apart = background(tmp_path / "nothing")
    assert apart.group is None
    assert len(apart.lacking) == 1
    assert "no control group" in apart.lacking[0]
    command = [*apart.prefix, sys.executable, "-c", _TELL]
    told = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=100).stdout)
    ours = sorted(os.sched_getaffinity(0))
    assert told["cpus"] == ours[: max(1, len(ours) // 2)]
    assert told["policy"] == os.SCHED_IDLE


@pytest.mark.unit
def test_without_groups_the_kernels_own_group_of_the_session_weighs_least(tmp_path: Path) -> None:
    """The kernel's file stands in a folder here: how often it may be written is limited for all together."""
    weight = tmp_path / "7/autogroup"
    weight.parent.mkdir()
    apart = Background((), None, proc=tmp_path)
    apart.give_way(7)
    assert weight.read_text() == "19"
    apart.take_part(7)
    assert weight.read_text() == "0"
    apart.give_way(8)  # it has ended


@pytest.mark.unit
def test_a_group_that_cannot_be_entered_is_told_and_costs_no_build(tmp_path: Path) -> None:
    prefix = background(tmp_path / "nothing").prefix
    words = [*prefix[:4], str(tmp_path / "missing/cgroup.procs"), *prefix[5:], "echo", "built"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=100)
    assert "cannot be entered" in done.stdout
    assert done.stdout.endswith("built\n")


@pytest.mark.unit
@pytest.mark.parametrize(
    ("files", "weight", "least", "usual"),
    [
        (("cpu.idle", "cpu.weight"), "cpu.idle", "1", "0"),
        (("cpu.weight",), "cpu.weight", "1", "100"),
        (("cpu.shares",), "cpu.shares", "2", "1024"),
    ],
)
def test_kernels_without_idle_groups_have_weights(
    tmp_path: Path, files: tuple[str, ...], weight: str, least: str, usual: str
) -> None:
    for name in files:
        (tmp_path / name).write_text("")
    group = IdleGroup(tmp_path)
    assert (tmp_path / weight).read_text() == least
    group.take_part()
    assert (tmp_path / weight).read_text() == usual


@pytest.mark.unit
def test_version_2_hands_the_controller_on_and_removes_what_killed_services_left(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    (tmp_path / "cgroup.subtree_control").write_text("memory")
    nobody = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1
    left, alive = tmp_path / f"argo-build-{nobody}-1", tmp_path / f"argo-build-{os.getpid()}-0"
    left.mkdir()
    alive.mkdir()
    group = idle_group(tmp_path)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu"
    assert group.folder.parent == tmp_path
    assert not left.exists()
    assert alive.exists()


@pytest.mark.unit
def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    lacking = " ".join(background(tmp_path).lacking)
    assert all(f"{tool} is not installed" in lacking for tool in ("nice", "ionice", "chrt", "taskset", "setpriv"))


@pytest.mark.unit
def test_without_a_group_the_processes_are_those_of_the_session() -> None:
    assert os.getpid() in Background((), None).processes(os.getsid(0))


def _assert_gives_way(folder: Path) -> None:
    if (folder / "cpu.idle").exists():
        assert (folder / "cpu.idle").read_text().strip() == "1"
    else:
        assert _weight(folder) in {"2", "1"}


def _weight(folder: Path) -> str:
    return next(
        (folder / name).read_text().strip() for name in ("cpu.shares", "cpu.weight") if (folder / name).exists()
    )


def _group_of(groups: list[str], *, beside: Path) -> Path:
    """The folder of the build's group that a process's /proc/self/cgroup names; in a container it is not at the root."""
    names = {Path(group.rsplit(":", 1)[1]).name for group in groups}
    found = [beside.parent / name for name in names if name.startswith("argo-build-")]
    assert len(found) == 1, groups
    return found[0]
