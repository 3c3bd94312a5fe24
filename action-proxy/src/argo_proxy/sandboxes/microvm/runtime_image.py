"""The guest image of an ordinary HotSpot: a JVM of the modules needed, the product's own launcher, archived classes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from argo_proxy.builder import command
from argo_proxy.builder.cache import Cache, content_hash
from argo_proxy.builder.errors import BuilderError
from argo_proxy.builder.initramfs import pack
from argo_proxy.sandboxes.microvm.image import ImageError, niuk_files

PART = "hotspot-guest"
SOCKET = "/tmp/launcher"  # noqa: S108 - the guest's own
_MODULES = "java.base,jdk.unsupported"
_JRE, _RUNTIME = "jre", "runtime"  # folders inside the guest
_INIT = Path(__file__).with_name("runtime_init.c")
_CFLAGS = ("-O2", "-Wall", "-Wextra", "-Werror", "-static")
_LIMITS = command.Limits(seconds=300.0, memory_mb=2048)
_ARCHIVE = "launcher.jsa"


async def hotspot_image(cache: Cache, tool: Path, sample: Path, *, memory_mb: int) -> Path:
    """An initramfs that boots into the Java launcher, made once.

    `tool` is the folder that `runtimes/provision` made for Java: the same launcher, Gson and flags as in a process or
    container, and class archives of both levels made anew for this JVM. `sample` is the source that it is trained with.
    Raises ImageError with what is missing.
    """
    home = _jdk(tool)
    inputs = [tool / name for name in ("launcher.jar", "gson.jar", "launch")]
    key = content_hash([*inputs, home / "release", sample, _INIT, Path(__file__), str(memory_mb)])

    async def make(folder: Path) -> None:
        await _Making(folder, home, tool, cache.root / f"{PART}-{key}.log").run(sample, memory_mb)

    try:
        return await cache.obtain(PART, key, make) / "guest.cpio"
    except (BuilderError, OSError) as error:
        raise ImageError(f"the guest image of HotSpot could not be made: {error}") from error


def _jdk(tool: Path) -> Path:
    """The JDK that `tool/java` belongs to."""
    java = (tool / "java").resolve()
    home = java.parents[1]
    if not (tool / "launcher.jar").is_file() or not java.is_file():
        raise ImageError(f"no provisioned Java runtime in {tool}: run action-proxy/runtimes/provision java:17")
    if not (home / "bin/jlink").is_file() or not (home / "jmods").is_dir():
        raise ImageError(f"{home} has no jlink: apt-get install openjdk-17-jdk-headless")
    absent = [program for program in ("cc", "bwrap") if shutil.which(program) is None]
    if absent:
        raise ImageError(f"{' and '.join(absent)} missing: apt-get install gcc libc6-dev bubblewrap")
    return home


class _Making:
    """One image in `folder`; its files are staged as they will lie in the guest."""

    def __init__(self, folder: Path, home: Path, tool: Path, log: Path) -> None:
        self.folder = folder
        self.home = home
        self.tool = tool
        self.log = log
        self.stage = folder / "stage"

    async def run(self, sample: Path, memory_mb: int) -> None:
        flags = self._flags(memory_mb)
        await self._lay_out()
        await self._archive(sample, flags)
        argv = [f"/{_JRE}/bin/java", f"-XX:SharedArchiveFile=/{_RUNTIME}/{_ARCHIVE}", *flags]
        variables = ["HOME=/tmp", "LANG=C.UTF-8", f"ARGO_LISTEN=unix:{SOCKET}", f"ARGO_MEMORY_MB={memory_mb}"]
        words = b"".join(word.encode() + b"\0" for word in (*variables, "--", *argv))
        await self._command("cc", *_CFLAGS, "-o", str(self.folder / "init"), str(_INIT))
        staged = {str(path.relative_to(self.stage)): path for path in self.stage.rglob("*") if path.is_file()}
        files: dict[str, Path | bytes] = {**staged, "init": self.folder / "init", "etc/argv": words}
        (self.folder / "guest.cpio").write_bytes(pack(files, executables=("init", f"{_JRE}/bin/java")))
        shutil.rmtree(self.stage)

    def _flags(self, memory_mb: int) -> list[str]:
        """What the product's own start script gives the JVM behind its archive: asked of the script itself."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copy(self.tool / "launch", folder / "launch")
            (folder / "java").write_text('#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >"${0%/*}/argv"\n')
            (folder / "java").chmod(0o755)
            environment = {"PATH": os.environ["PATH"], "ARGO_MEMORY_MB": str(memory_mb)}
            os.spawnve(os.P_WAIT, str(folder / "launch"), [str(folder / "launch")], environment)  # noqa: S606
            words = (folder / "argv").read_text().replace(str(folder), f"/{_RUNTIME}").splitlines()
        return [word for word in words if not word.startswith("-XX:SharedArchiveFile=")]

    async def _lay_out(self) -> None:
        jlink = ["--add-modules", _MODULES, "--strip-java-debug-attributes", "--no-header-files", "--no-man-pages"]
        self.stage.mkdir(parents=True)
        await self._command(str(self.home / "bin/jlink"), *jlink, "--output", str(self.stage / _JRE))
        shutil.rmtree(self.stage / _JRE / "legal", ignore_errors=True)
        runtime = self.stage / _RUNTIME
        runtime.mkdir()
        for jar in ("launcher.jar", "gson.jar"):
            shutil.copyfile(self.tool / jar, runtime / jar)
        for program in ("bin/java", "lib/server/libjvm.so", "lib/libnio.so"):
            linked = await niuk_files(self.stage / _JRE / program)
            for name, path in linked.items():
                if name != "init" and not path.is_relative_to(self.stage):
                    (self.stage / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, self.stage / name)
                    (self.stage / name).chmod(0o755)
        for path in self.stage.rglob("*"):
            os.utime(path, (0, 0))  # as in the guest: archives name the times of the jars they were made from

    async def _archive(self, sample: Path, flags: Sequence[str]) -> None:
        """The JVM's own classes, then those of the launcher, dumped under the paths of the guest."""
        classes = self.folder / "train"
        await self._command(
            str(self.home / "bin/javac"), "-cp", str(self.tool / "gson.jar"), "-d", str(classes), str(sample)
        )
        await self._command(str(self.home / "bin/jar"), "cf", str(self.folder / "train.jar"), "-C", str(classes), ".")
        java = f"/{_JRE}/bin/java"
        dump = f"-XX:ArchiveClassesAtExit=/{_RUNTIME}/{_ARCHIVE}"
        await self._inside(java, "-Xshare:dump")
        await self._inside(java, dump, *flags, "--train", "/train.jar", sample.stem)
        if not (self.stage / _RUNTIME / _ARCHIVE).is_file():
            raise ImageError(f"the JVM made no archive of the launcher's classes: see {self.log}")

    async def _inside(self, *words: str) -> None:
        view = ["--bind", str(self.stage), "/", "--ro-bind", str(self.folder / "train.jar"), "/train.jar"]
        mounts = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - inside
        await self._command("bwrap", "--unshare-all", *view, *mounts, "--", *words)
        for leftover in ("train.jar", "proc", "dev", "tmp"):  # mount points that bubblewrap made
            path = self.stage / leftover
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)

    async def _command(self, *arguments: str) -> None:
        await command.run(command.Command(arguments, log=self.log, folder=self.folder, limits=_LIMITS))
