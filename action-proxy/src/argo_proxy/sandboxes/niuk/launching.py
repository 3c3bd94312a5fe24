"""Starting the host's program: how confined, and with which stream to its controller."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from argo_proxy.sandboxes.destruction import Destruction
from argo_proxy.sandboxes.folders import SandboxFolder
from argo_proxy.sandboxes.process.cgroups import ControlGroup, ControlGroups, Limits
from argo_proxy.sandboxes.process.confinement import (
    RUNTIME_FOLDER,
    Confinement,
    command_line,
    process_environment,
    top_level_links,
)
from argo_proxy.sandboxes.process.spawning import Child, start
from argo_proxy.sandboxes.process.users import UserIds
from argo_proxy.sandboxes.taking import taken

_EXIT_SECONDS = 3.0
_TAIL_BYTES = 8 * 1024
_TMP_BYTES = 256 << 20
_FILE_BYTES = 512 << 20
_SPARE_PIDS = 8  # sh, bubblewrap twice


@dataclass(frozen=True, slots=True)
class Sizes:
    """What one NIUk may use of the machine."""

    memory_mb: int = 4096
    cpus: float = 64.0
    threads: int = 4096  # one an isolate, and those of functions


class HostProcess:
    """The host's program while it runs, and what it held of this machine afterwards."""

    def __init__(self, process: Child, free: Callable[[], object], group: ControlGroup | None) -> None:
        self._process = process
        self._free = free
        self._group = group
        self._tail = b""
        self._reading = asyncio.ensure_future(self._read_output())
        self._destruction = Destruction(f"NIUk {process.pid}", self._end)
        self._attendants: list[asyncio.Future[None]] = []

    def attend(self, task: asyncio.Future[None]) -> None:
        """A task that serves the host's connection and ends with the host."""
        self._attendants.append(task)

    @property
    def pid(self) -> int:
        """The outermost process on this machine."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """As in `subprocess`: negative for a signal; None while it runs."""
        return self._process.returncode

    @property
    def last_words(self) -> str:
        """The end of what the program itself printed: a native-image fatal error, most likely."""
        return self._tail.decode(errors="replace").strip()

    def out_of_memory(self) -> bool:
        """Whether the kernel killed it for its memory. Blocks briefly."""
        return self._group is not None and self._group.out_of_memory()

    async def wait(self, *, seconds: float) -> bool:
        """Whether it ended in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    async def end(self) -> None:
        """Kill it if it still runs, and give back all it held. Idempotent, and done even if the caller gives up."""
        await self._destruction.ended()

    async def _end(self) -> None:
        if self.exit_code is not None:  # by itself: then its last words are wanted
            await asyncio.wait([self._reading], timeout=1)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self.wait(seconds=_EXIT_SECONDS)
        for task in (self._reading, *self._attendants):
            task.cancel()
        await asyncio.wait([self._reading, *self._attendants], timeout=1)
        self._process.close()
        await asyncio.to_thread(self._free)

    async def _read_output(self) -> None:
        output = self._process.stdout
        while output is not None and (data := await output.read(_TAIL_BYTES)):
            self._tail = (self._tail + data)[-_TAIL_BYTES:]


class Launcher(Protocol):
    """A way of starting the host's program."""

    @property
    def start_seconds(self) -> float:
        """Longest time from the launch to the handshake."""
        ...

    @property
    def shares_files(self) -> bool:
        """Whether the host sees this machine's libraries under their own paths; else they are streamed to it."""
        ...

    @property
    def is_copy(self) -> bool:
        """Whether the host is a copy of another, and needs randomness and time of its own before anything else."""
        ...

    async def launch(self, identity: str, stream: socket.socket) -> HostProcess:
        """Start it with `stream` as its connection. Raises OSError, `SandboxCreationError`."""
        ...


@dataclass(frozen=True, slots=True)
class PlainLauncher:
    """An ordinary child of this process: for tests and benches, where nothing untrusted runs."""

    program: Path
    folder: Path
    start_seconds: float = 10.0
    shares_files: bool = True
    is_copy: bool = False

    async def launch(self, identity: str, stream: socket.socket) -> HostProcess:
        command = (str(self.program), "--fd", str(stream.fileno()), "--folder", str(self.folder))
        environment = {"LANG": "C.UTF-8", "HOME": str(self.folder)}
        return HostProcess(await spawn(command, environment, stream), lambda: None, None)


@dataclass(frozen=True, slots=True)
class ConfinedLauncher:
    """A process in its own namespaces with an unprivileged user of its own, as the driver `process` has them.

    The host installs its own system call filter before it loads a function.
    """

    program: Path
    run_dir: Path
    installation: str
    libraries: tuple[Path, ...]  # folders of function libraries, mounted read-only at their own place
    sizes: Sizes = field(default_factory=Sizes)
    groups: ControlGroups | None = None  # None where control groups are not writable
    users: UserIds | None = None  # None where this process is not root
    start_seconds: float = 10.0
    shares_files: bool = True
    is_copy: bool = False

    async def launch(self, identity: str, stream: socket.socket) -> HostProcess:
        uid = self.users.take() if self.users else None
        folder = SandboxFolder(self.run_dir / identity)
        group: ControlGroup | None = None
        try:
            group = await taken(lambda: self._hold(identity, folder, uid), _drop)
            confinement = self._confinement(folder, group, uid, stream.fileno())
            environment = process_environment(confinement, marker=f"{self.installation}/{identity}")
            process = await spawn(tuple(command_line(confinement)), environment, stream)
        except BaseException:
            await asyncio.to_thread(self._free, folder, group, uid)
            raise
        return HostProcess(process, lambda: self._free(folder, group, uid), group)

    def _hold(self, identity: str, folder: SandboxFolder, uid: int | None) -> ControlGroup | None:
        folder.make(uid)
        folder.seal()  # it lies on a disk of this machine, and the host's connection is a descriptor
        number = os.geteuid() if uid is None else uid
        (folder.path / "passwd").write_text(f"action:x:{number}:{number}:action:/tmp:/usr/sbin/nologin\n")
        (folder.path / "group").write_text(f"action:x:{number}:\n")
        if self.groups is None:
            return None
        limits = Limits(self.sizes.memory_mb << 20, self.sizes.cpus, self.sizes.threads + _SPARE_PIDS)
        return self.groups.create(identity, limits)

    def _confinement(self, folder: SandboxFolder, group: ControlGroup | None, uid: int | None, fd: int) -> Confinement:
        command = [f"{RUNTIME_FOLDER}/{self.program.name}", "--fd", str(fd), "--folder", "/tmp"]  # noqa: S108 - the sandbox's own
        command += ["--batch", *(() if uid is None else ("--user", str(uid)))]
        return Confinement(
            command=command,
            environment={},
            runtime=self.program.parent,
            socket_folder=folder.sockets,
            passwd=folder.path / "passwd",
            group=folder.path / "group",
            uid=uid,
            tmp_bytes=_TMP_BYTES,
            pids=self.sizes.threads,
            file_bytes=_FILE_BYTES,
            cgroup_files=group.entrances if group else (),
            sheds_rights=True,
            data_kib=None if group else self.sizes.memory_mb << 10,
            tools=self.libraries,
            links=top_level_links(),
        )

    def _free(self, folder: SandboxFolder, group: ControlGroup | None, uid: int | None) -> None:
        ended = _drop(group)
        folder.remove()
        if ended and uid is not None and self.users is not None:
            self.users.give_back(uid)


def _drop(group: ControlGroup | None) -> bool:
    return group is None or group.destroy(within=_EXIT_SECONDS)


def missing_programs(needed: tuple[str, ...]) -> tuple[str, ...]:
    """Those that this machine lacks."""
    return tuple(program for program in needed if shutil.which(program) is None)


async def spawn(command: tuple[str, ...], environment: dict[str, str], *inherited: socket.socket | int) -> Child:
    """A child that inherits these descriptors under their own numbers and nothing else. Raises OSError."""
    numbers = [one if isinstance(one, int) else one.fileno() for one in inherited]
    return await start(command, environment, folder="/", inherited=numbers)
