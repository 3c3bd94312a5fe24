"""Java: a jar, observed with the agent on HotSpot, becomes a library of its own."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from argo_provider.native.failures import told_as_build_failures
from argo_provider.native.libraries import Libraries
from argo_provider.native.toolchain import Toolchain
from argo_provider.optimizer.model import FailureKind, FunctionId
from argo_provider.optimizer.ports import Artefact, BuildFailed, Desk, Subject
from argo_proxy.builder import command, java_function, recordings
from argo_proxy.builder.workshop import Workshop
from argo_proxy.sandboxes.port import SandboxKind

_NAMED_MISSES = 3


class JavaFunctions:
    """A `NativeTechnology`. `folder`: for what was learnt of each function."""

    name = SandboxKind.NIUK.value
    records = True

    def __init__(
        self, toolchain: Toolchain, libraries: Libraries, load_code: Callable[[str], Awaitable[bytes]], folder: Path
    ) -> None:
        self._toolchain = toolchain
        self._libraries = libraries
        self._load_code = load_code
        self._folder = folder
        self._codes: dict[FunctionId, tuple[str, str]] = {}

    async def ready_to_record(self) -> None:
        with told_as_build_failures():
            await self._toolchain.host()
            await self._toolchain.agent()

    async def read(self, subject: Subject) -> tuple[str, ...]:
        del subject
        return ()  # what it needs shows when it runs

    async def learn(self, subject: Subject, recordings_: list[bytes]) -> None:
        folder = self._metadata(subject.function)
        for recording in recordings_:
            await asyncio.to_thread(recordings.merge, folder, recording)

    async def missed(self, subject: Subject, reply: str) -> str:
        known = await asyncio.to_thread(recordings.add_misses, self._metadata(subject.function), reply)
        more = len(known) - _NAMED_MISSES
        return ", ".join(known[:_NAMED_MISSES]) + (f" and {more} more" if more > 0 else "")

    async def build(self, subject: Subject, desk: Desk) -> Artefact:
        with told_as_build_failures(), command.counted() as used:
            desk.say("preparing the builder")
            await self._toolchain.host()
            workshop = await self._toolchain.workshop()
            workshop = replace(workshop, report=desk.say, log_file=desk.log)
            with tempfile.TemporaryDirectory(prefix="build-", dir=self._made_folder()) as name:
                built = await self._build(subject, workshop, Path(name))
            place, digest, size = await self._libraries.keep(subject.function.namespace, built)
        return Artefact(subject.fingerprint, place, digest, size, cpu_seconds=used.cpu_seconds or None)

    async def _build(self, subject: Subject, workshop: Workshop, work: Path) -> Path:
        executable = subject.executable
        jar, metadata = work / "action.jar", work / "metadata"
        try:
            jar.write_bytes(await self._load_code(executable.code_digest or ""))
        except LookupError as error:
            raise BuildFailed(FailureKind.USER_CODE, "its code is gone") from error
        learnt = self._metadata(subject.function)
        if learnt.is_dir():  # it may grow while this is built
            await asyncio.to_thread(shutil.copytree, learnt, metadata)
        folders = [metadata] if metadata.is_dir() else []
        return await java_function.build(workshop, jar, executable.main, folders)

    def adopt(self, subject: Subject, artefact: Artefact) -> bool:
        executable = subject.executable
        digest = executable.code_digest or ""
        return self._libraries.adopt(subject.function, artefact, digest, executable.main or "main", code=False)

    def disown(self, function: FunctionId) -> None:
        self._libraries.disown(function)

    async def forget(self, function: FunctionId) -> None:
        self._libraries.disown(function)
        await asyncio.to_thread(shutil.rmtree, self._metadata(function), ignore_errors=True)

    def _metadata(self, function: FunctionId) -> Path:
        name = hashlib.sha256("\0".join(function).encode()).hexdigest()[:24]
        return self._made_folder() / name

    def _made_folder(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder
