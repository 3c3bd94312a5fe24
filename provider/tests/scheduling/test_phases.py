"""The phases of an activation are all of its time: with a clock that only what is waited for moves on."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from argo_provider.optimizer.model import Route
from argo_provider.placement.local import LocalPlacement
from argo_provider.scheduling.settings import PoolSettings
from argo_proxy.protocol.messages import Executable, Execution, Invocation, Phases
from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.fake import FakeDriver, Reply, answered
from argo_proxy.sandboxes.port import Answered, SandboxKind, Shortfall

pytestmark = pytest.mark.unit

NODE = Runtime("nodejs:20", "nodejs", Path("/runtime"), ("node",), default=True)
TIMED = (
    "argo_proxy.pool.pool",
    "argo_proxy.pool.serving",
    "argo_provider.scheduling.loop",
    "argo_provider.placement.local",
)
CREATE, INIT, RUN, LOAD, CLAIM = 0.4, 0.2, 0.1, 0.05, 0.03
PATIENCE = 20.0


class Clock:
    """Seconds that pass when something is waited for, and not otherwise."""

    def __init__(self) -> None:
        self.now = 1000.0

    def read(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class World:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.ordinary = FakeDriver(_script(answered(b"{}")), creation_seconds=CREATE, sleep=clock.sleep)
        self.native = FakeDriver(_script(answered(b"{}")), sleep=clock.sleep)
        self.ordinary.kind, self.native.kind = SandboxKind.PROCESS, SandboxKind.NIUK  # type: ignore[misc]  # stand for
        self.way = Route()
        self.placement = LocalPlacement(
            {SandboxKind.PROCESS: self.ordinary, SandboxKind.NIUK: self.native},
            Catalogue([NODE]),
            self._load,
            settings=PoolSettings(memory_mb=256, drain_seconds=5.0, grace_seconds=0.0, tenure_seconds=0.0),
            router=self,
        )

    def route(self, executable: Executable) -> Route:
        return self.way

    def keep_alive(self, namespace: str, path: str) -> None: ...

    async def _load(self, digest: str) -> bytes:
        await self.clock.sleep(LOAD)
        return b"code"

    async def claim(self) -> bool:
        await self.clock.sleep(CLAIM)
        return True

    async def invoke(self, action: str = "f", **more: Any) -> tuple[Execution, float]:
        """With the milliseconds from its acceptance to its answer."""
        path = f"/a/{action}"
        executable = Executable(
            "a", path, "0.0.1", revision="1", memory_mb=256, kind="nodejs:20", main="", code_digest="d", binary=False
        )
        accepted = self.clock.now
        invocation = Invocation("id", "tid", executable, {}, accepted_at=accepted)
        async with asyncio.timeout(PATIENCE):
            execution = await self.placement.submit(invocation, **more).outcome
            return execution, (self.clock.now - accepted) * 1000


def _script(run: Answered) -> Callable[[str, bytes], Reply]:
    return lambda path, _: Reply(run if path == "/run" else answered(b"{}"), after=RUN if path == "/run" else INIT)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    clock = Clock()
    time = types.SimpleNamespace(monotonic=clock.read, time=clock.read, time_ns=lambda: round(clock.now * 1e9))
    for name in TIMED:
        monkeypatch.setattr(f"{name}.time", time)
    return World(clock)


def adds_up(phases: Phases, total: float) -> bool:
    known = phases.queue + phases.place + phases.start + phases.init + phases.run
    return known == pytest.approx(total, rel=0.02)


async def test_of_a_cold_one_and_a_warm_one(world: World) -> None:
    async with world.placement:
        cold, total = await world.invoke()
        assert total == pytest.approx((CREATE + LOAD + INIT + RUN) * 1000)
        assert adds_up(cold.phases, total), cold.phases
        assert cold.phases.start == pytest.approx((CREATE + LOAD) * 1000)
        assert cold.phases.init == pytest.approx(INIT * 1000)
        warm, total = await world.invoke()
        assert total == pytest.approx(RUN * 1000)
        assert adds_up(warm.phases, total), warm.phases


async def test_of_one_that_waits_for_its_claim_to_be_on_disk(world: World) -> None:
    async with world.placement:
        await world.invoke()
        claimed, total = await world.invoke(claim=world.claim)
        assert total == pytest.approx((CLAIM + RUN) * 1000)
        assert adds_up(claimed.phases, total), claimed.phases
        assert claimed.phases.place == pytest.approx(CLAIM * 1000)


async def test_of_one_that_waits_for_another_to_end(world: World) -> None:
    """There is memory for one: the second waits, then its sandbox takes the place of the first."""
    async with world.placement:
        (_, _), (second, total) = await asyncio.gather(world.invoke("f"), world.invoke("g"))
        assert total > (CREATE + LOAD + INIT + RUN) * 2000 - 1
        assert adds_up(second.phases, total), second.phases
        assert second.phases.queue > 0


async def test_of_one_that_fell_short_natively_first(world: World) -> None:
    world.way = Route("niuk")
    world.native.script = _script(Answered(503, b"{}", 2, Shortfall.BUSY))
    async with world.placement:
        served, total = await world.invoke()
        assert [len(driver.sandboxes) for driver in (world.native, world.ordinary)] == [1, 1]
        assert adds_up(served.phases, total), served.phases
        assert served.phases.queue == pytest.approx((LOAD + INIT + RUN) * 1000), "what it lost there"
