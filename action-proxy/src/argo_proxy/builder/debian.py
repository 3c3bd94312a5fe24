"""Debian packages fetched through apt into a private folder: nothing is installed, the system's lists stay as they are.

apt checks each file against the archive's signed index; a checksum of our own would only tie us to one version,
while the mirror serves the newest and drops the one before it.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.builder import command
from argo_proxy.builder.errors import BuildError, ProvisionError

_SOURCES = Path("/etc/apt")
_LIMITS = command.Limits(seconds=900.0, memory_mb=2048)


@dataclass(frozen=True, slots=True)
class PrivateApt:
    """apt with lists, cache and sources (with `deb-src`) of its own under `folder`."""

    folder: Path
    log: Path

    def options(self) -> list[str]:
        """Options for apt-get and apt-cache."""
        settings = {
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": str(self.folder / "parts"),
            "Dir::State::lists": str(self.folder / "lists"),
            "Dir::Cache": str(self.folder / "cache"),
            "APT::Sandbox::User": "root",
        }
        return [text for name, value in settings.items() for text in ("-o", f"{name}={value}")]

    async def update(self) -> None:
        """Reads the archive's index. Raises ProvisionError where this is not Debian or the archive does not answer."""
        if shutil.which("apt-get") is None:
            raise ProvisionError(
                "the native-image builder is assembled from Debian's packages", fix="set GRAALVM_HOME on this system"
            )
        await asyncio.to_thread(self._prepare)
        await self._run(["apt-get", *self.options(), "update", "-qq"], self.folder)

    def _prepare(self) -> None:
        for name in ("parts", "lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for file in (
            *_SOURCES.glob("sources.list.d/*.sources"),
            *_SOURCES.glob("sources.list.d/*.list"),
            _SOURCES / "sources.list",
        ):
            if file.is_file() and "debian" in file.read_text().lower():
                (self.folder / "parts" / file.name).write_text(with_sources(file.read_text()))

    async def versions(self, source: str) -> list[str]:
        """Versions of a source package, newest first."""
        out = await command.output_of(["apt-cache", *self.options(), "showsrc", source])
        found = dict.fromkeys(re.findall(r"^Version: (\S+)$", out, re.MULTILINE))
        return (await _sorted(found)) if found else []

    async def download(self, source: str, binaries: Sequence[str], target: Path) -> str:
        """Sources and binaries of one version, the newest that the mirror really serves. Returns the version."""
        for version in await self.versions(source):
            await asyncio.to_thread(_emptied, target)
            try:
                await self._run(
                    ["apt-get", *self.options(), "source", "--download-only", "-qq", f"{source}={version}"], target
                )
                if binaries:
                    await self._run(
                        ["apt-get", *self.options(), "download", "-qq", *(f"{name}={version}" for name in binaries)],
                        target,
                    )
            except BuildError:
                continue  # listed, but not served any more
            return version
        raise ProvisionError(f"no version of {source} comes with both sources and binaries", fix=f"see {self.log}")

    async def _run(self, arguments: list[str], folder: Path) -> None:
        await command.run(command.Command(arguments, log=self.log, folder=folder, limits=_LIMITS))


def with_sources(text: str) -> str:
    """apt's list of archives with source packages switched on; both of apt's formats."""
    deb822 = re.sub(r"^Types: deb$", "Types: deb deb-src", text, flags=re.MULTILINE)
    return re.sub(r"^deb( .*)$", r"deb\1\ndeb-src\1", deb822, flags=re.MULTILINE)


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


async def _sorted(versions: Sequence[str] | dict[str, None]) -> list[str]:
    ordered: list[str] = []
    for version in versions:
        at = 0
        while at < len(ordered) and not await _newer(version, ordered[at]):
            at += 1
        ordered.insert(at, version)
    return ordered


async def _newer(left: str, right: str) -> bool:
    try:
        await command.output_of(["dpkg", "--compare-versions", left, "gt", right])
    except BuildError:
        return False
    return True
