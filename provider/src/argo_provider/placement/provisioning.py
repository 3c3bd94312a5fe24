"""Makes runtimes usable behind the running service: one after the other, the most wanted first, with progress."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.port import DriverReport, Provision, SandboxDriver, SandboxKind

log = structlog.get_logger(__name__)

_FIRST = ("python:3.11", "nodejs:20", "java:17")  # Python is there in a moment


@dataclass(frozen=True, slots=True)
class RuntimeState:
    """How far one runtime is under one technology."""

    sandbox: str
    kind: str
    ready: bool
    step: str = ""
    error: str = ""


def _urgency(runtime: Runtime) -> tuple[int, bool]:
    """The usual kinds first, versions that nobody gets by default last."""
    return (_FIRST.index(runtime.kind) if runtime.kind in _FIRST else len(_FIRST), not runtime.default)


class Provisioner:
    """Runs once in the background; `states` always tells how far it is."""

    def __init__(
        self,
        drivers: Mapping[SandboxKind, SandboxDriver],
        catalogue: Catalogue,
        kinds: Sequence[str] = (),
    ) -> None:
        self._drivers = drivers
        self._runtimes = [r for r in catalogue.runtimes() if not kinds or r.kind in kinds]
        self._runtimes.sort(key=_urgency)
        self._states = {
            (kind, runtime.kind): RuntimeState(kind.value, runtime.kind, ready=False, step="waiting")
            for kind in drivers
            for runtime in self._runtimes
        }
        self._ready: set[str] = set()
        self._changed = asyncio.Event()
        self.reports: list[DriverReport] = []
        self.hibernation: str | None = None  # why idle sandboxes do not hibernate; "" where they do

    @property
    def states(self) -> list[RuntimeState]:
        return list(self._states.values())

    async def wait_ready(self, kind: str, seconds: float) -> bool:
        """Whether `kind` can run here; waits for one that is still being prepared, at most `seconds`."""
        if kind in self._ready:
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while kind not in self._ready and self._is_coming(kind):
                    self._changed.clear()
                    await self._changed.wait()
        return kind in self._ready

    def _is_coming(self, kind: str) -> bool:
        return any(s.kind == kind and not s.ready and not s.error for s in self._states.values())

    async def run(self) -> None:
        """Process runtimes first: they are quick, and functions run on what is ready."""
        for kind in sorted(self._drivers, key=lambda k: k is not SandboxKind.PROCESS):
            for runtime in self._runtimes:
                await self._provision(kind, self._drivers[kind], runtime)

    async def _provision(self, kind: SandboxKind, driver: SandboxDriver, runtime: Runtime) -> None:
        async def progress(step: Provision) -> None:
            # ready is what the driver says at its end: until then it would refuse to create
            self._note(kind, runtime, replace(step, ready=False))

        self._note(kind, runtime, await driver.provision(runtime, progress))

    def _note(self, kind: SandboxKind, runtime: Runtime, step: Provision) -> None:
        state = RuntimeState(kind.value, runtime.kind, step.ready, step.step, step.error)
        if state == self._states.get((kind, runtime.kind)):
            return
        self._states[kind, runtime.kind] = state
        if step.ready:
            self._ready.add(runtime.kind)
        self._changed.set()
        if step.error:
            log.warning("runtime_not_ready", sandbox=kind.value, kind=runtime.kind, reason=step.error)
        elif step.ready:
            log.info("runtime_ready", sandbox=kind.value, kind=runtime.kind)
        else:
            log.info("runtime_provisioning", sandbox=kind.value, kind=runtime.kind, step=step.step)
