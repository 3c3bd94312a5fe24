"""The driver `niuk`: hot functions as isolates, one process a namespace, and a second when that is full."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from argo_proxy.runtimes import Runtime
from argo_proxy.sandboxes.folders import sweep_folders
from argo_proxy.sandboxes.niuk.binary import HostBuildError, build_host, find_host
from argo_proxy.sandboxes.niuk.client import CallServer, NiukError
from argo_proxy.sandboxes.niuk.consolidation import Room, choose
from argo_proxy.sandboxes.niuk.house import Crash, NiukHouse
from argo_proxy.sandboxes.niuk.launching import ConfinedLauncher, Launcher
from argo_proxy.sandboxes.niuk.slot import CompiledFunctions, NiukSlot, SlotEvents
from argo_proxy.sandboxes.niuk.stock import HostStock
from argo_proxy.sandboxes.niuk.walls import WallError, WallSettings, lower_wall, raise_wall
from argo_proxy.sandboxes.port import DriverReport, Provision, SandboxCreationError, SandboxKind, SandboxSpec
from argo_proxy.sandboxes.process.cgroups import ControlGroups
from argo_proxy.sandboxes.process.confinement import MARKER
from argo_proxy.sandboxes.process.proc import marked_processes

_SWEEP_SECONDS = 5.0
_PROBE_NAMESPACE = "probe"


class NiukDriver:
    """A `SandboxDriver`, and the `Houses` of its slots. Call `probe` first; `waiting`: hosts kept ready."""

    kind = SandboxKind.NIUK

    def __init__(
        self,
        settings: WallSettings,
        compiled: CompiledFunctions,
        *,
        events: SlotEvents | None = None,
        on_crash: Callable[[Crash], None] | None = None,
        on_call: CallServer | None = None,
        families: frozenset[str] = frozenset({"java", "nodejs"}),
        launcher: Launcher | None = None,
        waiting: int = 1,
        linger_seconds: float = 0.0,
        room: Room | None = None,
    ) -> None:
        """`room`: of one NIUk. `linger_seconds`: a function stays defined for so long after its last slot: a slot that
        goes because an invocation failed is nearly always followed by another."""
        self._settings = settings
        self._compiled = compiled
        self._events = events or SlotEvents()
        self._on_crash = on_crash
        self._on_call = on_call
        self._families = families
        self._launcher = launcher
        self._waiting = waiting
        self._stock: HostStock | None = None
        self._groups = ControlGroups(settings.installation)
        self._room = room or Room()
        self._houses: dict[str, list[NiukHouse]] = {}
        self._slots: Counter[tuple[NiukHouse, str]] = Counter()
        self._linger = linger_seconds
        self._lingering: dict[tuple[NiukHouse, str], asyncio.Task[None]] = {}

    async def probe(self) -> DriverReport:
        """Start a host the way functions' are started, and shake hands with it."""
        degraded: tuple[str, ...] = ()
        launcher: Launcher | None = self._launcher
        if launcher is None:
            program = find_host()
            if program is None:
                return self._unavailable("niuk-host is not built", "cargo build --release in niuk-runtime/host")
            try:
                raised = await raise_wall(program, self._settings, self._groups)
            except WallError as error:
                return self._unavailable(error.reason, error.fix)
            launcher, degraded = raised.launcher, raised.degraded
        house = NiukHouse(_PROBE_NAMESPACE, launcher)
        try:
            await house.start()
        except (OSError, TimeoutError, NiukError, SandboxCreationError) as error:
            return self._unavailable(f"cannot start a NIUk: {error}", "./dev doctor")
        finally:
            await house.close()
        self._launcher = launcher
        if self._waiting and (self._settings.own_libraries is None or not isinstance(launcher, ConfinedLauncher)):
            self._stock = self._stock or HostStock(launcher, self._waiting)
        return DriverReport(self.kind, available=True, degraded=degraded)

    async def provision(self, runtime: Runtime, progress: Callable[[Provision], Awaitable[None]]) -> Provision:
        """Build the host's program where it is missing; libraries are the builder's business."""
        if find_host() is None:
            await progress(Provision(runtime.kind, ready=False, step="building niuk-host"))
            try:
                await build_host()
            except HostBuildError as error:
                return Provision(runtime.kind, ready=False, error=str(error))
        return Provision(runtime.kind, ready=True)

    def ready(self, runtime: Runtime | None, image: str | None) -> bool:
        return runtime is not None and image is None and self._launcher is not None and self._takes(runtime)

    async def create(self, spec: SandboxSpec) -> NiukSlot:
        """A slot costs nothing before its /init."""
        if spec.runtime is None or not self._takes(spec.runtime):
            raise SandboxCreationError("no NIUk can run this kind of function")
        return NiukSlot(f"s{secrets.token_hex(6)}", spec, self, self._compiled, self._events)

    async def sweep(self) -> int:
        found = await asyncio.to_thread(self._sweep)
        if self._stock is not None:
            self._stock.fill()  # not before: what waits carries this installation's mark as well
        return found

    async def close(self) -> None:
        for task in tuple(self._lingering.values()):
            task.cancel()
        houses = self.houses
        self._houses.clear()
        await asyncio.gather(*(house.close() for house in houses))
        if self._stock is not None:
            await self._stock.close()
        await asyncio.to_thread(lower_wall, self._settings, self._groups)

    # ---------------------------------------------------------------- Houses

    def house(self, namespace: str, function: str = "") -> NiukHouse:
        """The NIUk of a namespace that takes one more slot of `function`; its process starts with the first."""
        if self._launcher is None:
            raise SandboxCreationError("the driver was not probed")
        houses = self._houses.setdefault(namespace, [])
        chosen = choose(houses, function, self._room)
        if chosen is not None:
            return houses[chosen]
        launcher = self._launcher_of(namespace, self._launcher)
        # What waits was confined before its namespace was known: it cannot see that one's own libraries.
        stock = self._stock if launcher is self._launcher else None
        house = NiukHouse(namespace, launcher, on_crash=self._on_crash, on_call=self._on_call, stock=stock)
        houses.append(house)
        return house

    @property
    def houses(self) -> tuple[NiukHouse, ...]:
        """Those that serve, or served a moment ago."""
        return tuple(house for houses in self._houses.values() for house in houses)

    def enter(self, house: NiukHouse, function: str) -> None:
        self._slots[house, function] += 1
        house.resize(function, self._slots[house, function])
        house.added += 1

    async def leave(self, house: NiukHouse, function: str) -> None:
        """The last slot of a function takes it along, the last function its NIUk: scaled to zero."""
        key = (house, function)
        self._slots[key] -= 1
        if self._slots[key] > 0:
            house.resize(function, self._slots[key])
            return
        del self._slots[key]
        if self._linger:
            if key not in self._lingering:
                self._lingering[key] = asyncio.ensure_future(self._leave_later(house, function))
            return
        await self._leave_for_good(house, function)

    async def _leave_later(self, house: NiukHouse, function: str) -> None:
        key = (house, function)
        try:
            await asyncio.sleep(self._linger)
        finally:
            del self._lingering[key]
        if key not in self._slots:
            await self._leave_for_good(house, function)

    async def _leave_for_good(self, house: NiukHouse, function: str) -> None:
        with suppress(NiukError, TimeoutError):
            await house.drop(function)
        if not any(known is house for known, _ in (*self._slots, *self._lingering)):
            houses = self._houses.get(house.namespace, [])
            if house in houses:
                houses.remove(house)
            if not houses:
                self._houses.pop(house.namespace, None)
            await house.close()

    # ---------------------------------------------------------------- inside

    def _launcher_of(self, namespace: str, launcher: Launcher) -> Launcher:
        """One that sees the namespace's own libraries, too; machines are sent what they load."""
        own = self._settings.own_libraries
        if own is None or not isinstance(launcher, ConfinedLauncher):
            return launcher
        folder = own(namespace)
        folder.mkdir(parents=True, exist_ok=True)
        return replace(launcher, libraries=(*launcher.libraries, folder))

    def _takes(self, runtime: Runtime) -> bool:
        return runtime.family in self._families

    def _unavailable(self, reason: str, fix: str) -> DriverReport:
        return DriverReport(self.kind, available=False, reason=reason, fix=fix)

    def _sweep(self) -> int:
        found = sweep_folders(self._settings.run_dir)
        for group in self._groups.leftovers():
            found.add(group.folders[0].name)
            group.destroy(within=_SWEEP_SECONDS)
        for pid in marked_processes(MARKER, f"{self._settings.installation}/"):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return len(found)
