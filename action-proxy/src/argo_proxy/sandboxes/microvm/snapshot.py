"""A booted NIUk, saved once and started many times: before it has met any tenant, so that no copy holds one's data."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, replace
from pathlib import Path

from argo_proxy.sandboxes.microvm.launching import ENVIRONMENT, drop_group, enter_group, machine_group, opened
from argo_proxy.sandboxes.microvm.monitor import Monitor, MonitorError, open_monitor
from argo_proxy.sandboxes.microvm.qemu import CONTROL_PORT, Accelerator, Machine, Memory, command_line
from argo_proxy.sandboxes.niuk.launching import HostProcess, spawn
from argo_proxy.sandboxes.port import SandboxCreationError
from argo_proxy.sandboxes.process.cgroups import ControlGroups

_BOOT_SECONDS = 60.0
_SAVE_SECONDS = 30.0
_POLL_SECONDS = 0.005
_READY = b"ready "  # what the host prints when it waits for a controller


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A saved machine: memory and state, to be restored by the QEMU, kernel and sizes that saved it."""

    machine: Machine
    memory: Path
    state: Path


class SnapshotError(Exception):
    """The machine could not be saved."""


async def take_snapshot(
    kernel: Path, initramfs: Path, folder: Path, accelerator: Accelerator, *, memory_mb: int, network: bool = False
) -> Snapshot:
    """Boot a NIUk, wait until its host waits for a controller, save it in `folder`, end it.

    Raises SnapshotError, OSError, TimeoutError.
    """
    memory, state = folder / "memory", folder / "state"
    console = folder / "console"
    ours, control = socket.socketpair()
    monitored, monitor_end = socket.socketpair()
    machine = Machine(
        kernel=kernel,
        initramfs=initramfs,
        control=control.fileno(),
        accelerator=accelerator,
        memory_mb=memory_mb,
        arguments=("--serial", CONTROL_PORT, "--announce", *(("--net",) if network else ())),
        network=network,
        console=console,
        memory=Memory(memory, shared=True),
        monitor=monitor_end.fileno(),
    )
    await asyncio.to_thread(console.write_bytes, b"")
    with contextlib.closing(ours), contextlib.closing(monitored):
        process = HostProcess(
            await spawn(tuple(command_line(machine)), ENVIRONMENT, control, monitor_end), lambda: None, None
        )
        control.close()
        monitor_end.close()
        try:
            async with asyncio.timeout(_BOOT_SECONDS + _SAVE_SECONDS), open_monitor(monitored) as monitor:
                await _until_ready(console, process)
                await _save(monitor, state)
        except MonitorError as error:
            raise SnapshotError(f"{error}: {process.last_words}") from error
        finally:
            await process.end()
    return Snapshot(replace(machine, console=None, monitor=None), memory, state)


async def _until_ready(console: Path, process: HostProcess) -> None:
    while _READY not in await asyncio.to_thread(console.read_bytes):
        if process.exit_code is not None:
            raise SnapshotError(f"the machine ended while booting: {process.last_words}")
        await asyncio.sleep(_POLL_SECONDS)


async def _save(monitor: Monitor, state: Path) -> None:
    """Send the state through a socket into the file: QEMU may open no file and start no program for it."""
    ours, theirs = socket.socketpair()
    with contextlib.closing(ours), contextlib.closing(theirs):
        await monitor.pass_descriptor("state", theirs)
        theirs.close()
        await _leave_memory_out(monitor)
        receiving = asyncio.ensure_future(asyncio.to_thread(_receive, ours, state))
        await monitor.execute("migrate", uri="fd:state")
        while True:
            status = (await monitor.execute("query-migrate")).get("status")
            if status in {"completed", "failed"}:
                break
            await asyncio.sleep(_POLL_SECONDS)
        if status == "failed":
            raise MonitorError("the machine could not be saved")
        await monitor.execute("quit")
        await receiving


async def _leave_memory_out(monitor: Monitor) -> None:
    """The memory is in its file already: the state is that of the devices."""
    await monitor.execute("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])


def _receive(stream: socket.socket, into: Path) -> None:
    stream.settimeout(_SAVE_SECONDS)
    with into.open("wb") as file:
        while data := stream.recv(1 << 16):
            file.write(data)


@dataclass(frozen=True, slots=True)
class RestoringLauncher:
    """A `Launcher` that starts copies of a snapshot; the memory file is mapped privately and stays as it is.

    QEMU keeps this process's user, since it opens that file for writing; it denies itself new programs and privileges.
    """

    snapshot: Snapshot
    groups: ControlGroups | None = None
    cpus: float = 64.0
    start_seconds: float = 30.0
    shares_files: bool = False
    is_copy: bool = True

    async def launch(self, identity: str, stream: socket.socket) -> HostProcess:
        group = await machine_group(self.groups, identity, self.snapshot.machine.memory_mb, self.cpus)
        ours, theirs = socket.socketpair()
        host: HostProcess | None = None
        try:
            with opened(self.snapshot.state) as (state,):
                process = await spawn(self._command(stream, theirs), ENVIRONMENT, stream, theirs, state)
                host = HostProcess(process, lambda: drop_group(group), group)
                await asyncio.to_thread(enter_group, group, process.pid)
                theirs.close()
                async with asyncio.timeout(self.start_seconds):
                    await _resume(ours, state)
        except BaseException as error:
            await (host.end() if host else asyncio.to_thread(drop_group, group))
            if isinstance(error, MonitorError):
                raise SandboxCreationError(f"the saved machine could not be restored: {error}") from error
            raise
        finally:
            ours.close()
            theirs.close()
        return host

    def _command(self, stream: socket.socket, monitor: socket.socket) -> tuple[str, ...]:
        machine = replace(
            self.snapshot.machine,
            control=stream.fileno(),
            memory=Memory(self.snapshot.memory, shared=False),
            monitor=monitor.fileno(),
            incoming=True,
        )
        return tuple(command_line(machine))


async def _resume(monitored: socket.socket, state: int) -> None:
    """Load the state from QEMU's descriptor `state`; the machine then runs on by itself."""
    async with open_monitor(monitored) as monitor:
        await _leave_memory_out(monitor)
        await monitor.execute("migrate-incoming", uri=f"fd:{state}")
