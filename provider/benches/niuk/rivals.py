"""What NIUks are compared with: the product's HotSpot and Node.js, in containers, processes and microVMs."""

from __future__ import annotations

import base64
import json
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from argo_dev.engine import docker_engine

from argo_proxy.builder.cache import Cache, default_root
from argo_proxy.runtimes import Runtime, default_tools_directory, load_catalogue, runtimes_directory
from argo_proxy.sandboxes.container.driver import ContainerDriver, ContainerSettings
from argo_proxy.sandboxes.container.sandbox import ContainerSandbox
from argo_proxy.sandboxes.microvm.image import ImageError
from argo_proxy.sandboxes.microvm.qemu import Accelerator
from argo_proxy.sandboxes.microvm.runtime_image import hotspot_image
from argo_proxy.sandboxes.microvm.runtime_machine import RuntimeMachine, start_runtime
from argo_proxy.sandboxes.port import Answered, Provision, Sandbox, SandboxDriver, SandboxSpec
from argo_proxy.sandboxes.process.driver import ProcessDriver, ProcessSettings
from argo_proxy.sandboxes.process.proc import tree_stats
from argo_proxy.sandboxes.process.sandbox import ProcessSandbox

from .parts import Missing

JAVA = "java:17"
NODE = "nodejs:20"
MEMORY_MB = 256  # the default of an action
SECONDS = 60.0
LIMIT = 8 << 20
MIB = 1 << 20
_GUEST_MB = 384  # the action's memory, the unpacked image, and the kernel


@dataclass(frozen=True, slots=True)
class Code:
    """A function as /init takes it."""

    main: str
    text: str
    binary: bool
    env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_jar(cls, jar: Path, main: str) -> Code:
        return cls(main, base64.b64encode(jar.read_bytes()).decode(), binary=True)

    def init_body(self) -> bytes:
        value = {"name": "f", "main": self.main, "binary": self.binary, "code": self.text, "env": dict(self.env)}
        return json.dumps({"value": value}).encode()


def run_body(params: Mapping[str, Any]) -> bytes:
    return json.dumps({"value": params}, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Rival:
    """A driver that makes ordinary sandboxes, and which technology it is."""

    kind: str  # "container" or "process"
    driver: SandboxDriver
    runtimes: Mapping[str, Runtime]

    async def first_answer(self, kind: str, code: Code, params: Mapping[str, Any], **environment: str) -> Sandbox:
        """Create a sandbox and have the function answer in it."""
        spec = SandboxSpec(self.runtimes[kind], MEMORY_MB, environment=environment)
        return await initialised(await self.driver.create(spec), code, params)

    async def waiting(self, kind: str) -> Sandbox:
        """A sandbox whose launcher listens, without a function: an /init that it refuses tells."""
        sandbox = await self.driver.create(SandboxSpec(self.runtimes[kind], MEMORY_MB))
        await sandbox.init(b'{"value":{}}', timeout=SECONDS, limit=LIMIT)
        return sandbox


async def initialised(sandbox: Sandbox, code: Code, params: Mapping[str, Any]) -> Sandbox:
    """Have the function answer in it; ends it where that fails."""
    try:
        checked(await sandbox.init(code.init_body(), timeout=SECONDS, limit=LIMIT))
        await call(sandbox, run_body(params))
    except BaseException:
        await sandbox.destroy()
        raise
    return sandbox


async def call(sandbox: Sandbox, body: bytes) -> dict[str, Any]:
    """The result of one run."""
    found: dict[str, Any] = json.loads(checked(await sandbox.run(body, timeout=SECONDS, limit=LIMIT)))
    return found


def checked(answer: object) -> bytes:
    if not isinstance(answer, Answered) or answer.status != 200:
        raise RuntimeError(f"the baseline answered {str(answer)[:500]}")
    return answer.body


@asynccontextmanager
async def container_or_process(*kinds: str) -> AsyncIterator[tuple[Rival, str]]:
    """Containers where Docker Engine answers or can be started, else confined processes with the reason why."""
    with ExitStack() as stack:
        reason = stack.enter_context(docker_engine(default_root()))
        if not reason:
            async with _rival("container", *kinds) as rival:
                yield rival, ""
            return
        async with _rival("process", *kinds) as rival:
            yield rival, reason


@asynccontextmanager
async def processes(*kinds: str) -> AsyncIterator[Rival]:
    """Confined processes."""
    async with _rival("process", *kinds) as rival:
        yield rival


@asynccontextmanager
async def _rival(technology: str, *kinds: str) -> AsyncIterator[Rival]:
    installation = f"bench{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="niuk-bench-", ignore_cleanup_errors=True) as name:
        run_dir = Path(name) / "run"
        driver: SandboxDriver = (
            ContainerDriver(ContainerSettings(installation, run_dir, pull=False))
            if technology == "container"
            else ProcessDriver(ProcessSettings(installation, run_dir))
        )
        report = await driver.probe()
        if not report.available:
            raise Missing(f"no {technology} sandboxes here: {report.reason}; fix: {report.fix}")
        try:
            yield Rival(technology, driver, {kind: await _provisioned(driver, kind) for kind in kinds})
        finally:
            await driver.sweep()
            await driver.close()


async def _provisioned(driver: SandboxDriver, kind: str) -> Runtime:
    runtime = load_catalogue().get(kind)
    if runtime is None:
        raise Missing(f"the catalogue knows no {kind}")

    async def ignore(_: Provision) -> None:
        return None

    done = await driver.provision(runtime, ignore)
    if not done.ready:
        raise Missing(f"{kind} cannot be made usable: {done.error}; fix: action-proxy/runtimes/provision {kind}")
    return runtime


async def hotspot_guest() -> Path:
    """The initramfs of HotSpot's microVM. Raises Missing."""
    runtime = load_catalogue().get(JAVA)
    if runtime is None:
        raise Missing(f"the catalogue knows no {JAVA}")
    sample = runtimes_directory() / "java/train/Sample.java"
    tool = runtime.tool_directory(default_tools_directory())
    try:
        return await hotspot_image(Cache(default_root()), tool, sample, memory_mb=MEMORY_MB)
    except ImageError as error:
        raise Missing(str(error)) from error


async def hotspot_machine(
    kernel: Path, image: Path, how: Accelerator, code: Code, params: Mapping[str, Any]
) -> RuntimeMachine:
    """Power a HotSpot machine on and have the function answer in it."""
    machine = await start_runtime(kernel, image, how, memory_mb=_GUEST_MB)
    try:
        for path, body in (("/init", code.init_body()), ("/run", run_body(params))):
            reply = await machine.post(path, body, seconds=SECONDS)
            if reply.status != 200:
                raise RuntimeError(  # noqa: TRY301
                    f"the baseline answered {reply.status} to {path}: {reply.body[:500]!r}"
                )
    except BaseException:
        await machine.destroy()
        raise
    return machine


def process_id(sandbox: Sandbox) -> int:
    """The outermost process of a sandbox on this machine."""
    if isinstance(sandbox, ProcessSandbox):
        return sandbox.pid
    if isinstance(sandbox, ContainerSandbox):
        return int(inspected(sandbox)["State"]["Pid"])
    raise TypeError(f"{sandbox.kind.value} sandboxes have no process to look at")


def inspected(sandbox: ContainerSandbox) -> dict[str, Any]:
    """The engine's account of a container."""
    client = docker.from_env(timeout=30)
    try:
        found: dict[str, Any] = client.api.inspect_container(sandbox.container_id)
        return found
    finally:
        client.close()


def pss_mb(pid: int) -> float:
    """Proportional share of all that a process and those below it map; MB of 2^20 bytes."""
    return tree_stats(pid).memory_bytes / MIB


def image_of(name: str) -> str:
    """The newest image of that name in the local engine, with its tag."""
    client = docker.from_env(timeout=30)
    try:
        found = client.images.list(name)
    finally:
        client.close()
    if not found:
        raise Missing(f"no image {name} in the engine; fix: action-proxy/runtimes/provision")
    newest = max(found, key=lambda image: str(image.attrs["Created"]))
    return str(newest.tags[0])
