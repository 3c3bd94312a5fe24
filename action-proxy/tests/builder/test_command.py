"""Outside programs are limited, logged, and leave nothing running."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from argo_proxy.builder import command
from argo_proxy.builder.command import Command, Limits, aside, counted, run
from argo_proxy.builder.errors import BuildError, LimitError

pytestmark = pytest.mark.unit


async def test_output_goes_to_the_log_and_the_program_is_niced(tmp_path: Path) -> None:
    log = tmp_path / "log"
    await run(Command(["sh", "-c", "nice; echo two >&2"], log))
    first, niceness, second = log.read_text().splitlines()
    assert first.startswith("$ sh -c")
    assert int(niceness) == 19
    assert second == "two"


async def test_a_failure_tells_the_code_and_the_last_lines(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"sh ended with 3: .*why it failed"):
        await run(Command(["sh", "-c", "echo why it failed; exit 3"], tmp_path / "log"))


async def test_a_program_that_takes_too_long_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hour is over once the child runs, which takes a while on a machine that has no processor to spare."""
    child = tmp_path / "child"

    def now() -> float:
        return time.monotonic() + (3600.0 if child.exists() else 0.0)

    monkeypatch.setattr(command, "time", SimpleNamespace(monotonic=now))
    script = "sleep 100000 & echo $! > new; mv new child; wait"
    with pytest.raises(LimitError, match="more than 3600 s"):
        await run(Command(["sh", "-c", script], tmp_path / "log", folder=tmp_path, limits=Limits(seconds=3600.0)))
    await _gone(int(child.read_text()))


async def test_a_program_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    hog = ["python3", "-c", "kept = bytearray(200 << 20); import time; time.sleep(100)"]
    with pytest.raises(LimitError, match="more than 100 MB"):
        await run(Command(hog, tmp_path / "log", limits=Limits(seconds=600.0, memory_mb=100)))


async def test_cancelling_ends_the_program(tmp_path: Path) -> None:
    script = "echo $$ > mine; sleep 1000"
    task = asyncio.create_task(run(Command(["sh", "-c", script], tmp_path / "log", folder=tmp_path)))
    mine = tmp_path / "mine"
    async with asyncio.timeout(100):
        while not mine.exists() or not mine.read_text().strip():
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _gone(int(mine.read_text()))


async def test_a_program_aside_is_read_while_it_runs_gives_way_and_ends_with_the_block() -> None:
    script = "nice; echo $SAID; exec sleep 1000"
    async with asyncio.timeout(100), aside("sh", "-c", script, environment={"SAID": "it"}) as process:
        assert process.stdout is not None
        lines = []
        while b"it\n" not in lines:
            lines.append(await process.stdout.readline())
            assert lines[-1], lines
        assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
    assert b"19\n" in lines
    assert process.returncode == -signal.SIGKILL


async def _gone(pid: int) -> None:
    """Waits for a process to be gone or a zombie of somebody else's."""
    async with asyncio.timeout(30):
        while _alive(pid):
            await asyncio.sleep(0.01)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


async def test_the_processor_time_of_commands_is_counted(tmp_path: Path) -> None:
    """A program that has used two seconds was looked at while it ran, however slow the machine is."""
    spin = "import time\nwhile time.process_time() < 2: pass"
    with counted() as used:
        await run(Command([sys.executable, "-c", spin], tmp_path / "log"))
    with counted() as nothing:
        await run(Command(["true"], tmp_path / "log"))
    assert 0 < used.cpu_seconds < 10
    assert nothing.cpu_seconds == 0
