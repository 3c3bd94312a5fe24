"""Runs the outside programs of a build: niced, logged, limited in time and memory, ended with all they started."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from argo_proxy.builder.errors import BuildError, LimitError

_NICENESS = 15
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEMORY_CHECK_SECONDS = 1.0
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
    with command.log.open("ab") as log:
        log.write(f"$ {' '.join(command.arguments)}\n".encode())
        log.flush()
        process = await asyncio.create_subprocess_exec(
            *_prefix(),
            *command.arguments,
            cwd=command.folder,
            env={**os.environ, **command.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        code = await _wait(process, command)
    finally:
        await _end(process)
    if code != 0:
        raise BuildError(f"{program} ended with {code}: {last_lines(command.log)}", log=command.log)


def _prefix() -> list[str]:
    """Low priority; and an end with this process, should it be killed before it can end its builds."""
    nice = ["nice", "-n", str(_NICENESS)]
    return [*nice, "setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else nice


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


async def _wait(process: asyncio.subprocess.Process, command: Command) -> int:
    deadline = time.monotonic() + command.limits.seconds
    used, before = _used.get(), 0.0
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(_MEMORY_CHECK_SECONDS, max(0.0, deadline - time.monotonic()))):
                return await process.wait()
        if time.monotonic() >= deadline:
            raise LimitError(f"the build took more than {command.limits.seconds:.0f} s", log=command.log)
        held, cpu_seconds = session_use(process.pid)
        if used is not None and cpu_seconds > before:
            used.cpu_seconds += cpu_seconds - before
            before = cpu_seconds
        if held > command.limits.memory_mb << 20:
            raise LimitError(f"the build took more than {command.limits.memory_mb} MB of memory", log=command.log)


def session_use(leader: int) -> tuple[int, float]:
    """Resident bytes of all processes of a session, and the processor seconds of those and of what they ended."""
    total, ticks = 0, 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError, ValueError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) == leader:
                total += int(fields[21]) * _PAGE
                ticks += sum(map(int, fields[11:15]))
    return total, ticks / _TICK


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends what is left of the command's session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await asyncio.shield(process.wait())
