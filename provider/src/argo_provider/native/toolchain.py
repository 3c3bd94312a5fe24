"""What native forms take on this machine: made behind the running service, when the first function wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from argo_proxy.builder import agent, javascript_engine
from argo_proxy.builder.background import trouble
from argo_proxy.builder.cache import Cache
from argo_proxy.builder.command import Limits
from argo_proxy.builder.errors import BuilderError, ProvisionError
from argo_proxy.builder.port import Exchange
from argo_proxy.builder.progress import Progress
from argo_proxy.builder.workshop import Workshop, find_builder
from argo_proxy.sandboxes.niuk.binary import HostBuildError, build_host, find_host
from argo_proxy.sandboxes.niuk.driver import NiukDriver

_log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PartState:
    """How far one part is. `state`: absent (nobody wanted it yet), preparing, ready or failed."""

    part: str
    state: str = "absent"
    step: str = ""
    error: str = ""


class _Part(Generic[T]):
    """Made once, by whoever wants it first; a failure is told to all who wait, and the next one tries again."""

    def __init__(self, name: str) -> None:
        self.state = PartState(name)
        self._making: asyncio.Task[T] | None = None

    async def want(self, make: Callable[[], Awaitable[T]]) -> T:
        """The caller may give up; the making goes on for the others."""
        if self._making is None or (self._making.done() and self.state.state != "ready"):
            self._making = asyncio.ensure_future(self._make(make))
        return await asyncio.shield(self._making)

    async def close(self) -> None:
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)

    def step(self, line: str) -> None:
        self.state = replace(self.state, step=line)

    async def _make(self, make: Callable[[], Awaitable[T]]) -> T:
        name = self.state.part
        self.state = PartState(name, "preparing", "starting")
        try:
            made = await make()
        except asyncio.CancelledError:
            self.state = PartState(name)
            raise
        except (BuilderError, OSError) as error:
            self.state = PartState(name, "failed", error=str(error))
            _log.warning("native_part_failed", part=name, reason=str(error))
            raise
        self.state = PartState(name, "ready")
        _log.info("native_part_ready", part=name)
        return made


class Toolchain:
    """The NIUk's host, the builder, the agent and the JavaScript engine. Methods raise BuilderError, OSError."""

    def __init__(
        self,
        cache: Cache,
        driver: NiukDriver,
        limits: Limits,
        *,
        provision: bool = True,
        exchange: Exchange | None = None,
    ) -> None:
        self._cache = cache
        self._driver = driver
        self._limits = limits
        self._provision = provision
        self._exchange = exchange
        self._host: _Part[None] = _Part("niuk-host")
        self._builder: _Part[Workshop] = _Part("native-image")
        self._agent: _Part[Path] = _Part("java-agent")
        self._engine: _Part[Path] = _Part("javascript-engine")
        self.recorder: Path | None = None  # the agent's jar, once there is one

    @property
    def states(self) -> list[PartState]:
        """For status and doctor."""
        return [part.state for part in (self._host, self._builder, self._agent, self._engine)]

    async def close(self) -> None:
        for part in (self._engine, self._agent, self._builder, self._host):
            await part.close()

    async def host(self) -> None:
        """A NIUk can be started here."""
        await self._host.want(self._make_host)

    async def workshop(self) -> Workshop:
        """Where functions are built."""
        return await self._builder.want(self._make_workshop)

    async def agent(self) -> Path:
        """The recorder's jar."""
        return await self._agent.want(self._make_agent)

    async def engine(self) -> Path:
        """The JavaScript engine's library: minutes, when it is not in the cache."""
        return await self._engine.want(self._make_engine)

    async def _make_host(self) -> None:
        if find_host() is None:
            self._check_allowed("niuk-host")
            self._host.step("compiling")
            try:
                await build_host()
            except HostBuildError as error:
                raise ProvisionError(str(error)) from error
        report = await self._driver.probe()
        if not report.available:
            raise ProvisionError(report.reason, fix=report.fix)
        for reason in report.degraded:
            _log.warning("sandbox_degraded", sandbox=report.kind.value, reason=reason)

    async def _make_workshop(self) -> Workshop:
        self._check_allowed("a native-image")
        for reason in await asyncio.to_thread(trouble):
            _log.warning("builds_disturb", reason=reason)
        builder = await find_builder(self._cache, Progress("native-image", self._builder.step))
        return Workshop(builder, self._cache, limits=self._limits, exchange=self._exchange)

    async def _make_agent(self) -> Path:
        workshop = await self.workshop()
        self.recorder = await agent.build(self._cache, workshop.builder.java_home)
        return self.recorder

    async def _make_engine(self) -> Path:
        workshop = await self.workshop()
        return await javascript_engine.build(replace(workshop, report=self._engine.step))

    def _check_allowed(self, what: str) -> None:
        if not self._provision:
            raise ProvisionError(f"{what} is not made here", fix="set runtimes.provision to true")
