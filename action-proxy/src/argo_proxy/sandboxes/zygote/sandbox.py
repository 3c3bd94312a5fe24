"""One invocation slot of a Python function: a child of its namespace's zygote, forked at /init."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from argo_proxy.protocol.channel import StreamsAddress
from argo_proxy.protocol.logs import STDERR, STDOUT, LogCapture
from argo_proxy.sandboxes.conversation import Conversation
from argo_proxy.sandboxes.destruction import Destruction
from argo_proxy.sandboxes.niuk.slot import InitRequest
from argo_proxy.sandboxes.port import (
    Answer,
    CollectedLogs,
    Gone,
    Residence,
    SandboxCreationError,
    SandboxKind,
    SandboxSpec,
    SandboxStats,
)
from argo_proxy.sandboxes.printing import Printed
from argo_proxy.sandboxes.process.cgroups import ControlGroup
from argo_proxy.sandboxes.process.proc import stats_of
from argo_proxy.sandboxes.zygote.house import Child, Wanted, ZygoteHouse
from argo_proxy.sandboxes.zygote.launching import imports_of

_END_SECONDS = 3.0
_MOST_STREAMS = 48  # descriptors in one message


class Houses(Protocol):
    """The zygotes of a machine."""

    def house(self, namespace: str, modules: tuple[str, ...]) -> ZygoteHouse: ...

    async def leave(self, house: ZygoteHouse, identity: str) -> None: ...

    def group(self, identity: str, spec: SandboxSpec) -> ControlGroup | None:
        """A control group with the sandbox's own limits; None where there are none. Blocks. Raises OSError."""
        ...


class ZygoteSandbox:
    """A `Sandbox`. Made by `ZygoteDriver.create`; nothing runs for it before /init."""

    kind = SandboxKind.ZYGOTE

    def __init__(self, identity: str, spec: SandboxSpec, houses: Houses) -> None:
        self._id = identity
        self._spec = spec
        self._houses = houses
        self._logs = LogCapture(capacity=spec.log_buffer_bytes)
        self._house: ZygoteHouse | None = None
        self._group: ControlGroup | None = None
        self._child: Child | None = None
        self._conversation: Conversation | None = None
        self._callback: Callable[[Gone], None] | None = None
        self._transports: list[asyncio.BaseTransport] = []
        self._turns = asyncio.Semaphore(min(max(spec.concurrency, 1), _MOST_STREAMS))
        self._exit_code: int | None = None
        self._destruction = Destruction(self._id, self._destroy)

    @property
    def id(self) -> str:
        return self._id

    @property
    def pid(self) -> int | None:
        """The child's process on this machine, once there is one."""
        return self._child.pid if self._child else None

    @property
    def zygote_pid(self) -> int | None:
        """The outermost process of its zygote, once there is one."""
        return self._house.pid if self._house else None

    async def init(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        """Fork from the zygote of the function's namespace and modules, then POST /init to the child."""
        if self._conversation is None:
            request = InitRequest.parse(body)
            modules = () if request.binary else imports_of(request.code)
            try:
                # Without a namespace it shares with nobody.
                self._conversation = await self._fork(request.namespace or self._id, modules)
            except (OSError, TimeoutError, SandboxCreationError):
                return Gone(sent=False)
        return await self._conversation.init(body, timeout, limit)

    async def run(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        if self._conversation is None:
            return Gone(sent=False)
        async with self._turns:
            return await self._conversation.run(body, timeout, limit)

    async def collect_logs(self, *, limit: int, wait: float) -> CollectedLogs:
        return await self._logs.collect(limit=limit, wait=wait)

    async def stats(self) -> SandboxStats:
        """What is this child's alone where control groups tell, else its proportional share."""
        child = self._child
        return SandboxStats(0, 0.0, 0) if child is None else await stats_of(self._group, child.pid)

    async def residence(self) -> Residence | None:
        group = self._group
        return None if group is None else Residence(group.processes(), group.memory_folder)

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        self._callback = callback
        if self._conversation is not None:
            self._conversation.on_exit(callback)

    async def destroy(self) -> None:
        await self._destruction.ended()

    async def _fork(self, namespace: str, modules: tuple[str, ...]) -> Conversation:
        spec, loop = self._spec, asyncio.get_running_loop()
        self._house = self._houses.house(namespace, modules)
        self._group = await asyncio.to_thread(self._houses.group, self._id, spec)
        wanted = Wanted(
            self._id,
            streams=min(max(spec.concurrency, 1), _MOST_STREAMS),
            threaded=spec.concurrency > 1,
            memory_bytes=0 if self._group else spec.memory_mb << 20,
            environment={
                "ARGO_MEMORY_MB": str(spec.memory_mb),
                "ARGO_CONCURRENCY": str(spec.concurrency),
                **spec.environment,
            },
        )
        child = self._child = await self._house.fork(wanted, self._group, self._ended)
        for name, stream in ((STDOUT, child.stdout), (STDERR, child.stderr)):
            transport, _ = await loop.create_connection(partial(Printed, self._logs, name), sock=stream)
            self._transports.append(transport)
        address = StreamsAddress(list(child.streams))
        conversation = Conversation(address, self._logs, seal=_nothing_to_seal, autopsy=self._autopsy)
        if self._callback is not None:
            conversation.on_exit(self._callback)
        return conversation

    def _ended(self, code: int | None) -> None:
        self._exit_code = code
        if self._conversation is not None:
            self._conversation.ended()

    async def _autopsy(self) -> Gone:
        group = self._group
        out_of_memory = group is not None and await asyncio.to_thread(group.out_of_memory)
        return Gone(out_of_memory=out_of_memory, exit_code=self._exit_code)

    async def _destroy(self) -> None:
        house, group = self._house, self._group
        if self._conversation is not None:
            self._conversation.close()
        if house is not None:
            house.kill(self._id)
        if group is not None:
            await asyncio.to_thread(group.destroy, within=_END_SECONDS)
        elif self._conversation is not None:
            await self._conversation.until_over(_END_SECONDS)
        if house is not None:
            await self._houses.leave(house, self._id)
        for transport in self._transports:
            transport.close()


async def _nothing_to_seal() -> None:
    """The child has no folder of this machine."""
