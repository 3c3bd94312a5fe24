"""The zygote of one namespace and set of modules: started with its first child, ended with its last."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from argo_proxy import jsontext
from argo_proxy.sandboxes.niuk.launching import HostProcess
from argo_proxy.sandboxes.port import SandboxCreationError
from argo_proxy.sandboxes.process.cgroups import ControlGroup
from argo_proxy.sandboxes.zygote.launching import ZygoteLauncher

_START_SECONDS = 20.0
_FORK_SECONDS = 10.0
_PACKET = 1 << 16
_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Child:
    """A forked sandbox before its function: `pid` is of this machine, the streams are ours."""

    pid: int
    streams: tuple[socket.socket, ...]
    stdout: socket.socket
    stderr: socket.socket


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a child is forked with."""

    identity: str
    streams: int
    threaded: bool
    memory_bytes: int  # 0 where a control group holds it
    environment: Mapping[str, str]


class ZygoteHouse:
    """`on_end(identity, code)` of a child is called once, with None where the zygote itself ended."""

    def __init__(self, launcher: ZygoteLauncher) -> None:
        self._launcher = launcher
        self._host: HostProcess | None = None
        self._control: socket.socket | None = None
        self._ready: asyncio.Future[tuple[str, ...]] | None = None
        self._starting = asyncio.Lock()
        self._children: dict[str, Callable[[int | None], None]] = {}
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The outermost process on this machine, if it runs."""
        return self._host.pid if self._host else None

    async def fork(self, wanted: Wanted, group: ControlGroup | None, on_end: Callable[[int | None], None]) -> Child:
        """A child that waits for its /init, in `group`. Raises OSError, TimeoutError, SandboxCreationError."""
        async with self._starting:
            if self._host is None:
                await self._start()
        pairs = [socket.socketpair() for _ in range(wanted.streams + 3)]
        ours = [one for one, _ in pairs]
        theirs: list[socket.socket | IO[bytes]] = [other for _, other in pairs]
        hello, stdout, stderr, *streams = ours
        self._children[wanted.identity] = on_end
        try:
            for stream in ours:
                stream.setblocking(False)
            hello.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            entrances = [path.open("wb", buffering=0) for path in group.entrances] if group else []
            theirs += entrances
            self._send(_fork_message(wanted, len(entrances)), theirs)
            async with asyncio.timeout(_FORK_SECONDS):
                pid = await _credentials(hello)
        except BaseException:
            self._children.pop(wanted.identity, None)
            for stream in (stdout, stderr, *streams):
                stream.close()
            raise
        finally:
            hello.close()
            for descriptor in theirs:
                descriptor.close()
        return Child(pid, tuple(streams), stdout, stderr)

    def kill(self, identity: str) -> None:
        """End a child and what it started in its own session; its end is told as any other."""
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._send({"kill": identity}, [])

    async def leave(self, identity: str) -> bool:
        """A child's sandbox is gone. True when it was the last one: the zygote is over then."""
        self._children.pop(identity, None)
        if self._children:
            return False
        await self.close()
        return True

    async def close(self) -> None:
        """End the zygote with all its children. Idempotent."""
        host, self._host = self._host, None
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        if host is not None:
            await host.end()
        if self._watch is not None and self._watch is not asyncio.current_task():
            await asyncio.wait([self._watch], timeout=_FORK_SECONDS)

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            host = await self._launcher.launch(f"z{secrets.token_hex(6)}", theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        self._host, self._control, self._ready = host, ours, loop.create_future()
        loop.add_reader(ours, self._heard)
        self._watch = loop.create_task(self._until_over(host), name=f"zygote {host.pid}")
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._ready
        except BaseException:
            await self.close()
            raise

    def _heard(self) -> None:
        if self._control is None:
            return
        try:
            data = self._control.recv(_PACKET)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._control)
            return
        self._take(jsontext.decode(data))

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message and self._ready is not None and not self._ready.done():
            self._ready.set_result(tuple(message["ready"]))
        elif "ended" in message and (on_end := self._children.pop(str(message["ended"]), None)):
            on_end(int(message["code"]))

    async def _until_over(self, host: HostProcess) -> None:
        while not await host.wait(seconds=3600):
            pass
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(SandboxCreationError(f"the zygote ended: {host.last_words[-500:]}"))
        children, self._children = self._children, {}
        for on_end in children.values():
            on_end(None)
        if self._host is host:
            await self.close()

    def _send(self, message: Mapping[str, Any], descriptors: Sequence[socket.socket | IO[bytes]]) -> None:
        if self._control is None:
            raise SandboxCreationError("the zygote has ended")
        data = [jsontext.encode(message)]
        if descriptors:
            socket.send_fds(self._control, data, [stream.fileno() for stream in descriptors])
        else:
            self._control.send(data[0])


def _fork_message(wanted: Wanted, entrances: int) -> dict[str, Any]:
    return {
        "fork": wanted.identity,
        "entrances": entrances,
        "streams": wanted.streams,
        "threaded": wanted.threaded,
        "memory": wanted.memory_bytes,
        "env": dict(wanted.environment),
    }


async def _credentials(hello: socket.socket) -> int:
    """The process id, here, of whoever sends the first byte: the kernel says it. Raises OSError."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()
    loop.add_reader(hello, _settle, arrived)
    try:
        await arrived
    finally:
        loop.remove_reader(hello)
    data, ancillary, _, _ = hello.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size))
    for level, kind, content in ancillary:
        if data and (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid: int = _CREDENTIALS.unpack(content[: _CREDENTIALS.size])[0]
            return pid
    raise ConnectionError("the child ended before it said who it is")


def _settle(arrived: asyncio.Future[None]) -> None:
    if not arrived.done():
        arrived.set_result(None)
