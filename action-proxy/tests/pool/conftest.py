"""A driver that does what the test says, and remembers what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from argo_proxy.sandboxes.port import (
    Answer,
    Answered,
    CollectedLogs,
    Gone,
    SandboxCreationError,
    SandboxKind,
    SandboxSpec,
)

OK = Answered(200, b'{"ok":true}', 11)


class ScriptedSandbox:
    """`answer` is what /run gives, `init_answer` what /init gives; `gate` holds /run back while it is closed."""

    kind = SandboxKind.FAKE

    def __init__(self, number: int, spec: SandboxSpec) -> None:
        self.id = f"fake-{number}"
        self.spec = spec
        self.init_answer: Answer = Answered(200, b"{}", 2)
        self.answer: Answer = OK
        self.logs = CollectedLogs(())
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Semaphore(0)
        self.bodies: list[bytes] = []
        self.waits: list[float] = []
        self.running = 0
        self.most_running = 0
        self.destroyed = False
        self.exit: Callable[[Gone], None] | None = None

    def hold(self) -> None:
        """Keep every /run from now on until the gate opens; `entered` counts them."""
        self.gate = asyncio.Event()
        self.entered = asyncio.Semaphore(0)

    async def init(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        self.bodies.append(body)
        return self.init_answer

    async def run(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        self.bodies.append(body)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.entered.release()
        await self.gate.wait()
        self.running -= 1
        return self.answer

    async def collect_logs(self, *, limit: int, wait: float) -> CollectedLogs:
        self.waits.append(wait)
        return self.logs

    async def stats(self) -> Any:
        raise NotImplementedError

    async def destroy(self) -> None:
        self.destroyed = True

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        self.exit = callback


class ScriptedDriver:
    """`prepare` may change each sandbox as it is made; `error` makes creation fail; `gate` holds it back."""

    kind = SandboxKind.FAKE

    def __init__(self) -> None:
        self.sandboxes: list[ScriptedSandbox] = []
        self.prepare: Callable[[ScriptedSandbox], None] = lambda _: None
        self.error: SandboxCreationError | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def create(self, spec: SandboxSpec) -> ScriptedSandbox:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        sandbox = ScriptedSandbox(len(self.sandboxes) + 1, spec)
        self.prepare(sandbox)
        self.sandboxes.append(sandbox)
        return sandbox

    def ready(self, runtime: object, image: object) -> bool:
        return True


@pytest.fixture
async def driver() -> ScriptedDriver:
    return ScriptedDriver()
