"""Jars by name from Maven's repository through `mvn`, each of a pinned version and checksum."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.builder import command
from argo_proxy.builder.cache import Cache, content_hash, file_digest
from argo_proxy.builder.errors import ProvisionError
from argo_proxy.builder.progress import Progress

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
_LIMITS = command.Limits(seconds=900.0, memory_mb=2048)
_POM = """<project>
<modelVersion>4.0.0</modelVersion><groupId>argo</groupId><artifactId>parts</artifactId><version>1</version><packaging>pom</packaging>
<build><plugins><plugin><groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>3.6.1</version>
<configuration><outputDirectory>{folder}</outputDirectory><artifactItems>{items}</artifactItems></configuration></plugin></plugins></build>
</project>
"""


@dataclass(frozen=True, slots=True)
class Pin:
    """One file of the repository and the SHA-256 that it must have."""

    artifact: str
    group: str
    version: str
    type: str
    sha256: str
    classifier: str = ""

    @property
    def file_name(self) -> str:
        tail = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{tail}.{self.type}"

    def item(self) -> str:
        """The `artifactItem` of a POM."""
        classifier = f"<classifier>{self.classifier}</classifier>" if self.classifier else ""
        return (
            f"<artifactItem><groupId>{self.group}</groupId><artifactId>{self.artifact}</artifactId>"
            f"<version>{self.version}</version><type>{self.type}</type>{classifier}</artifactItem>"
        )


def read_pins(file: Path) -> dict[str, Pin]:
    """Pins by artifact name."""
    return {name: Pin(artifact=name, **fields) for name, fields in json.loads(file.read_text()).items()}


async def fetch(pins: Sequence[Pin], cache: Cache, progress: Progress) -> dict[str, Path]:
    """Files by artifact name, each checked. Raises ProvisionError for what cannot be had or has another checksum."""
    found: dict[str, Path] = {}
    missing = []
    for pin in pins:
        if folder := cache.find("jar", content_hash([pin.sha256])):
            found[pin.artifact] = folder / pin.file_name
        else:
            missing.append(pin)
    if missing:
        progress.step(f"fetching {len(missing)} jars")
        found |= await _download(missing, cache)
    return found


async def _download(pins: Sequence[Pin], cache: Cache) -> dict[str, Path]:
    if shutil.which("mvn") is None:
        raise ProvisionError("Maven is not installed", fix="apt-get install maven")
    staging = cache.root / f"download-{content_hash([pin.sha256 for pin in pins])}"
    async with cache.locked(staging.name):
        try:
            staging.mkdir(parents=True, exist_ok=True)
            (staging / "pom.xml").write_text(_POM.format(folder=staging, items="".join(pin.item() for pin in pins)))
            arguments = ["mvn", "-B", "-q", "-f", str(staging / "pom.xml"), _PLUGIN]
            await command.run(command.Command(arguments, log=cache.root / "maven.log", limits=_LIMITS))
            return {pin.artifact: await _keep(pin, staging / pin.file_name, cache) for pin in pins}
        finally:
            await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)


async def _keep(pin: Pin, downloaded: Path, cache: Cache) -> Path:
    digest = await asyncio.to_thread(file_digest, downloaded)
    if digest != pin.sha256:
        raise ProvisionError(f"{pin.file_name} has the checksum {digest}, not {pin.sha256}")

    async def move(folder: Path) -> None:
        await asyncio.to_thread(shutil.move, downloaded, folder / pin.file_name)

    return await cache.obtain("jar", content_hash([pin.sha256]), move) / pin.file_name
