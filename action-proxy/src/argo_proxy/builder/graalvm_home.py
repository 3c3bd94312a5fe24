"""The native-image of an installed GraalVM, 17 or newer: `GRAALVM_HOME`, or `native-image` on PATH."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.builder import command, native_image
from argo_proxy.builder.errors import BuildError, ProvisionError
from argo_proxy.builder.port import ImageRequest
from argo_proxy.builder.progress import Progress

_OLDEST_JAVA = 17
_OWN_FEATURES = ("com.oracle", "org.graalvm")  # the driver adds these itself


async def find(environment: Mapping[str, str] | None = None) -> GraalvmHome | None:
    """The GraalVM that this machine names, or None. Raises ProvisionError for one that is named but cannot be used."""
    env = os.environ if environment is None else environment
    if named := env.get("GRAALVM_HOME"):
        return await probe(Path(named))
    if tool := shutil.which("native-image", path=env.get("PATH", "")):
        return await probe(Path(os.path.realpath(tool)).parents[1])  # noqa: ASYNC240 -- one readlink
    return None


async def probe(home: Path) -> GraalvmHome:
    """Asks a GraalVM for its version. Raises ProvisionError when it has no native-image or is too old."""
    tool = next(
        (path for path in (home / "bin/native-image", home / "lib/svm/bin/native-image") if path.is_file()), None
    )
    if tool is None:
        raise ProvisionError(f"{home} has no native-image", fix="point GRAALVM_HOME to a GraalVM, or unset it")
    try:
        version = (await command.output_of([str(tool), "--version"])).strip()
    except BuildError as broken:
        raise ProvisionError(
            f"{tool} does not answer: {broken}", fix="point GRAALVM_HOME to a GraalVM, or unset it"
        ) from broken
    if java_version(version) < _OLDEST_JAVA:
        raise ProvisionError(
            f"{tool} is older than Java {_OLDEST_JAVA}: {version.splitlines()[0]}", fix="install a newer GraalVM"
        )
    return GraalvmHome(home, tool, version)


def java_version(text: str) -> int:
    """The Java version in what `native-image --version` prints; 0 when it names none."""
    for pattern in (r"Java Version (\d+)", r"native-image (\d+)[. ]", r"JDK (\d+)", r"build (\d+)[.+]"):
        if found := re.search(pattern, text):
            return int(found[1])
    return 0


@dataclass(frozen=True, slots=True)
class GraalvmHome:
    """A `NativeImageBuilder` over an installed GraalVM."""

    home: Path
    tool: Path
    version: str

    @property
    def identity(self) -> str:
        return f"graalvm {self.version}"

    @property
    def java_home(self) -> Path:
        return self.home

    @property
    def compile_classpath(self) -> Sequence[Path]:
        return tuple(sorted((*self.home.glob("lib/svm/builder/*.jar"), *self.home.glob("lib/graalvm/*.jar"))))

    @property
    def knows_internals(self) -> bool:
        return bool(re.search(r"\b23\.0\.\d", self.version))

    async def build(self, request: ImageRequest, *, log: Path, progress: Progress) -> Path:
        return await native_image.run(self._arguments(request), request, log, progress)

    def _arguments(self, request: ImageRequest) -> list[str]:
        exports = [
            f"-J--add-exports=org.graalvm.nativeimage.builder/{package}=ALL-UNNAMED"
            for package in request.builder_packages
        ]
        features = [name for name in request.features if not name.startswith(_OWN_FEATURES)]
        options = [option for option in request.options if not option.startswith("-H:ClassInitialization=com.oracle")]
        return [
            str(self.tool),
            f"-J-Xmx{native_image.heap_mb(request)}m",
            *exports,
            *(f"-J-D{name}={value}" for name, value in request.properties.items()),
            "--shared",
            "--no-fallback",
            "-cp",
            ":".join(str(path) for path in request.classpath),
            f"--features={','.join(features)}",
            "-o",
            str(request.folder / request.name),
            *options,
        ]
