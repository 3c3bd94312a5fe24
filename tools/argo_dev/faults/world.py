"""What the campaign breaks: named processes that can be started, stopped, killed and frozen."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import aiohttp

READY_SECONDS = 120.0
END_SECONDS = 60.0


class Breakable(Protocol):
    """One process of the system under test."""

    @property
    def name(self) -> str: ...

    async def start(self) -> None:
        """Start it (again), and return once it serves."""
        ...

    def send(self, number: int) -> None:
        """A signal, to the process alone: what it started must cope by itself."""
        ...

    async def end(self, number: int = signal.SIGTERM) -> None:
        """Send `number` and wait for the end; SIGKILL when it does not come."""
        ...


@dataclass(slots=True)
class Managed:
    """A `Breakable`, and how to start it again. `ready` returns once it serves."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[], Awaitable[None]]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def ended(self) -> bool:
        return self.process is not None and self.process.returncode is not None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        await self.ready()

    def send(self, number: int) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.send(number)
        try:
            async with asyncio.timeout(END_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.process.wait()


async def until_serving(url: str, log: Path, ended: Callable[[], bool]) -> None:
    """Wait for the first answered /ping. RuntimeError when the process has ended, or took too long."""
    deadline = time.monotonic() + READY_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline and not ended():
            try:
                async with session.get(f"{url}/ping") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
    raise RuntimeError(f"the service did not come up; its log is {log}")


class World(Protocol):
    """A whole system under test."""

    @property
    def processes(self) -> Mapping[str, Breakable]: ...

    @property
    def urls(self) -> Sequence[str]:
        """Where its API answers; each is as good as the others."""
        ...

    @property
    def counter_host(self) -> str:
        """The address under which functions reach this machine."""
        ...

    def sandboxes(self) -> Sequence[int]:
        """Process ids of all that runs user code now, or waits to."""
        ...

    async def new_tenant(self, name: str) -> str:
        """Make a namespace; its key."""
        ...

    async def fill_disk(self) -> bool:
        """Take all room where it keeps things; False where that cannot be done here."""
        ...

    async def free_disk(self) -> None: ...

    async def cut(self, name: str, *, off: bool) -> bool:
        """Cut a process's machine off the network, or join it again; False where that cannot be done here."""
        ...

    async def lose(self, name: str, percent: int) -> bool:
        """Lose so much of what a process's machine is sent; 0: nothing. False where that cannot be done here."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Gracefully, everything."""
        ...
