"""One machine: one service over SQLite on a small disk of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from argo_dev import disks
from argo_dev.faults.world import Breakable, Managed, until_serving
from argo_dev.service import ARGOFN, environment_of_clone, free_port
from argo_provider.machine import installation_id
from argo_proxy.sandboxes.process.confinement import MARKER
from argo_proxy.sandboxes.process.proc import marked_processes

DISK_MB = 96


class SingleBox:
    """A `World`. As root its data lies on a disk of memory that can be filled; elsewhere in `folder`."""

    counter_host = "127.0.0.1"

    def __init__(self, folder: Path, *, planted: bool = False, serve: Sequence[str] = ("--sandbox", "process")) -> None:
        self._data = folder / "data"
        self._mounted = False
        port = free_port()
        self.urls = [f"http://127.0.0.1:{port}"]
        program = (sys.executable, "-P", "-m", "argo_dev.faults.planted") if planted else ARGOFN
        command = [*program, "serve", "--port", str(port), "--data-dir", str(self._data), *serve]
        service = Managed("service", command, folder / "service.log", self._ready, environment_of_clone())
        self._service = service
        self.processes: Mapping[str, Breakable] = {"service": service}

    async def start(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            await asyncio.to_thread(disks.mount, self._data, f"size={DISK_MB}m")
            self._mounted = True
        await self.processes["service"].start()

    async def stop(self) -> None:
        await self.processes["service"].end()

    async def unmount(self) -> None:
        """After the last look at what was kept."""
        if self._mounted:
            await asyncio.to_thread(disks.unmount, self._data)
            self._mounted = False

    async def new_tenant(self, name: str) -> str:
        command = (*ARGOFN, "namespace", "create", name, "--json", "--data-dir", str(self._data))
        done = await asyncio.to_thread(
            subprocess.run, command, check=True, capture_output=True, text=True, env=environment_of_clone(), timeout=60
        )
        return str(json.loads(done.stdout)["auth"])

    def sandboxes(self) -> Sequence[int]:
        return list(marked_processes(MARKER, installation_id(self._data)))

    async def fill_disk(self) -> bool:
        if self._mounted:
            await asyncio.to_thread(disks.fill, self._ballast)
        return self._mounted

    async def free_disk(self) -> None:
        self._ballast.unlink(missing_ok=True)

    async def cut(self, name: str, *, off: bool) -> bool:
        return False

    async def lose(self, name: str, percent: int) -> bool:
        return False

    @property
    def _ballast(self) -> Path:
        return self._data / "ballast"

    async def _ready(self) -> None:
        service = self._service
        await until_serving(self.urls[0], service.log, lambda: service.ended)


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait() != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
