"""Runs the outside programs of a build: in the background, logged, limited, ended with all they started."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from argo_proxy.builder.background import Background, background
from argo_proxy.builder.errors import BuildError, LimitError
from argo_proxy.builder.pace import Pace
from argo_proxy.sandboxes.process.spawning import Child, start

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOK_SECONDS = 1.0
_END_SECONDS = 5.0
_TAIL_LINES = 12
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command may take, all its processes together."""

    seconds: float = 1800.0
    memory_mb: int = 8192


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments; never a shell."""

    arguments: Sequence[str]
    log: Path
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()


@dataclass(slots=True)
class Used:
    """Processor time of the commands that were run: of what was still running at the last look, each second."""

    cpu_seconds: float = 0.0


_used: ContextVar[Used | None] = ContextVar("used", default=None)


@contextmanager
def counted() -> Iterator[Used]:
    """What all commands that are run within use."""
    used = Used()
    token = _used.set(used)
    try:
        yield used
    finally:
        _used.reset(token)


async def run(command: Command) -> None:
    """Runs to the end; output is appended to the log.

    Raises BuildError when it does not end with 0, LimitError at a limit. Cancelling ends all its processes.
    """
    program = Path(command.arguments[0]).name
    with command.log.open("ab", buffering=0) as log:
        async with _apart(log) as apart:
            process = await _start(command, apart, log)
            try:
                apart.give_way(process.pid)
                code = await _wait(process, command, apart)
            finally:
                await _end(process, apart)
    if code != 0:
        raise BuildError(f"{program} ended with {code}: {last_lines(command.log)}", log=command.log)


@asynccontextmanager
async def _apart(errors: IO[bytes] | int) -> AsyncIterator[Background]:
    """What one command runs in. `errors`: where it is told what does not work there."""
    apart = background().begin(errors)
    try:
        yield apart
    finally:
        await asyncio.shield(asyncio.to_thread(apart.remove))


async def _start(command: Command, apart: Background, log: IO[bytes]) -> Child:
    for each in apart.lacking:
        log.write(f"argo: {each}\n".encode())
    log.write(f"$ {' '.join(command.arguments)}\n".encode())
    environment = {**os.environ, **command.environment}
    return await start([*apart.prefix, *command.arguments], environment, folder=command.folder, output=log)


@asynccontextmanager
async def aside(*arguments: str, environment: Mapping[str, str]) -> AsyncIterator[Child]:
    """A program that gives way as a build does, its output a pipe. Raises OSError.

    It is killed with the block's end. What it started is not: a package manager must not be broken off.
    """
    async with _apart(subprocess.DEVNULL) as apart:
        process = await start([*apart.prefix, *arguments], {**os.environ, **environment})
        pacing = asyncio.ensure_future(_keep_pace(apart, process.pid))
        try:
            apart.give_way(process.pid)
            yield process
        finally:
            pacing.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _keep_pace(apart: Background, leader: int) -> None:
    before, pace = Use(time.monotonic()), Pace()
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        now = await asyncio.to_thread(_look, apart, leader)
        pace = _paced(pace, before, now, apart, leader)
        before = replace(now, cpu_seconds=max(now.cpu_seconds, before.cpu_seconds))


async def output_of(arguments: Sequence[str], *, seconds: float = 60.0) -> str:
    """Standard output of a short command. Raises BuildError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(seconds):
            out, errors = await process.communicate()
    except TimeoutError as late:
        process.kill()
        raise LimitError(f"{Path(arguments[0]).name} took more than {seconds:.0f} s") from late
    if process.returncode != 0:
        raise BuildError(
            f"{Path(arguments[0]).name} ended with {process.returncode}: {errors.decode(errors='replace')[-500:]}"
        )
    return out.decode()


def last_lines(log: Path) -> str:
    """The end of a log in one line, for an error message."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-_TAIL_LINES:])[-1500:]


async def _wait(process: Child, command: Command, apart: Background) -> int:
    began = time.monotonic()
    deadline = began + command.limits.seconds
    used, before, pace = _used.get(), Use(at=began), Pace()
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(_LOOK_SECONDS, max(0.0, deadline - time.monotonic()))):
                return await process.wait()
        if time.monotonic() >= deadline:
            raise LimitError(f"the build took more than {command.limits.seconds:.0f} s", log=command.log)
        now = await asyncio.to_thread(_look, apart, process.pid)
        if used is not None:
            used.cpu_seconds += max(0.0, now.cpu_seconds - before.cpu_seconds)
        pace = _paced(pace, before, now, apart, process.pid)
        before = replace(now, cpu_seconds=max(now.cpu_seconds, before.cpu_seconds))
        if now.memory > command.limits.memory_mb << 20:
            raise LimitError(f"the build took more than {command.limits.memory_mb} MB of memory", log=command.log)


def _paced(pace: Pace, before: Use, now: Use, apart: Background, leader: int) -> Pace:
    after = pace.after(
        now.at - before.at,
        used=max(0.0, now.cpu_seconds - before.cpu_seconds),
        waited=max(0.0, now.waited_seconds - before.waited_seconds),
        processors=len(os.sched_getaffinity(0)),
    )
    if after.takes_part is not pace.takes_part:
        (apart.take_part if after.takes_part else apart.give_way)(leader)
    return after


@dataclass(frozen=True, slots=True)
class Use:
    """What a command's processes hold and have used so far, and how long their threads waited for a processor."""

    at: float  # monotonic seconds
    memory: int = 0  # resident bytes
    cpu_seconds: float = 0.0
    waited_seconds: float = 0.0


def _look(apart: Background, leader: int) -> Use:
    memory, ticks, waited = 0, 0, 0
    for pid in apart.processes(leader):
        with suppress(OSError, IndexError, ValueError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            memory += int(fields[21]) * _PAGE
            ticks += sum(map(int, fields[11:15]))
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with suppress(OSError, IndexError, ValueError):
                waited += int(thread.read_text().split()[1])
    return Use(time.monotonic(), memory, ticks / _TICK, waited / 1e9)


async def _end(process: Child, apart: Background) -> None:
    """Ends what is left of the command's session, and of what left it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid in apart.group.processes() if apart.group else ():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if process.returncode is None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
