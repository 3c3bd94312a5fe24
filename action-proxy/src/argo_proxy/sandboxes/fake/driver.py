"""A driver whose sandboxes are scripted; see `FakeSandbox`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from argo_proxy.runtimes import Runtime
from argo_proxy.sandboxes.fake.sandbox import FakeSandbox, Script, Sleep, succeed
from argo_proxy.sandboxes.port import DriverReport, Provision, SandboxCreationError, SandboxKind, SandboxSpec


class FakeDriver:
    """A `SandboxDriver`. `script` is what new sandboxes follow; `creation_seconds` passes by the injected clock.

    `failures` are raised by the next calls of `create`, first in first out; `unready` kinds and images are not ready.
    """

    kind = SandboxKind.FAKE

    def __init__(
        self, script: Script = succeed, *, creation_seconds: float = 0.0, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.script = script
        self.creation_seconds = creation_seconds
        self.failures: list[SandboxCreationError] = []
        self.unready: set[str] = set()
        self.leftovers = 0
        self.resizes = False
        self.sandboxes: list[FakeSandbox] = []
        self._sleep = sleep

    @property
    def alive(self) -> list[FakeSandbox]:
        """The sandboxes that nobody has destroyed."""
        return [sandbox for sandbox in self.sandboxes if not sandbox.destroyed]

    async def probe(self) -> DriverReport:
        return DriverReport(self.kind, available=True)

    async def provision(self, runtime: Runtime, progress: Callable[[Provision], Awaitable[None]]) -> Provision:
        self.unready.discard(runtime.kind)
        done = Provision(runtime.kind, ready=True, step="ready")
        await progress(done)
        return done

    def ready(self, runtime: Runtime | None, image: str | None) -> bool:
        return (runtime.kind if runtime is not None else image) not in self.unready

    async def create(self, spec: SandboxSpec) -> FakeSandbox:
        await self._sleep(self.creation_seconds)
        if self.failures:
            raise self.failures.pop(0)
        sandbox = FakeSandbox(f"f{len(self.sandboxes)}", spec, self.script, self._sleep)
        self.sandboxes.append(sandbox)
        return sandbox

    async def sweep(self) -> int:
        found, self.leftovers = self.leftovers, 0
        return found

    async def close(self) -> None:
        for sandbox in self.alive:
            await sandbox.destroy()
