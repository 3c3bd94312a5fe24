"""Hosts that wait without a namespace: a NIUk begins with one of them, so that no invocation waits for its confinement.

A waiting host holds no function, no key and no namespace; its first frame binds it. A copy of a saved machine gets
randomness and time of its own then, not before.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from dataclasses import dataclass

import structlog

from argo_proxy.sandboxes.niuk.launching import HostProcess, Launcher
from argo_proxy.sandboxes.port import SandboxCreationError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Launched:
    """A host that was started and not yet spoken to."""

    identity: str
    host: HostProcess
    stream: socket.socket  # our end of its connection

    async def end(self) -> None:
        self.stream.close()
        await self.host.end()


async def launch(launcher: Launcher) -> Launched:
    """Start a host. Raises OSError, `SandboxCreationError`, and what its launcher raises."""
    identity = f"n{secrets.token_hex(6)}"
    ours, theirs = socket.socketpair()
    try:
        host = await launcher.launch(identity, theirs)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return Launched(identity, host, ours)


class HostStock:
    """Keeps `size` hosts waiting; a failed start is tried again when the next one is wanted."""

    def __init__(self, launcher: Launcher, size: int = 1) -> None:
        self._launcher = launcher
        self._size = size
        self._waiting: list[Launched] = []
        self._filling: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def take(self) -> Launched:
        """A waiting host, else a new one. Raises as `launch` does."""
        while self._waiting:
            found = self._waiting.pop(0)
            if found.host.exit_code is None:
                self.fill()
                return found
            await found.end()
        made = await launch(self._launcher)
        self.fill()
        return made

    def fill(self) -> None:
        """Start what is missing, in the background."""
        if not self._closed and (self._filling is None or self._filling.done()):
            self._filling = asyncio.get_running_loop().create_task(self._fill(), name="stock of NIUk hosts")

    async def filled(self) -> None:
        """Until the stock is full, or could not be filled."""
        if self._filling is not None:
            await asyncio.wait([self._filling])

    async def close(self) -> None:
        self._closed = True
        if self._filling is not None:
            self._filling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._filling
        waiting, self._waiting = self._waiting, []
        await asyncio.gather(*(each.end() for each in waiting))

    async def _fill(self) -> None:
        while len(self._waiting) < self._size:
            try:
                self._waiting.append(await launch(self._launcher))
            except (OSError, TimeoutError, SandboxCreationError) as error:
                _log.warning("niuk host not started", reason=str(error))
                return
