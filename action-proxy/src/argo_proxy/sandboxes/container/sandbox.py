"""One container, the runtime in it, and what it prints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors

from argo_proxy.protocol.channel import Address
from argo_proxy.protocol.logs import LogCapture
from argo_proxy.sandboxes.container.engine import Engine, EngineError
from argo_proxy.sandboxes.container.streams import OutputReader
from argo_proxy.sandboxes.conversation import Conversation
from argo_proxy.sandboxes.destruction import Destruction
from argo_proxy.sandboxes.folders import SandboxFolder
from argo_proxy.sandboxes.port import Answer, CollectedLogs, Gone, Residence, SandboxKind, SandboxStats
from argo_proxy.sandboxes.process.proc import memory_folder_of, tree

_REMOVAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Container:
    """What a sandbox holds: a container of the engine, and things of this machine."""

    container_id: str
    engine: Engine
    folder: SandboxFolder | None
    release: Callable[[], None]


class ContainerSandbox:
    """A `Sandbox`. Made by `ContainerDriver.create`, with its container already running."""

    kind = SandboxKind.CONTAINER

    def __init__(
        self,
        identity: str,
        container: Container,
        address: Address,
        logs: LogCapture,
        output: tuple[asyncio.BaseTransport, OutputReader],
    ) -> None:
        self._id = identity
        self._container = container
        self._conversation = Conversation(address, logs, seal=self._seal, autopsy=self._autopsy)
        self._output, reader = output
        self._destruction = Destruction(self._id, self._destroy)
        self._post_mortem: asyncio.Task[None] | None = None
        reader.tell(self._output_ended)

    @property
    def id(self) -> str:
        return self._id

    @property
    def container_id(self) -> str:
        """The engine's name for it."""
        return self._container.container_id

    def _output_ended(self) -> None:
        """The engine has ended the stream of its output, mostly because the container has ended."""
        if not self._destruction.begun and self._post_mortem is None:
            self._post_mortem = asyncio.get_running_loop().create_task(self._look(), name=f"inspect {self._id}")

    async def init(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        return await self._conversation.init(body, timeout, limit)

    async def run(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        return await self._conversation.run(body, timeout, limit)

    async def collect_logs(self, *, limit: int, wait: float) -> CollectedLogs:
        return await self._conversation.collect(limit=limit, wait=wait)

    async def recorded(self, *, limit: int) -> bytes:
        return await self._conversation.recorded(limit)

    async def stats(self) -> SandboxStats:
        try:
            found = await self._container.engine.call(self._read_stats)
        except EngineError:
            return SandboxStats(0, 0.0, 0)
        memory, cpu, pids = found.get("memory_stats", {}), found.get("cpu_stats", {}), found.get("pids_stats", {})
        nanoseconds = cpu.get("cpu_usage", {}).get("total_usage", 0)
        return SandboxStats(memory.get("usage", 0), nanoseconds / 1e9, pids.get("current", 0))

    async def residence(self) -> Residence | None:
        first = (await self._state()).get("Pid") or 0
        return await asyncio.to_thread(self._residence, first) if first else None

    def _residence(self, first: int) -> Residence | None:
        folder = memory_folder_of(first)
        if folder is None or self.container_id not in folder.name:  # it is shared with others
            return None
        return Residence(tree(first), folder)

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        self._conversation.on_exit(callback)

    async def destroy(self) -> None:
        await self._destruction.ended()

    def _read_stats(self, client: docker.APIClient) -> dict[str, Any]:
        found: dict[str, Any] = client.stats(self.container_id, stream=False, one_shot=True)
        return found

    async def _seal(self) -> None:
        if self._container.folder is not None:
            await asyncio.to_thread(self._container.folder.seal)

    async def _state(self) -> dict[str, Any]:
        """The engine's account of the container, {} where it has none."""
        try:
            found = await self._container.engine.call(lambda client: client.inspect_container(self.container_id))
        except EngineError:
            return {}
        state: dict[str, Any] = found["State"]
        return state

    async def _look(self) -> None:
        state = await self._state()
        if not state.get("Running", False):
            self._conversation.ended()

    async def _autopsy(self) -> Gone:
        state = await self._state()
        exit_code = None if state.get("Running", True) else state.get("ExitCode")
        return Gone(out_of_memory=bool(state.get("OOMKilled")), exit_code=exit_code)

    async def _destroy(self) -> None:
        self._conversation.close()
        removed = await remove_container(self._container.engine, self.container_id)
        self._output.close()
        if self._post_mortem is not None:
            await self._post_mortem
        if self._container.folder is not None:
            await asyncio.to_thread(self._container.folder.remove)
        if removed:
            self._container.release()


async def remove_container(engine: Engine, container_id: str) -> bool:
    """Kill and remove it with its volumes; False if the engine did not manage to."""
    try:
        await engine.call(
            lambda client: client.remove_container(container_id, force=True, v=True), seconds=_REMOVAL_SECONDS
        )
    except docker.errors.NotFound:
        return True
    except EngineError:
        return False
    return True
