"""Makes function libraries and the engine: one build at a time on a machine, each kept by a hash of its inputs."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from argo_proxy.builder import assembled, command, graalvm_home, maven
from argo_proxy.builder.cache import Cache, content_hash
from argo_proxy.builder.command import Limits
from argo_proxy.builder.port import Exchange, NativeImageBuilder
from argo_proxy.builder.progress import Progress, Report, silent
from argo_proxy.builder.sources import niuk_runtime

Make = Callable[[Path, Path, Progress], Awaitable[None]]  # (folder, log, progress)

INTERNAL_PACKAGES = tuple(f"com.oracle.svm.core{tail}" for tail in ("", ".os", ".heap", ".thread", ".jdk", ".reflect"))
_COMPILE_LIMITS = Limits(seconds=300.0, memory_mb=2048)


async def find_builder(cache: Cache, progress: Progress) -> NativeImageBuilder:
    """An installed GraalVM where this machine names one, else the assembled builder (minutes, the first time)."""
    return await graalvm_home.find() or await assembled.provision(cache, progress)


@dataclass(frozen=True, slots=True)
class Workshop:
    """A builder with the cache that its products go to. `report` gets one line a step.

    `exchange`: where other machines offer what they built from the same inputs.
    """

    builder: NativeImageBuilder
    cache: Cache
    report: Report = silent
    limits: Limits = field(default_factory=Limits)
    log_file: Path | None = None  # where a caller wants all that is logged; else by part
    exchange: Exchange | None = None

    def log(self, part: str, key: str) -> Path:
        """Where the log of a build is kept, whatever comes of it."""
        if self.log_file is not None:
            return self.log_file
        folder = self.cache.root / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{part}-{key}.log"

    async def build(self, part: str, key: str, make: Make) -> Path:
        """The folder of a product; made by `make` if it is not there, and then alone on this machine."""
        if found := self.cache.find(part, key):
            return found
        progress = Progress(part, self.report)
        log = self.log(part, key)

        async def alone(folder: Path) -> None:
            if self.log_file is None:
                log.unlink(missing_ok=True)
            if self.exchange is not None and await self.exchange.fetch(f"{part}-{key}", folder):
                progress.step("fetched from another machine")
                return
            progress.step("waiting for other builds")
            async with self.cache.locked("build"):
                await self.cache.sweep()
                await make(folder, log, progress)
            progress.step("built")
            if self.exchange is not None:
                await self.exchange.offer(f"{part}-{key}", folder)

        return await self.cache.obtain(part, key, alone)

    async def jars(self, *names: str) -> list[Path]:
        """Pinned jars by artifact name."""
        pins = maven.read_pins(niuk_runtime() / "toolchain/pins.json")
        files = await maven.fetch([pins[name] for name in names], self.cache, Progress("jars", self.report))
        return [files[name] for name in names]

    async def compiled(
        self, part: str, roots: Sequence[Path], classpath: Sequence[Path], resources: Path | None = None
    ) -> Path:
        """Our own Java sources under `roots` as a folder of classes, with `resources` (a folder) beside them."""
        mine = [*roots, *([resources] if resources else [])]
        key = content_hash([self.builder.identity, *mine, *(path.name for path in classpath)])

        async def make(folder: Path) -> None:
            await self._javac(part, key, folder, roots, classpath)
            if resources is not None:
                await asyncio.to_thread(shutil.copytree, resources, folder, dirs_exist_ok=True)

        return await self.cache.obtain(part, key, make)

    async def _javac(self, part: str, key: str, folder: Path, roots: Sequence[Path], classpath: Sequence[Path]) -> None:
        files = [str(file) for root in roots for file in sorted(root.rglob("*.java"))]
        jars = ":".join(str(path) for path in (*self.builder.compile_classpath, *classpath))
        arguments = [
            str(self.builder.java_home / "bin/javac"),
            "-Xlint:all",
            "-Werror",
            "-d",
            str(folder),
            "-cp",
            jars,
            *files,
        ]
        await command.run(command.Command(arguments, log=self.log(part, key), limits=_COMPILE_LIMITS))

    def isolate_sources(self) -> list[Path]:
        """The part of our Java that every function library has."""
        adapter = niuk_runtime() / "adapter"
        return [adapter / "core", *([adapter / "svm"] if self.builder.knows_internals else [])]

    def isolate_features(self) -> list[str]:
        return ["argo.isolate.svm.IsolateFeature"] if self.builder.knows_internals else []

    def isolate_options(self) -> list[str]:
        """Options of every function library: an isolate that will not end is given up after two seconds.

        It does not read control groups, whose limits are its process's and not its own, and collects its garbage at
        4 MB: fresh memory costs more than the collection.
        """
        strict = ["-H:ThrowMissingRegistrationErrors="] if self.builder.knows_internals else []
        return ["-R:TearDownFailureNanos=2000000000", "-R:MaxNewSize=4m", "-H:-UseContainerSupport", *strict]
