"""JavaScript: the checker reads the code, and one engine runs all functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from argo_provider.native.failures import told_as_build_failures
from argo_provider.native.libraries import Libraries
from argo_provider.native.toolchain import Toolchain
from argo_provider.optimizer.model import FunctionId
from argo_provider.optimizer.ports import Artefact, Desk, Subject
from argo_proxy.builder import javascript_checker
from argo_proxy.sandboxes.port import SandboxKind

_NAMED_NEEDS = 8


class JavaScriptFunctions:
    """A `NativeTechnology`."""

    name = SandboxKind.NIUK.value
    records = False

    def __init__(
        self, toolchain: Toolchain, libraries: Libraries, load_code: Callable[[str], Awaitable[bytes]]
    ) -> None:
        self._toolchain = toolchain
        self._libraries = libraries
        self._load_code = load_code

    async def ready_to_record(self) -> None:
        """Nothing is recorded."""

    async def read(self, subject: Subject) -> tuple[str, ...]:
        executable = subject.executable
        try:
            code = await self._load_code(executable.code_digest or "")
        except LookupError:
            return ("its code, which is gone",)
        check = javascript_checker.check
        needs = await asyncio.to_thread(check, code, binary=executable.binary, main=executable.main or "main")
        return tuple(f"{need.module} ({need.file}:{need.line})" for need in needs[:_NAMED_NEEDS])

    async def learn(self, subject: Subject, recordings: list[bytes]) -> None:
        """Nothing is recorded."""

    async def missed(self, subject: Subject, reply: str) -> str:
        del subject, reply
        return ""  # what the engine lacks, no build adds

    async def build(self, subject: Subject, desk: Desk) -> Artefact:
        with told_as_build_failures():
            desk.say("preparing the NIUk")
            await self._toolchain.host()
            desk.say("preparing the JavaScript engine")
            engine = await self._toolchain.engine()
            place, digest, size = await self._libraries.keep(None, engine)
        return Artefact(subject.fingerprint, place, digest, size)

    def adopt(self, subject: Subject, artefact: Artefact) -> bool:
        executable = subject.executable
        digest = executable.code_digest or ""
        return self._libraries.adopt(subject.function, artefact, digest, executable.main or "main", code=True)

    def disown(self, function: FunctionId) -> None:
        self._libraries.disown(function)

    async def forget(self, function: FunctionId) -> None:
        self._libraries.disown(function)
