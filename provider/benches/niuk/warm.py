"""A second way to restore: the snapshot already holds the function's library and an isolate, but no invocation's data.

What the product saves knows no tenant; this one belongs to one function of one namespace. It is measured to see what
loading and the first isolate cost after a restore.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from argo_proxy.sandboxes.microvm import snapshot as saving
from argo_proxy.sandboxes.microvm.launching import ENVIRONMENT
from argo_proxy.sandboxes.microvm.monitor import open_monitor
from argo_proxy.sandboxes.microvm.qemu import CONTROL_PORT, Accelerator, Machine, Memory, command_line
from argo_proxy.sandboxes.niuk import frames
from argo_proxy.sandboxes.niuk.client import NiukClient
from argo_proxy.sandboxes.niuk.launching import HostProcess, spawn
from argo_proxy.sandboxes.niuk.opening import open_socket

from . import niuks


@dataclass(frozen=True, slots=True)
class WarmCopy:
    """A restored machine whose function is initialised."""

    host: HostProcess
    client: NiukClient

    async def end(self) -> None:
        self.client.close()
        await self.host.end()


async def save_warm(
    kernel: Path, image: Path, folder: Path, how: Accelerator, subject: niuks.Subject, *, memory_mb: int
) -> saving.Snapshot:
    """Boot, load the function's library, make its isolate, save."""
    console = folder / "console"
    await asyncio.to_thread(console.write_bytes, b"")
    ours, control = socket.socketpair()
    monitored, monitor_end = socket.socketpair()
    machine = Machine(
        kernel=kernel,
        initramfs=image,
        control=control.fileno(),
        accelerator=how,
        memory_mb=memory_mb,
        arguments=("--serial", CONTROL_PORT, "--announce"),
        console=console,
        memory=Memory(folder / "memory", shared=True),
        monitor=monitor_end.fileno(),
    )
    host = HostProcess(await spawn(tuple(command_line(machine)), ENVIRONMENT, control, monitor_end), lambda: None, None)
    control.close()
    monitor_end.close()
    try:
        async with asyncio.timeout(niuks.START_SECONDS), open_monitor(monitored) as monitor:
            client = await open_socket(ours, niuks.NAMESPACE, seconds=niuks.START_SECONDS)
            library = subject.library
            load = frames.Load(library.digest, frames.Artifact.LIBRARY, path=str(library.path))
            await client.load_path(load, seconds=niuks.START_SECONDS)
            await client.init(subject.native().init())
            await saving._save(monitor, folder / "state")
            client.close()
    finally:
        await host.end()
        monitored.close()
    return saving.Snapshot(replace(machine, console=None, monitor=None), folder / "memory", folder / "state")


async def first_answer(snapshot: saving.Snapshot, params: dict[str, Any]) -> WarmCopy:
    """Restore, give it randomness and time of its own, and have the function answer."""
    async with _copy(snapshot) as copy:
        await copy.client.reseed(time.time_ns(), os.urandom(64), seconds=niuks.START_SECONDS)
        run = frames.Run("f", niuks.encoded(params), niuks.LIMIT_MS, niuks.LIMIT_MS)
        niuks.decoded(await copy.client.run(run), "f")
    return copy


@contextlib.asynccontextmanager
async def _copy(snapshot: saving.Snapshot) -> AsyncIterator[WarmCopy]:
    """Ended where the body fails, else the caller's."""
    ours, theirs = socket.socketpair()
    launcher = saving.RestoringLauncher(snapshot, start_seconds=niuks.START_SECONDS)
    with contextlib.closing(theirs):
        host = await launcher.launch(f"w{secrets.token_hex(6)}", theirs)
    client = NiukClient()
    ours.setblocking(False)
    await asyncio.get_running_loop().create_connection(lambda: client, sock=ours)
    copy = WarmCopy(host, client)
    try:
        yield copy
    except BaseException:
        await copy.end()
        raise
