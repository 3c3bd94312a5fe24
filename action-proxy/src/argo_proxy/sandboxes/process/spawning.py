"""Starts a process, and hears of its output and its end.

uvloop forks for that: with the tens of MB that a service holds, the page tables that are copied and the pages that both
touch afterwards took it some ten milliseconds for each child, in which it served nobody. `subprocess` has the child
share them until it runs its program (vfork): a quarter of a millisecond.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO


class Child:
    """A child of this process, whose end can be waited for; made by `start`. `stdout`: None where that is no pipe."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.stdout: asyncio.StreamReader | None = None
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._pipes: list[asyncio.BaseTransport] = []
        self._end: asyncio.Future[int] = self._loop.create_future()
        self._ending = os.pidfd_open(process.pid)
        self._loop.add_reader(self._ending, self._look)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As of `subprocess`; None while it runs."""
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()

    async def wait(self) -> int:
        """Its exit status, once it has ended. Cancelling ends the waiting only."""
        return await asyncio.shield(self._end)

    def close(self) -> None:
        """Listen to it no more. Idempotent."""
        for pipe in self._pipes:
            pipe.close()
        self._stop_waiting()

    async def listen(self, pipe: IO[bytes] | None, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        """Tell of what comes out of it there."""
        transport, _ = await self._loop.connect_read_pipe(protocol, pipe)
        self._pipes.append(transport)

    def _look(self) -> None:
        code = self._process.poll()
        if code is not None:
            self._stop_waiting()
            self._end.set_result(code)
            self._ended()

    def _ended(self) -> None:
        """For those who want to be told at once."""

    def _stop_waiting(self) -> None:
        if self._ending >= 0:
            self._loop.remove_reader(self._ending)
            os.close(self._ending)
            self._ending = -1


class Spawned(Child):
    """One that tells a protocol of its output and its end; made by `spawn`."""

    def __init__(self, process: subprocess.Popen[bytes], events: asyncio.SubprocessProtocol) -> None:
        super().__init__(process)
        self._events = events

    def _ended(self) -> None:
        self._events.process_exited()


class _Output(asyncio.Protocol):
    """One pipe's part of the events."""

    def __init__(self, events: asyncio.SubprocessProtocol, number: int) -> None:
        self._events = events
        self._number = number

    def data_received(self, data: bytes) -> None:
        self._events.pipe_data_received(self._number, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._events.pipe_connection_lost(self._number, exc)


async def spawn(argv: Sequence[str], environment: Mapping[str, str], events: asyncio.SubprocessProtocol) -> Spawned:
    """Start it in a session of its own, at the root of the file system, with nothing to read. Raises OSError.

    `events` is told of its output (pipes 1 and 2) and its end.
    """
    pipe = subprocess.PIPE
    process = _started(argv, environment, folder="/", stdout=pipe, stderr=pipe)
    spawned = Spawned(process, events)
    with _ended_on_error(spawned):
        for number, stream in ((1, process.stdout), (2, process.stderr)):
            await spawned.listen(stream, partial(_Output, events, number))
    return spawned


async def start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    folder: Path | str | None = None,
    output: int | IO[bytes] = subprocess.PIPE,
    inherited: Sequence[int] = (),
) -> Child:
    """Start it in a session of its own, with nothing to read and these descriptors. Raises OSError.

    What it prints, errors too, goes to `output`: a file, or a pipe that is read by `Child.stdout`.
    """
    process = _started(argv, environment, folder=folder, stdout=output, stderr=subprocess.STDOUT, inherited=inherited)
    child = Child(process)
    with _ended_on_error(child):
        if process.stdout is not None:
            reader = asyncio.StreamReader()
            await child.listen(process.stdout, lambda: asyncio.StreamReaderProtocol(reader))
            child.stdout = reader
    return child


@contextlib.contextmanager
def _ended_on_error(child: Child) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.close()
        raise


def _started(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    folder: Path | str | None,
    stdout: int | IO[bytes],
    stderr: int,
    inherited: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """A Ctrl-C at the service is no signal to it. Blocks until it runs its program."""
    return subprocess.Popen(  # of words that the callers made
        argv,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=inherited,
        start_new_session=True,
    )
