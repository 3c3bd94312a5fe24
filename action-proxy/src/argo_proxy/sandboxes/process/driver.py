"""The driver `process`: sandboxes as confined processes of this machine. See confinement.py for what confines them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import secrets
import shutil
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from argo_proxy.protocol.logs import LogCapture
from argo_proxy.runtimes import Runtime, default_tools_directory, recorder_environment
from argo_proxy.sandboxes.folders import SandboxFolder, default_run_dir, sweep_folders
from argo_proxy.sandboxes.port import DriverReport, Provision, SandboxCreationError, SandboxKind, SandboxSpec
from argo_proxy.sandboxes.process.cgroups import ControlGroup, ControlGroups, Limits
from argo_proxy.sandboxes.process.confinement import (
    MARKER,
    RUNTIME_FOLDER,
    Confinement,
    command_line,
    process_environment,
    toolchain_folders,
    top_level_links,
)
from argo_proxy.sandboxes.process.egress import EgressFilter
from argo_proxy.sandboxes.process.proc import marked_processes
from argo_proxy.sandboxes.process.provisioning import provision_host
from argo_proxy.sandboxes.process.resizing import MemoryLimits, can_resize
from argo_proxy.sandboxes.process.sandbox import Holdings, ProcessEvents, ProcessSandbox
from argo_proxy.sandboxes.process.seccomp import compile_filter
from argo_proxy.sandboxes.process.spawning import spawn
from argo_proxy.sandboxes.process.users import UserIds
from argo_proxy.sandboxes.taking import taken

_API_HOST = "__OW_API_HOST"
_START_SECONDS = 10.0
_CGROUP_OVERHEAD_PIDS = 4  # sh, bubblewrap twice, setpriv
_FILE_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """`installation`: a short id, the same at every start over the same data, no other service's on this machine."""

    installation: str
    run_dir: Path  # sockets and small files of running sandboxes; swept at start
    tools: Path = field(default_factory=default_tools_directory)  # one folder a kind, filled by `provision`


@dataclass(frozen=True, slots=True)
class Means:
    """What the probe found to confine with; `tools` gives the folders of a provisioned kind."""

    groups: ControlGroups | None
    users: UserIds | None
    seccomp: Path | None
    tools: Callable[[str], tuple[Path, ...]]


class ProcessDriver:
    """A `SandboxDriver`. Call `probe` before anything else: it finds out what this machine allows."""

    kind = SandboxKind.PROCESS

    def __init__(self, settings: ProcessSettings) -> None:
        self._settings = settings
        self._groups = ControlGroups(settings.installation)
        self._use_groups = False
        self._users = UserIds(settings.installation) if os.geteuid() == 0 else None
        self._egress = EgressFilter()
        self._links = top_level_links()
        self._seccomp: Path | None = None
        self._ready: dict[str, bool] = {}
        self._tools: dict[str, tuple[Path, ...]] = {}
        self._probed: DriverReport | None = None

    async def probe(self) -> DriverReport:
        """Start a confined `true` the way sandboxes are started; the report names what is missing."""
        missing = [tool for tool in ("bwrap", "chrt", "setpriv") if shutil.which(tool) is None]
        if missing:
            fix = "apt-get install bubblewrap util-linux"
            self._probed = DriverReport(
                self.kind, available=False, reason=f"not installed: {', '.join(missing)}", fix=fix
            )
            return self._probed
        degraded = await asyncio.to_thread(self._prepare)
        failure = await self._try_confinement()
        if failure:
            fix = "run as root, or allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1"
            self._probed = DriverReport(self.kind, available=False, reason=failure, degraded=degraded, fix=fix)
        else:
            fix = "run as root on a machine whose /sys/fs/cgroup is writable" if degraded else ""
            self._probed = DriverReport(self.kind, available=True, degraded=degraded, fix=fix)
        return self._probed

    @property
    def means(self) -> Means:
        """For others that confine processes as this driver does."""
        groups = self._groups if self._use_groups else None
        return Means(groups, self._users, self._seccomp, lambda kind: self._tools.get(kind, ()))

    @property
    def resizes(self) -> bool:
        """Known after `probe`."""
        return self._use_groups and self._users is not None and can_resize()

    async def provision(self, runtime: Runtime, progress: Callable[[Provision], Awaitable[None]]) -> Provision:
        done = await provision_host(runtime, self._settings.tools, progress)
        tool = runtime.tool_directory(self._settings.tools)
        self._tools[runtime.kind] = await asyncio.to_thread(toolchain_folders, tool)
        self._ready[runtime.kind] = done.ready
        return done

    def ready(self, runtime: Runtime | None, image: str | None) -> bool:
        """Images need an engine; a runtime is ready once it was found installed."""
        if runtime is None or image is not None or self._probed is None or not self._probed.available:
            return False
        return self._ready.get(runtime.kind, False)

    async def create(self, spec: SandboxSpec) -> ProcessSandbox:
        runtime = spec.runtime
        if runtime is None:
            raise SandboxCreationError(f"Failed to pull container image '{spec.image}'.", user_fault=True)
        identity = f"p{secrets.token_hex(6)}"
        uid = self._users.take() if self._users else None
        try:
            holdings = await taken(lambda: self._hold(identity, spec, uid), Holdings.free)
        except BaseException as error:
            self._release(uid)
            if isinstance(error, OSError):
                raise SandboxCreationError(f"cannot prepare a sandbox: {error}") from error
            raise
        try:
            return await self._start(identity, spec, runtime, holdings, uid)
        except BaseException as error:
            await asyncio.to_thread(holdings.free)
            self._release(uid)
            if isinstance(error, OSError):
                raise SandboxCreationError(f"cannot start a sandbox: {error}") from error
            raise

    async def sweep(self) -> int:
        return await asyncio.to_thread(self._sweep)

    async def close(self) -> None:
        await asyncio.to_thread(self._leave_nothing)

    def _prepare(self) -> tuple[str, ...]:
        degraded = []
        run_dir = self._settings.run_dir
        run_dir.mkdir(parents=True, exist_ok=True)
        run_dir.chmod(0o711)
        trouble = self._groups.usable()
        self._use_groups = not trouble
        if trouble:
            degraded.append(f"{trouble}: memory is limited by rlimit only, processor time not at all")
        if self._users is None:
            degraded.append("not root: all sandboxes run as this user, apart only by namespaces")
        elif not trouble and not can_resize():
            degraded.append("no fspick(2), as Linux has from 5.2: what is kept in stock fits functions of one size")
        program = compile_filter(platform.machine())
        if program is None:
            degraded.append(f"no system call filter for {platform.machine()}")
        else:
            self._seccomp = run_dir / "seccomp.bpf"
            self._seccomp.write_bytes(program)
        return tuple(degraded)

    async def _try_confinement(self) -> str:
        """Why a confined process cannot be started here, or ""."""
        runtime = Runtime(kind="probe", family="probe", directory=self._settings.run_dir, command=("true",))
        spec = SandboxSpec(runtime, memory_mb=64)
        uid = self._users.take() if self._users else None
        holdings = await asyncio.to_thread(self._hold, f"probe{os.getpid()}", spec, uid)
        argv, environment = self._command(holdings, spec, runtime, uid, "probe")
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, env=environment, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
            )
            async with asyncio.timeout(_START_SECONDS):
                _, trouble = await process.communicate()
        except (OSError, TimeoutError) as error:
            return f"cannot start a confined process: {error!r}"
        finally:
            await asyncio.to_thread(holdings.free)
            self._release(uid)
        if process.returncode == 0:
            return ""
        return trouble.decode(errors="replace").strip() or f"exit status {process.returncode}"

    def _hold(self, identity: str, spec: SandboxSpec, uid: int | None) -> Holdings:
        open_network = None
        if spec.egress:
            self._egress.hold(uid, spec.egress, spec.environment.get(_API_HOST, ""))
            open_network = partial(self._egress.free, uid)
        folder = SandboxFolder(self._settings.run_dir / identity)
        folder.make(uid)
        folder.write_accounts(os.geteuid() if uid is None else uid)
        group: ControlGroup | None = None
        if self._use_groups:
            group = self._groups.create(identity, _limits(spec, spec.memory_mb).group)
        return Holdings(folder, group, lambda: self._release(uid), open_network)

    async def _start(
        self, identity: str, spec: SandboxSpec, runtime: Runtime, holdings: Holdings, uid: int | None
    ) -> ProcessSandbox:
        logs = LogCapture(capacity=spec.log_buffer_bytes)
        argv, environment = self._command(holdings, spec, runtime, uid, identity)
        events = ProcessEvents(logs)
        async with asyncio.timeout(_START_SECONDS):
            process = await spawn(argv, environment, events)
        return ProcessSandbox(identity, (process, events), logs, holdings, partial(_limits, spec))

    def _command(
        self, holdings: Holdings, spec: SandboxSpec, runtime: Runtime, uid: int | None, identity: str
    ) -> tuple[list[str], dict[str, str]]:
        tool = runtime.tool_directory(self._settings.tools)
        inside = runtime.filled(runtime=Path(RUNTIME_FOLDER), tool=tool)
        confinement = Confinement(
            command=inside.command,
            environment={
                "ARGO_MEMORY_MB": str(max(spec.memory_mb, spec.grows_to_mb)),
                "ARGO_CONCURRENCY": str(spec.concurrency),
                **({"ARGO_MEMORY_LATER": "1"} if spec.grows_to_mb else {}),
                **recorder_environment(spec.recorder),
                **inside.environment,
                **spec.environment,
            },
            runtime=runtime.directory,
            socket_folder=holdings.folder.sockets,
            passwd=holdings.folder.passwd,
            group=holdings.folder.group,
            uid=uid,
            tmp_bytes=_limits(spec, spec.memory_mb).tmp_bytes,
            pids=spec.pids,
            file_bytes=_FILE_BYTES,
            cgroup_files=holdings.group.entrances if holdings.group else (),
            seccomp=self._seccomp,
            data_kib=None if holdings.group else spec.memory_mb << 10,
            tools=(*self._tools.get(runtime.kind, ()), *((spec.recorder.parent,) if spec.recorder else ())),
            links=self._links,
            network=spec.network,
        )
        return command_line(confinement), process_environment(confinement, marker=self._marker(identity))

    def _marker(self, identity: str) -> str:
        return f"{self._settings.installation}/{identity}"

    def _release(self, uid: int | None) -> None:
        if uid is not None and self._users is not None:
            self._users.give_back(uid)

    def _leave_nothing(self) -> None:
        self._groups.remove()
        if self._seccomp is not None:
            self._seccomp.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: what would not end is left to the next sweep
            self._settings.run_dir.rmdir()

    def _sweep(self) -> int:
        found = set()
        if self._users is not None:
            self._egress.sweep(self._users.all)
        for group in self._groups.leftovers():
            found.add(group.folders[0].name)
            group.destroy(within=_START_SECONDS)
        for pid in marked_processes(MARKER, self._marker("")):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return len(found | sweep_folders(self._settings.run_dir))


def _limits(spec: SandboxSpec, memory_mb: int) -> MemoryLimits:
    """What is in the temporary folder counts as memory: at most half, so that a full one is an error of its own."""
    group = Limits(memory_mb << 20, spec.cpus, spec.pids + _CGROUP_OVERHEAD_PIDS)
    return MemoryLimits(memory_mb, group, min(spec.tmp_mb, max(memory_mb // 2, 1)) << 20)


__all__ = ["ProcessDriver", "ProcessSettings", "default_run_dir"]
