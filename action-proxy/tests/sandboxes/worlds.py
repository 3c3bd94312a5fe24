"""The technologies under test, each with a driver of its own installation and a way to start a function in it."""

import asyncio
import io
import os
import re
import secrets
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import docker
import orjson
import pytest

from argo_proxy.runtimes import Runtime, load_catalogue
from argo_proxy.sandboxes.container.driver import ContainerDriver, ContainerSettings
from argo_proxy.sandboxes.container.recipe import INSTALLATION_LABEL
from argo_proxy.sandboxes.fake import FakeDriver, FakeSandbox
from argo_proxy.sandboxes.microvm.driver import MicrovmDriver, MicrovmSettings
from argo_proxy.sandboxes.port import Answered, Sandbox, SandboxDriver, SandboxSpec
from argo_proxy.sandboxes.process.confinement import MARKER
from argo_proxy.sandboxes.process.driver import ProcessDriver, ProcessSettings
from argo_proxy.sandboxes.process.proc import marked_processes
from argo_proxy.sandboxes.zygote.driver import ZygoteDriver

LAUNCHER = Path(__file__).parent / "launcher"
PYTHON = "/usr/bin/python3"
IMAGE = "argo-test/python"
COMMAND = (PYTHON, "-S", "-E", "{runtime}/launcher.py")
LIMIT = 1 << 20


def missing(reason: str) -> None:
    """An engine that is not there: a reason on a laptop, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class World:
    """One driver under test."""

    driver: SandboxDriver
    runtime: Runtime
    sources: dict[str, str]
    installation: str
    started: list[Sandbox] = field(default_factory=list)

    async def create(self, *, memory_mb: int = 128, concurrency: int = 1, **more: object) -> Sandbox:
        spec = SandboxSpec(self.runtime, memory_mb, concurrency=concurrency, label="/ns/test", **more)
        sandbox = await self.driver.create(spec)
        self.started.append(sandbox)
        return sandbox

    async def start(self, name: str, *, memory_mb: int = 128, concurrency: int = 1, **more: object) -> Sandbox:
        """A sandbox with this function in it, initialised."""
        sandbox = await self.create(memory_mb=memory_mb, concurrency=concurrency, **more)
        answer = await self.init(sandbox, name)
        assert isinstance(answer, Answered), answer
        assert answer.status == 200, answer
        return sandbox

    async def init(self, sandbox: Sandbox, name: str):
        if isinstance(sandbox, FakeSandbox):
            from functions import SCRIPTS

            sandbox.script = SCRIPTS[name]
        body = orjson.dumps({"value": {"name": "test", "main": "main", "code": self.sources.get(name, name)}})
        return await sandbox.init(body, timeout=30, limit=LIMIT)


async def run(sandbox: Sandbox, timeout: float = 30, limit: int = LIMIT, **arguments: object):  # noqa: ASYNC109
    return await sandbox.run(orjson.dumps({"value": arguments}), timeout=timeout, limit=limit)


def value(answer) -> object:
    assert isinstance(answer, Answered), answer
    assert answer.status == 200, answer
    return orjson.loads(answer.body)


async def fake_world(sources: dict[str, str], folder: Path) -> World:
    runtime = Runtime(kind="test:1", family="test", directory=LAUNCHER, command=())
    return World(FakeDriver(), runtime, sources, "fake")


async def process_world(sources: dict[str, str], folder: Path) -> World:
    if shutil.which(PYTHON) is None:
        missing(f"{PYTHON} is not installed")
    installation = f"test{secrets.token_hex(4)}"
    driver = ProcessDriver(ProcessSettings(installation, folder / "run", tools=folder / "tools"))
    report = await driver.probe()
    if not report.available:
        missing(f"process sandboxes: {report.reason}; {report.fix}")
    return await _provisioned(World(driver, _runtime(), sources, installation))


async def container_world(sources: dict[str, str], folder: Path) -> World:
    installation = f"test{secrets.token_hex(4)}"
    driver = ContainerDriver(ContainerSettings(installation, folder / "run", pull=False))
    report = await driver.probe()
    if not report.available:
        await driver.close()
        missing(f"containers: {report.reason}; {report.fix}")
    await asyncio.to_thread(make_image)
    runtime = _runtime()
    driver._images._found[runtime.kind] = IMAGE  # its recipe is make_image, not ours
    return World(driver, runtime, sources, installation)


async def microvm_world(sources: dict[str, str], folder: Path) -> World:
    """Emulated where KVM does not execute guests: a machine boots in seconds then."""
    installation = f"test{secrets.token_hex(4)}"
    driver = MicrovmDriver(
        MicrovmSettings(installation, tools=folder / "tools", emulate=True, families=frozenset({"test"}))
    )
    report = await driver.probe()
    if not report.available:
        missing(f"microVMs: {report.reason}; {report.fix}")
    return await _provisioned(World(driver, _runtime(), sources, installation))


async def zygote_world(sources: dict[str, str], folder: Path) -> World:
    """The product's own Python launcher: a zygote is part of it."""
    runtime = load_catalogue().get("python:3.11")
    assert runtime is not None
    installation = f"test{secrets.token_hex(4)}"
    driver = ZygoteDriver(ProcessSettings(installation, folder / "run"))
    report = await driver.probe()
    if not report.available:
        missing(f"zygotes: {report.reason}; {report.fix}")
    return await _provisioned(World(driver, runtime, sources, installation))


def _runtime() -> Runtime:
    return Runtime(kind="test:1", family="test", directory=LAUNCHER, command=COMMAND, image=IMAGE)


async def _provisioned(world: World) -> World:
    async def ignore(_: object) -> None:
        return None

    assert (await world.driver.provision(world.runtime, ignore)).ready
    return world


def make_image() -> None:
    """An image of this machine's own Python with the test launcher in it: a second's work, no registry."""
    client = docker.from_env(timeout=120)
    try:
        if not client.images.list(IMAGE):
            changes = [f'CMD ["{PYTHON}","-S","-E","/runtime/launcher.py"]', "ENV ARGO_LISTEN=tcp:0.0.0.0:8080"]
            client.api.import_image_from_data(_root_archive(), repository=IMAGE, tag="latest", changes=changes)
    finally:
        client.close()


def _root_archive() -> bytes:
    binary = Path(PYTHON).resolve()
    library = Path("/usr/lib") / binary.name
    needed = {str(binary)}
    for each in (binary, *(library / "lib-dynload").glob("*.so")):
        linked = subprocess.run(["ldd", str(each)], capture_output=True, text=True, check=True).stdout
        needed |= set(re.findall(r"(/\S+) \(", linked))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        for path in sorted(needed):
            archive.add(path, str(Path(path).parent.resolve() / Path(path).name))
        archive.add(library, str(library), filter=lambda each: None if "/test" in each.name else each)
        archive.add("/usr/bin/python3")
        archive.add("/usr/bin/dash", "/usr/bin/sh")
        archive.add(LAUNCHER, "/runtime")
        for name in ("bin", "lib", "lib64"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            archive.addfile(link)
        for name in ("tmp", "proc", "sys", "dev", "etc", "argo"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(folder)
    return buffer.getvalue()


def leftovers(installation: str) -> list[str]:
    """Processes of this machine whose environment carries the installation's mark, and containers with its label."""
    found = list(map(str, marked_processes(MARKER, f"{installation}/")))
    label = f"label={INSTALLATION_LABEL}={installation}"
    if shutil.which("docker"):
        listed = subprocess.run(["docker", "ps", "-aq", "--filter", label], capture_output=True, text=True, check=False)
        found += listed.stdout.split()
    return found
