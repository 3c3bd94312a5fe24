"""Starts a NIUk's host as the first program of a microVM."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from pathlib import Path

from argo_proxy.sandboxes.microvm.qemu import CONTROL_PORT, Accelerator, Machine, command_line
from argo_proxy.sandboxes.niuk.launching import HostProcess, Sizes, spawn
from argo_proxy.sandboxes.process.cgroups import ControlGroup, ControlGroups, Limits

_EXIT_SECONDS = 3.0
_VMM_MB = 96  # what QEMU needs besides the guest's memory
_VMM_THREADS = 64


@dataclass(frozen=True, slots=True)
class MicrovmLauncher:
    """A `Launcher`. Function libraries are streamed into the guest: it shares no file with this machine.

    QEMU denies itself new programs and privileges (`-sandbox`); a control group, where given, holds it to the guest's
    memory. Network: none.
    """

    kernel: Path
    initramfs: Path  # with the host as `init`: see image.niuk_files
    accelerator: Accelerator
    sizes: Sizes = field(default_factory=lambda: Sizes(memory_mb=512))
    groups: ControlGroups | None = None
    start_seconds: float = 30.0
    shares_files: bool = False
    is_copy: bool = False

    async def launch(self, identity: str, stream: socket.socket) -> HostProcess:
        machine = Machine(
            kernel=self.kernel,
            initramfs=self.initramfs,
            control=stream.fileno(),
            accelerator=self.accelerator,
            memory_mb=self.sizes.memory_mb,
            arguments=("--serial", CONTROL_PORT),
        )
        group = await asyncio.to_thread(self._group, identity)
        try:
            process = await spawn(tuple(command_line(machine)), {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}, stream)
        except BaseException:
            await asyncio.to_thread(_free, group)
            raise
        host = HostProcess(process, lambda: _free(group), group)
        try:
            await asyncio.to_thread(_enter, group, process.pid)
        except BaseException:
            await host.end()
            raise
        return host

    def _group(self, identity: str) -> ControlGroup | None:
        if self.groups is None:
            return None
        limits = Limits((self.sizes.memory_mb + _VMM_MB) << 20, self.sizes.cpus, _VMM_THREADS)
        return self.groups.create(identity, limits)


def _enter(group: ControlGroup | None, pid: int) -> None:
    for folder in group.folders if group else ():
        (folder / "cgroup.procs").write_text(str(pid))


def _free(group: ControlGroup | None) -> None:
    if group is not None:
        group.destroy(within=_EXIT_SECONDS)
