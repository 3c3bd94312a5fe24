"""The real builder in the cache that the service uses: the first run builds, later ones find."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from argo_proxy.builder.cache import Cache, default_root
from argo_proxy.builder.errors import ProvisionError
from argo_proxy.builder.groups import IdleGroup, idle_group
from argo_proxy.builder.progress import Progress, to_stderr
from argo_proxy.builder.sources import niuk_runtime
from argo_proxy.builder.workshop import Workshop, find_builder

Made = TypeVar("Made")


def made(awaitable: Awaitable[Made]) -> Made:
    """Runs a builder step to its end; what this machine lacks is a skip on a laptop and an error in CI."""

    async def run() -> Made:
        return await awaitable

    try:
        return asyncio.run(run())
    except ProvisionError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture
def group() -> Iterator[IdleGroup]:
    """A real one. Where a machine allows none, no package mends that: a skip, there as well where CI runs."""
    try:
        found = idle_group()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    yield found
    assert found.remove()


@pytest.fixture(scope="session")
def cache() -> Cache:
    return Cache(default_root())


@pytest.fixture(scope="session")
def workshop(cache: Cache) -> Workshop:
    return Workshop(made(find_builder(cache, Progress("toolchain", to_stderr))), cache, to_stderr)


@pytest.fixture(scope="session")
def jar(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compiles sources of the test fixtures and packs them with extra files into a jar."""

    async def dependencies() -> list[Path]:
        gson = await workshop.jars("gson")
        adapter = niuk_runtime() / "adapter/java"
        return [*gson, await workshop.compiled("java-adapter", [*workshop.isolate_sources(), adapter], gson)]

    classpath = made(dependencies())

    def pack(*sources: Path, files: dict[str, str] | None = None) -> Path:
        folder = tmp_path_factory.mktemp("jar")
        classes = folder / "classes"
        javac = [str(workshop.builder.java_home / "bin/javac"), "-nowarn", "-d", str(classes)]
        jars = ":".join(str(path) for path in classpath)
        subprocess.run([*javac, "-cp", jars, *map(str, sources)], check=True, timeout=120, capture_output=True)
        for name, text in (files or {}).items():
            (classes / name).parent.mkdir(parents=True, exist_ok=True)
            (classes / name).write_text(text)
        target = folder / "action.jar"
        tool = [
            str(workshop.builder.java_home / "bin/jar"),
            "--create",
            "--file",
            str(target),
            "--date=2020-01-01T00:00:00Z",
        ]
        subprocess.run([*tool, "-C", str(classes), "."], check=True, timeout=120)
        return target

    return pack
