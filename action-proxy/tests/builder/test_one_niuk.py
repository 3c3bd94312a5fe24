"""One NIUk serves functions of several languages: a compiled jar and a script on the engine, in one process."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from argo_proxy.builder import java_function, javascript_engine
from argo_proxy.builder.sources import niuk_runtime
from argo_proxy.builder.workshop import Workshop
from argo_proxy.runtimes import Runtime
from argo_proxy.sandboxes.niuk.binary import build_host
from argo_proxy.sandboxes.niuk.driver import NiukDriver
from argo_proxy.sandboxes.niuk.process import Library
from argo_proxy.sandboxes.niuk.slot import Compiled, InitRequest, NiukSlot
from argo_proxy.sandboxes.niuk.walls import Wall, WallSettings
from argo_proxy.sandboxes.port import SandboxSpec
from argo_proxy.sandboxes.process.confinement import MARKER
from argo_proxy.sandboxes.process.proc import marked_processes

from .conftest import made

pytestmark = pytest.mark.integration

LIMIT = 1 << 20
SECONDS = 60.0
SCRIPT = b"function main(args) { return { greeting: `Hi ${args.name}!`, language: 'JavaScript' } }"
RUNTIMES = {
    "java": Runtime(kind="java:17", family="java", directory=Path("/"), command=("java",)),
    "script": Runtime(kind="nodejs:20", family="nodejs", directory=Path("/"), command=("node",)),
}


@dataclass(frozen=True)
class TwoLanguages:
    """What was built: `java` has a library of its own, `script` runs on the engine."""

    function: Library
    engine: Library

    async def find(self, request: InitRequest) -> Compiled | None:
        return Compiled(self.function) if request.name == "java" else Compiled(self.engine, code=SCRIPT)


def library(path: Path) -> Library:
    return Library(path, hashlib.sha256(path.read_bytes()).digest())


@pytest.fixture
def languages(workshop: Workshop, jar: Callable[..., Path]) -> TwoLanguages:
    source = niuk_runtime() / "adapter/tests/fixtures/Mischief.java"
    archive = jar(source, files={"data.txt": "resource of the jar"})
    function = made(java_function.build(workshop, archive, "Mischief"))
    return TwoLanguages(library(function), library(made(javascript_engine.build(workshop))))


@pytest.fixture
def work() -> Iterator[Path]:
    """A short path: a unix socket's is at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="niuk-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def body(name: str) -> bytes:
    env = {"__OW_NAMESPACE": "guest", "__OW_ACTION_NAME": f"/guest/{name}"}
    value = {"name": name, "main": "Mischief" if name == "java" else "main", "code": "", "binary": name == "java"}
    return json.dumps({"value": value | {"env": env}}).encode()


async def slot_of(driver: NiukDriver, name: str) -> NiukSlot:
    slot = await driver.create(SandboxSpec(RUNTIMES[name], memory_mb=256))
    answer = await slot.init(body(name), timeout=SECONDS, limit=LIMIT)
    assert answer.status == 200, answer
    return slot


async def greeting(slot: NiukSlot, name: str) -> str:
    answer = await slot.run(json.dumps({"value": {"name": name}}).encode(), timeout=SECONDS, limit=LIMIT)
    assert answer.status == 200, answer
    return str(json.loads(answer.body)["greeting"])


def hosts(installation: str) -> list[int]:
    """Running NIUk hosts of one driver, out of the machine's process table."""
    found = []
    for pid in marked_processes(MARKER, installation):
        command = Path(f"/proc/{pid}/comm")
        if command.exists() and command.read_text().strip() == "niuk-host":
            found.append(pid)
    return found


async def test_java_and_javascript_in_one_process(languages: TwoLanguages, work: Path) -> None:
    await build_host()
    installation = f"t{os.getpid()}"
    folders = (languages.function.path.parent, languages.engine.path.parent)
    walls = WallSettings(installation, work / "run", folders, wall=Wall.PROCESS)
    driver = NiukDriver(walls, languages, waiting=0)  # one that waits would be in the process table, too
    report = await driver.probe()
    assert report.available, report.reason
    try:
        java, script = await slot_of(driver, "java"), await slot_of(driver, "script")
        calls = [(slot, f"{n}") for n in range(20) for slot in (java, script)]
        answers = await asyncio.gather(*(greeting(slot, name) for slot, name in calls))
        assert answers == [f"Hello {name}!" if slot is java else f"Hi {name}!" for slot, name in calls]
        assert len(hosts(installation)) == 1
        assert len(driver.house("guest").functions) == 2
    finally:
        await driver.close()
    assert hosts(installation) == []
