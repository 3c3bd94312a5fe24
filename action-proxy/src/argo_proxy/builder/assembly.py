"""Assembles a native-image builder from package registries, step by step; each finished step is not done again.

The parts and why each is needed: `niuk-runtime/toolchain/README.md`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import tarfile
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.builder import command, debian, drift, maven, packages
from argo_proxy.builder.cache import Cache, content_hash
from argo_proxy.builder.errors import ProvisionError
from argo_proxy.builder.progress import Progress

PART = "native-image"
BUILDER_JARS = ("svm", "pointsto", "objectfile", "native-image-base")
RUNTIME_JARS = ("compiler", "graal-sdk", "truffle-api")
_HELPERS = "svm-hosted-native-linux-amd64"
_STATIC_TARGETS = ("java.base", "jdk.net", "java.management", "jdk.management", "java.prefs")
_CPU_HEADERS = {"amd64": "AMD64", "aarch64": "AArch64", "riscv64": "RISCV64"}
_TOOLS = {
    "gcc": "gcc",
    "g++": "g++",
    "make": "make",
    "autoconf": "autoconf",
    "zip": "zip",
    "unzip": "unzip",
    "file": "file",
    "ar": "binutils",
    "dpkg-deb": "dpkg",
    "mvn": "maven",
}
_HEADERS = {"amd64": "AMD64", "aarch64": "AArch64", "riscv64": "RISCV64"}
_TOOLS = {
    "gcc": "gcc",
    "g++": "g++",
    "make": "make",
    "autoconf": "autoconf",
    "zip": "zip",
    "unzip": "unzip",
    "dpkg-deb": "dpkg",
    "ar": "binutils",
    "file": "file",
}
_HEADERS = {
    "alsa/asoundlib.h": "libasound2-dev",
    "cups/cups.h": "libcups2-dev",
    "fontconfig/fontconfig.h": "libfontconfig1-dev",
    "zlib.h": "zlib1g-dev",
}
_OPENED_TO = (
    "org.graalvm.nativeimage.base,org.graalvm.nativeimage.builder,org.graalvm.nativeimage.pointsto,org.graalvm.nativeimage.objectfile,"
    "jdk.internal.vm.compiler,org.graalvm.sdk,org.graalvm.truffle,ALL-UNNAMED"
)
_OPENED_MODULES = frozenset(
    [
        "java.base",
        "java.management",
        "java.logging",
        "jdk.management",
        "jdk.internal.vm.ci",
        "jdk.jfr",
        "java.xml",
        "java.rmi",
        "jdk.jdeps",
        "jdk.net",
        "java.xml.crypto",
        "java.security.jgss",
        "jdk.unsupported",
        "jdk.zipfs",
    ]
)
_JAR_MODULES = {
    "compiler": "jdk.internal.vm.compiler",
    "graal-sdk": "org.graalvm.sdk",
    "truffle-api": "org.graalvm.truffle",
}


@dataclass(frozen=True, slots=True)
class Assembly:
    """One assembling in `folder`; what an earlier, cut-off one left there is used."""

    folder: Path
    toolchain: Path  # niuk-runtime/toolchain
    cache: Cache
    progress: Progress

    @property
    def log(self) -> Path:
        return self.folder / "assemble.log"

    @property
    def jdk(self) -> Path:
        return self.folder / "jdk"

    @property
    def sources(self) -> Path:
        return self.folder / "work/jdk-sources"

    async def run(self) -> None:
        """All steps. Raises ProvisionError or BuildError."""
        await packages.need("assembling native-image", _TOOLS, _HEADERS, log=self.log, progress=self.progress)
        steps: dict[str, Callable[[], Awaitable[None]]] = {
            "jars": self._jars,
            "JDK 17 and its sources": self._jdk,
            "static libraries of the JDK": self._static_libraries,
            "native helpers": self._native_helpers,
            "bridges to this JDK": self._bridges,
            "module exports": self._exports,
        }
        for name, step in steps.items():
            stamp = self.folder / f".done-{name.replace(' ', '-')}"
            if not stamp.exists():
                self.progress.step(name)
                await step()
                stamp.touch()
        await asyncio.to_thread(shutil.rmtree, self.folder / "work", ignore_errors=True)
        self.progress.step("assembled")

    async def _jars(self) -> None:
        pins = maven.read_pins(self.toolchain / "pins.json")
        wanted = [pins[name] for name in (*BUILDER_JARS, *RUNTIME_JARS, _HELPERS)]
        files = await maven.fetch(wanted, self.cache, self.progress)
        (self.folder / "builder").mkdir(exist_ok=True)
        for name in BUILDER_JARS:
            shutil.copyfile(files[name], self.folder / "builder" / f"{name}.jar")
        for name in RUNTIME_JARS:
            shutil.copyfile(files[name], self.folder / f"{name}.jar")
        await asyncio.to_thread(_extract, files[_HELPERS], self.folder / "native")

    async def _jdk(self) -> None:
        apt = debian.PrivateApt(self.folder / "work/apt", self.log)
        await apt.update()
        downloads = self.folder / "work/downloads"
        version = await apt.download("openjdk-17", ["openjdk-17-jdk-headless", "openjdk-17-jre-headless"], downloads)
        self.progress.step(f"JDK {version}")
        unpacked = self.folder / "work/debs"
        for package in sorted(downloads.glob("*.deb")):
            await self._command("dpkg-deb", "-x", str(package), str(unpacked))
        await asyncio.to_thread(_private_jdk, unpacked, self.jdk)
        (self.folder / "jdk-version").write_text(version)
        self.sources.mkdir(parents=True, exist_ok=True)
        archive = next(path for path in downloads.glob("openjdk-17_*.orig.tar.*"))
        await self._command("tar", "-xf", str(archive), "-C", str(self.sources), "--strip-components=1")

    async def _static_libraries(self) -> None:
        boot = f"--with-boot-jdk={self.jdk}"
        flags = [
            "--with-debug-level=release",
            "--disable-warnings-as-errors",
            "--with-native-debug-symbols=none",
            "--enable-headless-only",
        ]
        await self._command("bash", "configure", boot, *flags, folder=self.sources)
        targets = [f"{module}-static-libs" for module in _STATIC_TARGETS]
        await self._command("make", *targets, f"JOBS={os.cpu_count() or 1}", folder=self.sources)
        target = self.jdk / "lib/static/linux-amd64/glibc"
        target.mkdir(parents=True, exist_ok=True)
        libraries = [path for path in (self.sources / "build").rglob("*.a") if "static" in path.parts]
        if not libraries:
            raise ProvisionError("the JDK's build made no static libraries", fix=f"see {self.log}")
        for library in libraries:
            shutil.copyfile(library, target / library.name)

    async def _native_helpers(self) -> None:
        include = self.folder / "clib/include"
        include.mkdir(parents=True, exist_ok=True)
        for architecture, name in _CPU_HEADERS.items():
            javap = [str(self.jdk / "bin/javap"), "-cp", str(self.folder / "builder/svm.jar")]
            listing = await command.output_of(
                [*javap, f"com.oracle.svm.core.{architecture}.{name}LibCHelper$CPUFeatures"]
            )
            (include / f"{architecture}cpufeatures.h").write_text(cpu_features_header(listing))
        objects = [await self._compiled(name) for name in ("cpu_features", "gaps")]
        for library in ("libjvm.a", "liblibchelper.a"):
            shutil.copyfile(self.folder / "native/linux-amd64" / library, self.folder / "clib" / library)
        helper = str(self.folder / "clib/liblibchelper.a")
        await self._command("ar", "d", helper, "cpuid.o", "getEnviron.o")
        await self._command("ar", "r", helper, *map(str, objects))
        reporter = self.jdk / "lib/svm/builder/lib/libreporterchelper.so"
        reporter.parent.mkdir(parents=True, exist_ok=True)
        headers = [f"-I{self.jdk}/include", f"-I{self.jdk}/include/linux"]
        await self._command(
            "gcc", "-O2", "-shared", "-fPIC", *headers, str(self.toolchain / "native/reporter.c"), "-o", str(reporter)
        )

    async def _compiled(self, name: str) -> Path:
        target = self.folder / "native" / f"{name}.o"
        flags = ["-O2", "-fPIC", "-Wall", "-Wextra", "-Werror", f"-I{self.folder}/clib/include"]
        await self._command("gcc", *flags, "-c", str(self.toolchain / f"native/{name}.c"), "-o", str(target))
        return target

    async def _bridges(self) -> None:
        texts = self.folder / "patch-sources"
        for module, files in drift.write_patched_sources(self.sources, texts).items():
            out = self.folder / "patch" / module
            patch = f"{module}={texts / module}"
            await self._command(
                str(self.jdk / "bin/javac"), "-nowarn", "-d", str(out), "--patch-module", patch, *map(str, files)
            )

    async def _exports(self) -> None:
        listing = await command.output_of([str(self.jdk / "bin/jimage"), "list", str(self.jdk / "lib/modules")])
        pairs = jdk_packages(listing)
        for jar, module in _JAR_MODULES.items():
            pairs |= await asyncio.to_thread(_jar_packages, self.folder / f"{jar}.jar", module)
        lines = [
            f"--add-{kind}={module}/{package}={_OPENED_TO}\n"
            for module, package in sorted(pairs)
            for kind in ("exports", "opens")
        ]
        (self.folder / "exports.args").write_text("".join(lines))
        (self.folder / "manifest.json").write_text(json.dumps({"jdk": (self.folder / "jdk-version").read_text()}))

    async def _command(self, *arguments: str, folder: Path | None = None) -> None:
        await command.run(command.Command(arguments, log=self.log, folder=folder or self.folder))


def key(toolchain: Path) -> str:
    """The content hash that names an assembled builder."""
    here = Path(__file__).parent
    return content_hash([toolchain / "pins.json", toolchain / "native", here / "assembly.py", here / "drift.py"])


def cpu_features_header(javap: str) -> str:
    """The C struct behind the image generator's own interface, in its order, from what javap prints of it."""
    fields = re.findall(r" boolean (f[A-Za-z0-9_]+)\(\)", javap)
    return "typedef struct {\n" + "".join(f"  char {name};\n" for name in fields) + "} CPUFeatures;\n"


def jdk_packages(jimage: str) -> set[tuple[str, str]]:
    """(module, package) of the modules that the generator looks into, from `jimage list`."""
    pairs = set()
    module = ""
    for line in jimage.splitlines():
        if found := re.match(r"Module: (\S+)", line):
            module = found[1]
        elif module in _OPENED_MODULES and (found := re.match(r"    (\S+)/[^/]+\.class$", line)):
            pairs.add((module, found[1].replace("/", ".")))
    return pairs


def _jar_packages(jar: Path, module: str) -> set[tuple[str, str]]:
    with zipfile.ZipFile(jar) as archive:
        classes = [
            name
            for name in archive.namelist()
            if name.endswith(".class") and "/" in name and not name.startswith("META-INF")
        ]
    return {(module, name.rsplit("/", 1)[0].replace("/", ".")) for name in classes}


def _extract(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")


def _private_jdk(unpacked: Path, target: Path) -> None:
    """Copies the JDK; the package links its configuration to /etc, so take what the package carries of that instead."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(unpacked / "usr/lib/jvm/java-17-openjdk-amd64", target, symlinks=True)
    for link in [path for path in target.rglob("*") if path.is_symlink() and str(path.readlink()).startswith("/etc/")]:
        carried = unpacked / str(link.readlink())[1:]
        link.unlink()
        if carried.is_dir():
            shutil.copytree(carried, link)
        elif carried.is_file():
            shutil.copyfile(carried, link)
