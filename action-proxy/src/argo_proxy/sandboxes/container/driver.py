"""The driver `container`: sandboxes as containers of Docker Engine. See recipe.py for their limits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import docker

from argo_proxy.protocol.channel import Address, TcpAddress, UnixAddress
from argo_proxy.protocol.logs import LogCapture
from argo_proxy.runtimes import Runtime
from argo_proxy.sandboxes.container.engine import Engine, EngineError, attached_socket
from argo_proxy.sandboxes.container.images import Images
from argo_proxy.sandboxes.container.recipe import (
    INSTALLATION_LABEL,
    STOCK_PORT,
    ContainerPlan,
    creation_arguments,
    host_arguments,
)
from argo_proxy.sandboxes.container.relay import ApiRelay, ContainerNetwork, is_loopback, network_of
from argo_proxy.sandboxes.container.sandbox import Container, ContainerSandbox, remove_container
from argo_proxy.sandboxes.container.streams import OutputReader
from argo_proxy.sandboxes.folders import SandboxFolder, sweep_folders
from argo_proxy.sandboxes.port import DriverReport, Provision, SandboxCreationError, SandboxKind, SandboxSpec
from argo_proxy.sandboxes.process.users import UserIds

_PULL_SECONDS = 300.0
_API_HOST = "__OW_API_HOST"
_ENGINE_FIX = "install and start Docker Engine: apt-get install docker.io && systemctl start docker"


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """`installation`: a short id, the same at every start over the same data, no other service's on this machine."""

    installation: str
    run_dir: Path  # sockets of running sandboxes; on this machine and seen by the engine under the same path
    engine: str | None = None  # "unix:///…"; None: DOCKER_HOST, else the local socket
    network: str = "bridge"
    pull: bool = True  # whether an image that is not here may be asked of a registry


class ContainerDriver:
    """A `SandboxDriver`. Call `probe` before anything else."""

    kind = SandboxKind.CONTAINER

    def __init__(self, settings: ContainerSettings) -> None:
        self._settings = settings
        self._engine = Engine(settings.engine)
        self._images = Images(self._engine, settings.installation)
        self._users = UserIds(f"containers of {settings.installation}")
        self._relay = ApiRelay()
        self._network: ContainerNetwork | None = None
        self._available = False

    async def probe(self) -> DriverReport:
        """Whether an engine answers, and which limits its kernel cannot hold."""
        try:
            info = await self._engine.call(lambda client: client.info(), seconds=10)
        except EngineError as error:
            self._available = False
            return DriverReport(
                self.kind, available=False, reason=f"no Docker Engine answers: {error}", fix=_ENGINE_FIX
            )
        limits = {"MemoryLimit": "memory", "CpuCfsQuota": "processor time", "PidsLimit": "number of processes"}
        degraded = [f"this engine cannot limit {what}" for name, what in limits.items() if not info.get(name)]
        if not any("seccomp" in option for option in info.get("SecurityOptions") or ()):
            degraded.append("this engine has no system call filter")
        if os.geteuid() != 0:
            degraded.append("not root: the sandboxes' socket folders cannot be closed to other users")
        await asyncio.to_thread(self._make_run_dir)
        self._network = await self._find_network()
        self._available = True
        return DriverReport(self.kind, available=True, degraded=tuple(degraded))

    async def provision(self, runtime: Runtime, progress: Callable[[Provision], Awaitable[None]]) -> Provision:
        return await self._images.provision(runtime, progress)

    def ready(self, runtime: Runtime | None, image: str | None) -> bool:
        """An image of the user's is looked for when it is used; ours are ready once found or built."""
        if not self._available:
            return False
        return image is not None or (runtime is not None and self._images.reference(runtime) is not None)

    async def create(self, spec: SandboxSpec) -> ContainerSandbox:
        if spec.egress:
            raise SandboxCreationError("Functions in containers cannot be held to a list of networks.")
        identity = f"c{secrets.token_hex(6)}"
        spec = await self._with_reachable_api(spec)
        plan = await (self._plan_stock(identity, spec) if spec.image is not None else self._plan_own(identity, spec))
        release = self._releaser(plan.uid)
        folder = plan.folder
        container_id = ""
        try:
            if folder is not None:
                await asyncio.to_thread(_make_folder, folder, plan.uid)
            container_id = await self._engine.call(lambda client: _create(client, plan))
            return await self._start(plan, Container(container_id, self._engine, folder, release))
        except EngineError as error:
            if container_id:
                await remove_container(self._engine, container_id)
            if folder is not None:
                await asyncio.to_thread(folder.remove)
            release()
            raise SandboxCreationError(f"cannot start a container of {plan.image}: {error}") from error

    async def sweep(self) -> int:
        label = f"{INSTALLATION_LABEL}={self._settings.installation}"
        try:
            found = await self._engine.call(lambda client: client.containers(all=True, filters={"label": label}))
        except EngineError:
            found = []
        await asyncio.gather(*(remove_container(self._engine, each["Id"]) for each in found))
        await asyncio.to_thread(sweep_folders, self._settings.run_dir)
        return len(found)

    async def close(self) -> None:
        await self._relay.close()
        await self._engine.close()
        await asyncio.to_thread(self._remove_run_dir)

    async def _with_reachable_api(self, spec: SandboxSpec) -> SandboxSpec:
        """A container's loopback is its own: an API on ours is reached through the relay."""
        url = spec.environment.get(_API_HOST, "")
        if self._network is None or not is_loopback(url):
            return spec
        try:
            reached = await self._relay.reachable(url, self._network)
        except OSError as error:
            raise SandboxCreationError(f"cannot listen on {self._network.gateway} for functions: {error}") from error
        return replace(spec, environment={**spec.environment, _API_HOST: reached})

    async def _find_network(self) -> ContainerNetwork | None:
        try:
            return network_of(await self._engine.call(lambda client: client.inspect_network(self._settings.network)))
        except EngineError:
            return None

    def _remove_run_dir(self) -> None:
        with contextlib.suppress(OSError):  # not empty: what would not end is left to the next sweep
            self._settings.run_dir.rmdir()

    def _make_run_dir(self) -> None:
        self._settings.run_dir.mkdir(parents=True, exist_ok=True)
        self._settings.run_dir.chmod(0o711)

    async def _plan_own(self, identity: str, spec: SandboxSpec) -> ContainerPlan:
        image = self._images.reference(spec.runtime) if spec.runtime is not None else None
        if image is None:
            kind = spec.runtime.kind if spec.runtime is not None else "?"
            raise SandboxCreationError(f"the image of {kind} is not built yet")
        uid = self._users.take() if os.geteuid() == 0 else os.geteuid()
        folder = SandboxFolder(self._settings.run_dir / identity)
        return ContainerPlan(identity, self._settings.installation, image, spec, self._settings.network, uid, folder)

    async def _plan_stock(self, identity: str, spec: SandboxSpec) -> ContainerPlan:
        image = spec.image or ""
        if not spec.network:
            raise SandboxCreationError(f"The image '{image}' is spoken to over the network, which is off for it.")
        if not await self._images.present(image) and not (self._settings.pull and await self._pull(image)):
            raise SandboxCreationError(f"Failed to pull container image '{image}'.", user_fault=True)
        return ContainerPlan(identity, self._settings.installation, image, spec, self._settings.network)

    async def _pull(self, image: str) -> bool:
        try:
            async with asyncio.timeout(_PULL_SECONDS):
                await self._images.pull(image)
        except EngineError:
            return False
        return True

    def _releaser(self, uid: int | None) -> Callable[[], None]:
        def release() -> None:
            if uid is not None and os.geteuid() == 0:
                self._users.give_back(uid)

        return release

    async def _start(self, plan: ContainerPlan, container: Container) -> ContainerSandbox:
        """Attach first, so that no line is missed; then start, and only then is a stock container's address known."""
        logs = LogCapture(capacity=plan.spec.log_buffer_bytes)
        output = await self._engine.call(lambda client: attached_socket(client, container.container_id))
        loop = asyncio.get_running_loop()
        connect = loop.create_unix_connection if output.family == socket.AF_UNIX else loop.create_connection
        transport, reader = await connect(lambda: OutputReader(logs), sock=output)
        try:
            await self._engine.call(lambda client: client.start(container.container_id))
            address = await self._address(container)
        except EngineError:
            transport.close()
            raise
        return ContainerSandbox(plan.identity, container, address, logs, (transport, reader))

    async def _address(self, container: Container) -> Address:
        if container.folder is not None:
            return UnixAddress(container.folder.socket)
        found = await self._engine.call(lambda client: client.inspect_container(container.container_id))
        networks = found["NetworkSettings"]["Networks"].values()
        address = next((each["IPAddress"] for each in networks if each.get("IPAddress")), "")
        return TcpAddress(address or "127.0.0.1", STOCK_PORT)


def _make_folder(folder: SandboxFolder, uid: int | None) -> None:
    owner = os.geteuid() if uid is None else uid
    folder.make(owner if os.geteuid() == 0 else None)
    folder.write_accounts(owner)


def _create(client: docker.APIClient, plan: ContainerPlan) -> str:
    host_config = client.create_host_config(**host_arguments(plan))
    created = client.create_container(**creation_arguments(plan), host_config=host_config)
    return str(created["Id"])
