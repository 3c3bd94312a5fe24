"""What a build needs of this machine: Debian packages, installed where that is allowed, else named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from argo_proxy.builder import command
from argo_proxy.builder.errors import BuildError, ProvisionError
from argo_proxy.builder.progress import Progress

_INCLUDE = (Path("/usr/include"), Path("/usr/include/x86_64-linux-gnu"))
_LIMITS = command.Limits(seconds=900.0, memory_mb=2048)
_INSTALL = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0")


def missing(tools: Mapping[str, str], headers: Mapping[str, str]) -> list[str]:
    """Names of the packages whose tool (on PATH) or header (as it is included) is not here."""
    absent = {package for tool, package in tools.items() if shutil.which(tool) is None}
    absent |= {package for header, package in headers.items() if not any((at / header).exists() for at in _INCLUDE)}
    return sorted(absent)


async def need(
    purpose: str, tools: Mapping[str, str], headers: Mapping[str, str], *, log: Path, progress: Progress
) -> None:
    """Install what is missing, as root on Debian. Raises ProvisionError that names the packages elsewhere."""
    absent = missing(tools, headers)
    if not absent:
        return
    fix = f"apt-get install {' '.join(absent)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ProvisionError(f"tools for {purpose} are missing", fix=fix)
    progress.step(f"installing {' '.join(absent)}")
    try:
        await _install(absent, log)
    except BuildError as failed:
        raise ProvisionError(f"tools for {purpose} could not be installed (log: {log})", fix=fix) from failed


async def _install(names: list[str], log: Path) -> None:
    install = (*_INSTALL, "install", "--no-install-recommends", *names)
    try:
        await _apt(install, log)
    except BuildError:  # an old list names versions that the archive no longer has
        await _apt((*_INSTALL, "update"), log)
        await _apt(install, log)


async def _apt(arguments: tuple[str, ...], log: Path) -> None:
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    await command.run(command.Command(arguments, log=log, environment=environment, limits=_LIMITS))
