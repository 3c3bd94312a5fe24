"""Starts a process, and hears of its output and its end.

uvloop forks for that: with the tens of MB that a service holds, the page tables that are copied and the pages that both
touch afterwards took it some ten milliseconds for each sandbox, in which it served nobody. `subprocess` has the child
share them until it runs its program (vfork): a quarter of a millisecond.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO


class Spawned:
    """A child of this process; made by `spawn`."""

    def __init__(self, process: subprocess.Popen[bytes], events: asyncio.SubprocessProtocol) -> None:
        self._process = process
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._pipes: list[asyncio.BaseTransport] = []
        self._ending = os.pidfd_open(process.pid)
        self._loop.add_reader(self._ending, self._ended)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As of `subprocess`; None while it runs."""
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Listen to it no more. Idempotent."""
        for pipe in self._pipes:
            pipe.close()
        self._stop_waiting()

    async def listen(self, number: int, pipe: IO[bytes] | None) -> None:
        """Tell of what comes out of it there."""
        transport, _ = await self._loop.connect_read_pipe(lambda: _Output(self._events, number), pipe)
        self._pipes.append(transport)

    def _ended(self) -> None:
        if self._process.poll() is not None:
            self._stop_waiting()
            self._events.process_exited()

    def _stop_waiting(self) -> None:
        if self._ending >= 0:
            self._loop.remove_reader(self._ending)
            os.close(self._ending)
            self._ending = -1


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
    process = _started(argv, environment)
    spawned = Spawned(process, events)
    try:
        for number, stream in ((1, process.stdout), (2, process.stderr)):
            await spawned.listen(number, stream)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            spawned.kill()
        spawned.close()
        raise
    return spawned


def _started(argv: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A Ctrl-C at the service is no signal to it. Blocks until it runs its program."""
    pipe = subprocess.PIPE
    return subprocess.Popen(  # made by `command_line`
        argv, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True
    )
