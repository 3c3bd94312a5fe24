"""The driver `zygote`: Python functions consolidated by forking, one warmed interpreter a namespace and set of modules.

What a child does not share with its siblings: process, control group, temporary folder, standard streams. What it does:
user, namespaces of the kernel, and pages that none of them has written. So a zygote serves one namespace only.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from argo_proxy.runtimes import Runtime
from argo_proxy.sandboxes.niuk.launching import Sizes
from argo_proxy.sandboxes.port import DriverReport, Provision, SandboxCreationError, SandboxKind, SandboxSpec
from argo_proxy.sandboxes.process.cgroups import ControlGroup, Limits
from argo_proxy.sandboxes.process.driver import ProcessDriver, ProcessSettings
from argo_proxy.sandboxes.zygote.house import ZygoteHouse
from argo_proxy.sandboxes.zygote.launching import ZygoteLauncher
from argo_proxy.sandboxes.zygote.sandbox import ZygoteSandbox

_SIZES = Sizes(memory_mb=1024, cpus=1.0, threads=2048)  # of a zygote; its children have limits of their own
FAMILY = "python"


class ZygoteDriver:
    """A `SandboxDriver` over a process driver of an installation of its own. Call `probe` before anything else."""

    kind = SandboxKind.ZYGOTE

    def __init__(self, settings: ProcessSettings) -> None:
        self._settings = settings
        self._process = ProcessDriver(settings)
        self._runtime: Runtime | None = None
        self._houses: dict[tuple[str, tuple[str, ...]], ZygoteHouse] = {}

    async def probe(self) -> DriverReport:
        found = await self._process.probe()
        return DriverReport(self.kind, found.available, found.reason, found.degraded, found.fix)

    async def provision(self, runtime: Runtime, progress: Callable[[Provision], Awaitable[None]]) -> Provision:
        if runtime.family != FAMILY:
            return Provision(runtime.kind, ready=False, error="only Python forks from a zygote")
        done = await self._process.provision(runtime, progress)
        if done.ready:
            self._runtime = runtime
        return done

    def ready(self, runtime: Runtime | None, image: str | None) -> bool:
        return runtime is not None and runtime.family == FAMILY and self._process.ready(runtime, image)

    async def create(self, spec: SandboxSpec) -> ZygoteSandbox:
        """A slot costs nothing before its /init."""
        if spec.runtime is None:
            raise SandboxCreationError(f"Failed to pull container image '{spec.image}'.", user_fault=True)
        if not self.ready(spec.runtime, spec.image):
            raise SandboxCreationError(f"no zygote can run '{spec.runtime.kind}'")
        return ZygoteSandbox(f"c{secrets.token_hex(6)}", spec, self)

    async def sweep(self) -> int:
        return await self._process.sweep()

    async def close(self) -> None:
        houses = list(self._houses.values())
        self._houses.clear()
        for house in houses:
            await house.close()
        await self._process.close()

    # ---------------------------------------------------------------- Houses

    def house(self, namespace: str, modules: tuple[str, ...]) -> ZygoteHouse:
        """The zygote of a namespace and set of modules; its process starts with the first child."""
        runtime, means = self._runtime, self._process.means
        if runtime is None:
            raise SandboxCreationError("no Python was provisioned")
        house = self._houses.get((namespace, modules))
        if house is None:
            tool = runtime.tool_directory(self._settings.tools)
            launcher = ZygoteLauncher(
                program=tool / "bin/python3",
                run_dir=self._settings.run_dir,
                installation=self._settings.installation,
                libraries=means.tools(runtime.kind),
                sizes=_SIZES,
                groups=means.groups,
                users=means.users,
                runtime=runtime,
                tool=tool,
                modules=modules,
                seccomp=means.seccomp,
            )
            house = self._houses[namespace, modules] = ZygoteHouse(launcher)
        return house

    async def leave(self, house: ZygoteHouse, identity: str) -> None:
        """The last child takes its zygote along."""
        if await house.leave(identity):
            for key in [key for key, known in self._houses.items() if known is house]:
                del self._houses[key]

    def group(self, identity: str, spec: SandboxSpec) -> ControlGroup | None:
        groups = self._process.means.groups
        return groups.create(identity, Limits(spec.memory_mb << 20, spec.cpus, spec.pids)) if groups else None
