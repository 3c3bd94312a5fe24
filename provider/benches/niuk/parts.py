"""The things that are measured, built where the cache lacks them: host, kernel, function library, engine, jars."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.builder import command, java_function, javascript_engine, kernel
from argo_proxy.builder.cache import Cache, content_hash, default_root
from argo_proxy.builder.errors import BuilderError
from argo_proxy.builder.progress import Progress, to_stderr
from argo_proxy.builder.sources import niuk_runtime
from argo_proxy.builder.workshop import Workshop, find_builder
from argo_proxy.sandboxes.niuk.binary import HostBuildError, build_host
from argo_proxy.sandboxes.niuk.process import Library

FUNCTIONS = Path(__file__).parent / "functions"
MAIN = "Bench"
RELAY_MAIN = "HttpRelay"
SCRIPT = (FUNCTIONS / "bench.js").read_bytes()


class Missing(Exception):
    """A thing to be measured is not there; the text names the fix."""


@dataclass(frozen=True, slots=True)
class JavaParts:
    """`jar` runs on HotSpot, `library` was compiled from it; `relay` runs on HotSpot only."""

    jar: Path
    library: Library
    relay: Path


async def host() -> Path:
    """The host's program. Raises Missing."""
    try:
        return await build_host()
    except HostBuildError as error:
        raise Missing(
            f"the NIUk's host could not be built: {error}; fix: install cargo, or set ARGO_NIUK_HOST"
        ) from error


async def guest_kernel() -> Path:
    """The microVM's kernel, minutes the first time. Raises Missing."""
    cache = Cache(default_root())
    try:
        return await kernel.build(cache, Progress("kernel", to_stderr))
    except BuilderError as error:
        raise Missing(f"no kernel for microVMs: {error}; fix: python -m argo_proxy.builder kernel") from error


async def java() -> JavaParts:
    """The benches' Java function as jar and as library, minutes the first time. Raises Missing."""
    try:
        workshop = await _workshop()
        jars = await _jars(workshop)
        built = await java_function.build(workshop, jars / "bench.jar", MAIN)
    except BuilderError as error:
        raise Missing(f"no Java function library: {error}; fix: python -m argo_proxy.builder toolchain") from error
    return JavaParts(jars / "bench.jar", _library(built), jars / "relay.jar")


async def engine() -> Library:
    """The JavaScript engine, 6 to 11 minutes the first time. Raises Missing."""
    try:
        return _library(await javascript_engine.build(await _workshop()))
    except BuilderError as error:
        raise Missing(f"no JavaScript engine: {error}; fix: python -m argo_proxy.builder engine") from error


async def engine_if_built() -> Library | None:
    """The JavaScript engine where the cache has one of any age, else None: nothing is built."""
    found = sorted(default_root().glob(f"{javascript_engine.PART}-*/engine.so"), key=lambda path: path.stat().st_mtime)
    return _library(found[-1]) if found else None


def need(program: str, package: str) -> None:
    """Raises Missing where a program is not on PATH."""
    if shutil.which(program) is None:
        raise Missing(f"{program} is not installed; fix: apt-get install {package}")


async def _workshop() -> Workshop:
    cache = Cache(default_root())
    return Workshop(await find_builder(cache, Progress("toolchain", to_stderr)), cache, to_stderr)


async def _jars(workshop: Workshop) -> Path:
    """Folder of bench.jar and relay.jar, made once: a jar holds times, so each making would be another."""
    gson = await workshop.jars("gson")
    roots = [*workshop.isolate_sources(), niuk_runtime() / "adapter/java"]
    adapter = await workshop.compiled("java-adapter", roots, gson)
    sources = [FUNCTIONS / "Bench.java", FUNCTIONS / "HttpRelay.java"]

    async def make(folder: Path) -> None:
        log = workshop.log("bench-jars", key)
        for jar, source, classpath in (("bench", sources[0], [adapter, *gson]), ("relay", sources[1], gson)):
            await _compile(workshop, source, folder / jar, classpath, log)
            arguments = [str(workshop.builder.java_home / "bin/jar"), "cf", str(folder / f"{jar}.jar")]
            await command.run(command.Command([*arguments, "-C", str(folder / jar), "."], log=log))

    key = content_hash(sources)
    return await workshop.cache.obtain("bench-jars", key, make)


async def _compile(workshop: Workshop, source: Path, target: Path, classpath: Sequence[Path], log: Path) -> None:
    javac = str(workshop.builder.java_home / "bin/javac")
    jars = ":".join(map(str, classpath))
    arguments = [javac, "--release", "17", "-d", str(target), "-cp", jars, str(source)]
    await command.run(command.Command(arguments, log=log))


def _library(path: Path) -> Library:
    return Library(path, hashlib.sha256(path.read_bytes()).digest())
