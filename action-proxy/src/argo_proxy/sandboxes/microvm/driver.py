"""The driver `microvm`: an ordinary runtime in a virtual machine of its own, the strong wall for code nobody trusts.

It is never chosen for a function that does not ask for it (`argo.sandbox: microvm`): a machine boots in a second where
KVM executes it, and takes more memory than a process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from argo_proxy.builder import kernel
from argo_proxy.builder.cache import Cache, default_root
from argo_proxy.builder.errors import BuilderError
from argo_proxy.builder.progress import Progress
from argo_proxy.protocol.logs import LogCapture
from argo_proxy.runtimes import Runtime, default_tools_directory
from argo_proxy.sandboxes.microvm.guest import Guest, guest_image, words
from argo_proxy.sandboxes.microvm.image import ImageError
from argo_proxy.sandboxes.microvm.launching import ENVIRONMENT, as_user, drop_group, enter_group, machine_group, opened
from argo_proxy.sandboxes.microvm.probe import PROBE_NAME, probe_kvm
from argo_proxy.sandboxes.microvm.qemu import PROGRAM, Accelerator, Machine, command_line
from argo_proxy.sandboxes.microvm.runtime_image import SOCKET
from argo_proxy.sandboxes.microvm.sandbox import MicrovmSandbox, Ports
from argo_proxy.sandboxes.niuk.binary import find_host
from argo_proxy.sandboxes.niuk.launching import HostProcess, missing_programs, spawn
from argo_proxy.sandboxes.port import DriverReport, Provision, SandboxCreationError, SandboxKind, SandboxSpec
from argo_proxy.sandboxes.process.cgroups import ControlGroup, ControlGroups
from argo_proxy.sandboxes.process.confinement import MARKER
from argo_proxy.sandboxes.process.proc import marked_processes
from argo_proxy.sandboxes.process.provisioning import provision_host
from argo_proxy.sandboxes.process.users import UserIds
from argo_proxy.sandboxes.taking import taken

_MOST_PORTS = 24  # requests at once; virtio-serial has 31 ports
_SYSTEM_MB = 48  # what the guest's kernel and the runtime's first pages take beside the function's memory
_SWEEP_SECONDS = 5.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class MicrovmSettings:
    """`installation`: an id of its own, apart from the other drivers': groups, users and marks carry it.

    `emulate`: use software emulation where KVM does not execute guests. `kernel`: None builds it when the first
    runtime is provisioned.
    """

    installation: str
    tools: Path = field(default_factory=default_tools_directory)
    cache: Cache = field(default_factory=lambda: Cache(default_root()))
    emulate: bool = False
    network: bool = True  # functions may call out
    kernel: Path | None = None
    families: frozenset[str] = frozenset({"java", "nodejs", "python"})
    probe: Path | None = None  # the program that proves KVM; None: beside the NIUk's host


class MicrovmDriver:
    """A `SandboxDriver`. Call `probe` before anything else."""

    kind = SandboxKind.MICROVM

    def __init__(self, settings: MicrovmSettings) -> None:
        self._settings = settings
        self._groups = ControlGroups(settings.installation)
        self._use_groups = False
        self._users: UserIds | None = None
        self._accelerator: Accelerator | None = None
        self._kernel = settings.kernel
        self._guests: dict[str, Guest] = {}

    async def probe(self) -> DriverReport:
        if missing_programs((PROGRAM,)):
            return self._unavailable(f"{PROGRAM} is not installed", "apt-get install qemu-system-x86")
        why_not_kvm = await self._why_no_kvm()
        if why_not_kvm and not self._settings.emulate:
            fix = "run on a machine whose KVM executes guests, or set microvm.emulate for a try (ten times slower)"
            return self._unavailable(why_not_kvm, fix)
        self._accelerator = Accelerator.TCG if why_not_kvm else Accelerator.KVM
        trouble = await taken(self._groups.usable)
        self._use_groups = not trouble
        # With KVM, QEMU must open /dev/kvm, which is root's alone on many machines.
        if os.geteuid() == 0 and self._accelerator is Accelerator.TCG:
            self._users = UserIds(self._settings.installation)
        degraded = [f"{why_not_kvm}: machines are emulated (microvm.emulate)"] if why_not_kvm else []
        if trouble:
            degraded.append(f"{trouble}: only the guest's size limits its memory")
        return DriverReport(self.kind, available=True, degraded=tuple(degraded))

    async def provision(self, runtime: Runtime, progress: Callable[[Provision], Awaitable[None]]) -> Provision:
        """The runtime on this machine, then the kernel, then an image of both."""
        if runtime.family not in self._settings.families:
            return Provision(
                runtime.kind, ready=False, error="only Java, Node.js and Python have machines of their own"
            )
        done = await provision_host(runtime, self._settings.tools, progress)
        if not done.ready:
            return done
        await progress(Provision(runtime.kind, ready=False, step="making the machine's kernel and image"))
        try:
            if self._kernel is None:
                self._kernel = await kernel.build(self._settings.cache, Progress("kernel", lambda _: None))
            self._guests[runtime.kind] = await guest_image(self._settings.cache, runtime, self._settings.tools)
        except (BuilderError, ImageError) as error:
            return Provision(runtime.kind, ready=False, error=str(error))
        return Provision(runtime.kind, ready=True, step="ready")

    def ready(self, runtime: Runtime | None, image: str | None) -> bool:
        usable = runtime is not None and image is None and self._accelerator is not None
        return usable and runtime is not None and runtime.kind in self._guests

    async def create(self, spec: SandboxSpec) -> MicrovmSandbox:
        if spec.egress:
            raise SandboxCreationError("Functions in machines cannot be held to a list of networks.")
        if spec.runtime is None:
            raise SandboxCreationError(f"Failed to pull container image '{spec.image}'.", user_fault=True)
        guest = self._guests.get(spec.runtime.kind)
        if guest is None or self._kernel is None or self._accelerator is None:
            raise SandboxCreationError(f"no machine is ready for '{spec.runtime.kind}'")
        identity = f"v{secrets.token_hex(6)}"
        try:
            return await self._start(identity, spec, guest, self._kernel, self._accelerator)
        except (OSError, ValueError) as error:
            raise SandboxCreationError(f"cannot start a machine: {error}") from error

    async def sweep(self) -> int:
        return await asyncio.to_thread(self._sweep)

    async def close(self) -> None:
        await asyncio.to_thread(self._groups.remove)

    # ---------------------------------------------------------------- inside

    async def _start(
        self, identity: str, spec: SandboxSpec, guest: Guest, kernel_image: Path, accelerator: Accelerator
    ) -> MicrovmSandbox:
        ours, theirs = _pairs(min(max(spec.concurrency, 1), _MOST_PORTS) + 3)
        ports = Ports(tuple(ours[:-3]), *ours[-3:])
        memory_mb = spec.memory_mb + guest.size_mb + _SYSTEM_MB
        groups = self._groups if self._use_groups else None
        network = self._settings.network and spec.network
        uid = self._users.take() if self._users else None
        group: ControlGroup | None = None
        host: HostProcess | None = None
        try:
            group = await machine_group(groups, identity, memory_mb + guest.size_mb, spec.cpus)
            with opened(kernel_image, guest.image) as (kernel_file, image_file):
                machine = Machine(
                    kernel=Path(f"/proc/self/fd/{kernel_file}"),
                    initramfs=Path(f"/proc/self/fd/{image_file}"),
                    control=theirs[0].fileno(),
                    ports=tuple(stream.fileno() for stream in theirs[1:]),
                    accelerator=accelerator,
                    memory_mb=memory_mb,
                    network=network,
                    large_image=True,
                    arguments=("--ports", str(len(ports.requests)), *(("--net",) if network else ())),
                )
                marker = {MARKER: f"{self._settings.installation}/{identity}"}
                argv = (*as_user(uid), *command_line(machine))
                process = await spawn(argv, {**ENVIRONMENT, **marker}, *theirs, kernel_file, image_file)
            host = HostProcess(process, lambda: self._free(group, uid), group)
            await asyncio.to_thread(enter_group, group, process.pid)
            logs = LogCapture(capacity=spec.log_buffer_bytes)
            sandbox = MicrovmSandbox(identity, host, ports, logs, group)
            await sandbox.listen(ports, words(_environment(spec, guest), guest.command))
        except BaseException:
            ports.close()
            await (host.end() if host else asyncio.to_thread(self._free, group, uid))
            raise
        finally:
            for stream in theirs:
                stream.close()
        return sandbox

    async def _why_no_kvm(self) -> str:
        program = self._settings.probe or find_host()
        if program is None:
            return "whether KVM executes guests is not known (niuk-host is not built)"
        return (await probe_kvm(program.with_name(PROBE_NAME))).reason

    def _free(self, group: ControlGroup | None, uid: int | None) -> None:
        if drop_group(group) and uid is not None and self._users is not None:
            self._users.give_back(uid)

    def _unavailable(self, reason: str, fix: str) -> DriverReport:
        return DriverReport(self.kind, available=False, reason=reason, fix=fix)

    def _sweep(self) -> int:
        found = set()
        for group in self._groups.leftovers():
            found.add(group.folders[0].name)
            group.destroy(within=_SWEEP_SECONDS)
        for pid in marked_processes(MARKER, f"{self._settings.installation}/"):
            found.add(str(pid))
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return len(found)


def _environment(spec: SandboxSpec, guest: Guest) -> dict[str, str]:
    return {
        "PATH": _PATH,
        "HOME": "/tmp",  # noqa: S108 - the guest's own
        "LANG": "C.UTF-8",
        **guest.environment,
        **spec.environment,
        "ARGO_MEMORY_MB": str(spec.memory_mb),
        "ARGO_CONCURRENCY": str(spec.concurrency),
        "ARGO_LISTEN": f"unix:{SOCKET}",
    }


def _pairs(number: int) -> tuple[Sequence[socket.socket], Sequence[socket.socket]]:
    """Connected streams: ours, which do not block, and the machine's."""
    with ExitStack() as stack:
        ours, theirs = [], []
        for _ in range(number):
            one, other = socket.socketpair()
            stack.callback(one.close)
            stack.callback(other.close)
            one.setblocking(False)
            ours.append(one)
            theirs.append(other)
        stack.pop_all()
    return ours, theirs
