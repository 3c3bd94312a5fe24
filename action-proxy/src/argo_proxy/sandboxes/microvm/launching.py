"""Starts a NIUk's host as the first program of a microVM."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from argo_proxy.sandboxes.microvm.qemu import CONTROL_PORT, Accelerator, Machine, command_line
from argo_proxy.sandboxes.niuk.launching import HostProcess, Sizes, spawn
from argo_proxy.sandboxes.process.cgroups import ControlGroup, ControlGroups, Limits
from argo_proxy.sandboxes.process.users import UserIds
from argo_proxy.sandboxes.taking import taken

_EXIT_SECONDS = 3.0
_VMM_MB = 96  # what QEMU needs besides the guest's memory
_VMM_THREADS = 64
ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class MicrovmLauncher:
    """A `Launcher`. Function libraries are streamed into the guest: it shares no file with this machine.

    QEMU runs as a user of its own where `users` are given, which needs no right but to read the two files; it denies
    itself new programs and privileges (`-sandbox`); a control group, where given, holds it to the guest's memory.
    Network: none, or QEMU's user-mode network where `network` says so and the image has `etc/resolv.conf`.
    """

    kernel: Path
    initramfs: Path  # with the host as `init`: see image.niuk_files
    accelerator: Accelerator
    sizes: Sizes = field(default_factory=lambda: Sizes(memory_mb=512))
    groups: ControlGroups | None = None
    users: UserIds | None = None  # None where this process is not root, or where KVM is for root alone
    start_seconds: float = 30.0
    shares_files: bool = False
    is_copy: bool = False
    network: bool = False

    async def launch(self, identity: str, stream: socket.socket) -> HostProcess:
        uid = self.users.take() if self.users else None
        group: ControlGroup | None = None
        host: HostProcess | None = None
        try:
            group = await machine_group(self.groups, identity, self.sizes.memory_mb, self.sizes.cpus)
            with opened(self.kernel, self.initramfs) as (kernel, initramfs):
                command = (*as_user(uid), *command_line(self._machine(kernel, initramfs, stream)))
                process = await spawn(command, ENVIRONMENT, stream, kernel, initramfs)
            host = HostProcess(process, lambda: self._free(group, uid), group)
            await asyncio.to_thread(enter_group, group, process.pid)
        except BaseException:
            if host is not None:
                await host.end()
            else:
                await asyncio.to_thread(self._free, group, uid)
            raise
        return host

    def _machine(self, kernel: int, initramfs: int, stream: socket.socket) -> Machine:
        # By descriptor: the user that QEMU runs as may not be able to reach the files by name.
        return Machine(
            kernel=Path(f"/proc/self/fd/{kernel}"),
            initramfs=Path(f"/proc/self/fd/{initramfs}"),
            control=stream.fileno(),
            accelerator=self.accelerator,
            memory_mb=self.sizes.memory_mb,
            arguments=("--serial", CONTROL_PORT, *(("--net",) if self.network else ())),
            network=self.network,
        )

    def _free(self, group: ControlGroup | None, uid: int | None) -> None:
        if drop_group(group) and uid is not None and self.users is not None:
            self.users.give_back(uid)


async def machine_group(
    groups: ControlGroups | None, identity: str, memory_mb: int, cpus: float
) -> ControlGroup | None:
    """A control group for a machine and the QEMU around it; None where there are none. Raises OSError."""
    if groups is None:
        return None
    limits = Limits((memory_mb + _VMM_MB) << 20, cpus, _VMM_THREADS)
    return await taken(lambda: groups.create(identity, limits), drop_group)


def enter_group(group: ControlGroup | None, pid: int) -> None:
    """Put a process there. Blocks. Raises OSError."""
    for folder in group.folders if group else ():
        (folder / "cgroup.procs").write_text(str(pid))


def drop_group(group: ControlGroup | None) -> bool:
    """End all that is in it, and it; False if something would not end. Blocks."""
    return group is None or group.destroy(within=_EXIT_SECONDS)


@contextlib.contextmanager
def opened(*paths: Path) -> Iterator[tuple[int, ...]]:
    opened: list[int] = []
    try:
        for path in paths:
            opened.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))  # noqa: PERF401 - what is open must be closed
        yield tuple(opened)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def as_user(uid: int | None) -> tuple[str, ...]:
    """The words before a command that is to run as `uid` with no right at all; none where the user stays."""
    if uid is None:
        return ()
    rights = ("--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs", "--")
    return ("setpriv", f"--reuid={uid}", f"--regid={uid}", *rights)
