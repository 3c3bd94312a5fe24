"""Makes a runtime usable on this machine: finds it, or installs its Debian packages."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from argo_proxy.runtimes import Runtime
from argo_proxy.sandboxes.port import Provision

_PROBE_SECONDS = 30.0
_INSTALL_SECONDS = 1800.0
_apt = asyncio.Lock()  # apt itself allows one at a time


async def installed(runtime: Runtime, tool: Path | None) -> str:
    """ "" if the runtime answers its probe with the version wanted; else what it said instead."""
    if not runtime.probe:
        return ""
    argv = [word.replace("{tool}", str(tool or "")) for word in runtime.probe]
    status, output = await _output(argv, _PROBE_SECONDS)
    if status != 0:
        return f"`{' '.join(argv)}` failed: {output.strip()[-500:]}"
    if not any(line.strip().startswith(runtime.version_prefix) for line in output.splitlines() or [""]):
        return f"`{' '.join(argv)}` says {output.strip()[:100]!r}, wanted {runtime.version_prefix!r}"
    return ""


async def provision(
    runtime: Runtime, tool: Path | None, progress: Callable[[Provision], Awaitable[None]], *, install: bool
) -> Provision:
    """Ready when the runtime is there; installs it if it is not, where that is allowed and possible."""
    trouble = await installed(runtime, tool)
    if trouble and install and runtime.packages and os.geteuid() == 0 and shutil.which("apt-get"):
        await progress(Provision(runtime.kind, ready=False, step=f"installing {', '.join(runtime.packages)}"))
        trouble = await _install(runtime.packages) or await installed(runtime, tool)
    if trouble and runtime.packages:
        trouble += f"; to install it: apt-get install {' '.join(runtime.packages)}"
    done = Provision(runtime.kind, ready=not trouble, step="" if trouble else "ready", error=trouble)
    await progress(done)
    return done


async def _install(packages: Sequence[str]) -> str:
    async with _apt:
        update = ["apt-get", "-q", "update"]
        install = [
            "apt-get",
            "-q",
            "-y",
            "--no-install-recommends",
            "-o",
            "DPkg::Lock::Timeout=600",
            "install",
            *packages,
        ]
        for argv in (update, install):
            status, output = await _output(argv, _INSTALL_SECONDS)
            if status != 0:
                return f"`{' '.join(argv)}` failed: {output.strip()[-500:]}"
    return ""


async def _output(argv: Sequence[str], seconds: float) -> tuple[int, str]:
    """Exit status and output of a command; -1 when it could not be started or took too long."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        return -1, str(error)
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return -1, f"no answer within {seconds:.0f} s"
    return process.returncode or 0, output.decode(errors="replace")
