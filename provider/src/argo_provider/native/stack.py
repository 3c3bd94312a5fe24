"""Everything native of one service, put together: the driver, the toolchain behind it, and the technologies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from argo_provider.native.java import JavaFunctions
from argo_provider.native.javascript import JavaScriptFunctions
from argo_provider.native.libraries import Libraries, folder_of
from argo_provider.native.python import PythonFunctions
from argo_provider.native.toolchain import Toolchain
from argo_provider.optimizer.ports import NativeTechnology
from argo_provider.optimizer.settings import OptimizerSettings
from argo_proxy.builder.cache import Cache, default_root
from argo_proxy.builder.command import Limits
from argo_proxy.builder.errors import BuilderError
from argo_proxy.builder.port import Exchange
from argo_proxy.runtimes import Catalogue
from argo_proxy.sandboxes.folders import default_run_dir
from argo_proxy.sandboxes.niuk.binary import find_host, is_outdated
from argo_proxy.sandboxes.niuk.client import CallServer
from argo_proxy.sandboxes.niuk.consolidation import Room
from argo_proxy.sandboxes.niuk.driver import NiukDriver
from argo_proxy.sandboxes.niuk.house import Crash
from argo_proxy.sandboxes.niuk.launching import Sizes
from argo_proxy.sandboxes.niuk.slot import SlotEvents
from argo_proxy.sandboxes.niuk.walls import WallSettings
from argo_proxy.sandboxes.port import SandboxDriver, SandboxKind
from argo_proxy.sandboxes.process.driver import ProcessSettings
from argo_proxy.sandboxes.zygote.driver import ZygoteDriver

_LINGER_SECONDS = 5.0
LoadCode = Callable[[str], Awaitable[bytes]]


class NativeStack:
    """`folder`: of this installation's own, for libraries and what was learnt; `memory_mb`: of one NIUk, and `most` of
    them for one namespace; `patience_seconds`: as of the pool."""

    def __init__(
        self,
        installation: str,
        folder: Path,
        settings: OptimizerSettings,
        load_code: LoadCode,
        catalogue: Catalogue,
        *,
        memory_mb: int,
        most: int = 1,
        patience_seconds: float,
        provision: bool,
        on_crash: Callable[[Crash], None] | None = None,
        on_call: CallServer | None = None,
        events: SlotEvents | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self.libraries = Libraries(folder / "libraries", patience_seconds=patience_seconds)
        self.libraries.make_folders()
        walls = WallSettings(
            f"{installation}n",
            default_run_dir(f"{installation}-n"),
            (self.libraries.shared,),
            Sizes(memory_mb=memory_mb),
            own_libraries=lambda namespace: folder / "libraries" / folder_of(namespace),
        )
        self.memory_mb = memory_mb
        self.driver = NiukDriver(
            walls,
            self.libraries,
            events=events,
            on_crash=on_crash,
            on_call=on_call,
            linger_seconds=_LINGER_SECONDS,
            room=Room(memory_mb, most),
        )
        limits = Limits(settings.build_seconds, settings.build_memory_mb)
        self.toolchain = Toolchain(Cache(default_root()), self.driver, limits, provision=provision, exchange=exchange)
        java = JavaFunctions(self.toolchain, self.libraries, load_code, folder / "learnt")
        script = JavaScriptFunctions(self.toolchain, self.libraries, load_code)
        self.zygotes = ZygoteDriver(ProcessSettings(f"{installation}z", default_run_dir(f"{installation}-z")))
        python = PythonFunctions(self.zygotes, catalogue)
        self.technologies: Mapping[str, NativeTechnology] = {"java": java, "nodejs": script, "python": python}

    @property
    def drivers(self) -> Mapping[SandboxKind, SandboxDriver]:
        """For the placement; none of them is ever its own choice."""
        return {self.driver.kind: self.driver, self.zygotes.kind: self.zygotes}

    async def sweep(self) -> None:
        """Remove what a crash left; before anything is started."""
        await asyncio.gather(self.driver.sweep(), self.zygotes.sweep())

    async def open(self) -> None:
        """What can serve at once does: functions that were native start in milliseconds."""
        if await asyncio.to_thread(lambda: find_host() is not None or is_outdated()):
            try:
                await self.toolchain.host()
            except (BuilderError, OSError):
                return  # its state says why

    async def close(self) -> None:
        await self.toolchain.close()
        await self.driver.close()
        await self.zygotes.close()
