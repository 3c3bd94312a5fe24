"""Firecracker in QEMU's place: a client of its API, and a launcher of NIUks over it.

NOT RUN HERE: no machine of this project had a KVM that executes guests, which Firecracker needs. The client is held to
an exchange written down from Firecracker's API description (1.x), not recorded from a run.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from argo_proxy.sandboxes.microvm.launching import ENVIRONMENT, drop_group, enter_group, machine_group
from argo_proxy.sandboxes.niuk.launching import HostProcess, Sizes, spawn
from argo_proxy.sandboxes.port import SandboxCreationError
from argo_proxy.sandboxes.process.cgroups import ControlGroups

PROGRAM = "firecracker"
VSOCK_PORT = 5000  # where the guest's host listens
_GUEST_CID = 3  # each machine's socket is its own: one number serves all
_API_SECONDS = 5.0
_POLL_SECONDS = 0.005
_CHUNK = 1 << 16


class FirecrackerError(Exception):
    """The API refused a request, or nobody answers."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the API; all of them answer 204 where they did what was asked."""

    method: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FirecrackerMachine:
    """What is told of a machine before it starts. Paths are as the Firecracker process sees them."""

    kernel: Path
    initramfs: Path
    vsock: Path  # the socket on this machine behind which the guest's ports are
    memory_mb: int = 256
    arguments: Sequence[str] = ()  # for the first program
    tap: str = ""  # a tap device for the guest's network; "": none


def boot_requests(machine: FirecrackerMachine) -> list[Request]:
    """What makes a machine and starts it, in order. Pure."""
    words = ["console=ttyS0", "quiet", "reboot=k", "panic=-1", "pci=off", *machine.arguments]
    boot = {
        "kernel_image_path": str(machine.kernel),
        "initrd_path": str(machine.initramfs),
        "boot_args": " ".join(words),
    }
    size = {"vcpu_count": 1, "mem_size_mib": machine.memory_mb, "smt": False}
    requests = [
        Request("PUT", "/machine-config", size),
        Request("PUT", "/boot-source", boot),
        Request("PUT", "/vsock", {"guest_cid": _GUEST_CID, "uds_path": str(machine.vsock)}),
    ]
    if machine.tap:
        network = {"iface_id": "eth0", "host_dev_name": machine.tap}
        requests.append(Request("PUT", "/network-interfaces/eth0", network))
    return [*requests, Request("PUT", "/actions", {"action_type": "InstanceStart"})]


def save_requests(memory: Path, state: Path) -> list[Request]:
    """What saves a running machine. Pure."""
    saved = {"snapshot_type": "Full", "snapshot_path": str(state), "mem_file_path": str(memory)}
    return [Request("PATCH", "/vm", {"state": "Paused"}), Request("PUT", "/snapshot/create", saved)]


def restore_requests(memory: Path, state: Path) -> list[Request]:
    """What starts a copy in a fresh process; the memory file is mapped privately. Pure."""
    backend = {"backend_type": "File", "backend_path": str(memory)}
    return [Request("PUT", "/snapshot/load", {"snapshot_path": str(state), "mem_backend": backend, "resume_vm": True})]


class Api(Protocol):
    """Somebody who carries requests out."""

    async def call(self, request: Request) -> None:
        """Raises FirecrackerError with the words of its fault."""
        ...


class FirecrackerApi:
    """The API of one Firecracker process, over its unix socket. Use it as a context."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> FirecrackerApi:
        limit = aiohttp.ClientTimeout(total=_API_SECONDS)
        self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self._path)), timeout=limit)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, request: Request) -> None:
        if self._session is None:
            raise FirecrackerError("the API is not open")
        try:
            address = f"http://localhost{request.path}"
            async with self._session.request(request.method, address, json=dict(request.body)) as answer:
                if answer.status != 204:
                    raise FirecrackerError(f"{request.method} {request.path}: {await _fault(answer)}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FirecrackerError(f"{request.method} {request.path}: no answer: {error}") from error


async def _fault(answer: aiohttp.ClientResponse) -> str:
    try:
        return str((await answer.json(content_type=None))["fault_message"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status}"


async def carry_out(api: Api, requests: Sequence[Request]) -> None:
    """One after the other. Raises FirecrackerError at the first that is refused."""
    for request in requests:
        await api.call(request)


async def connect_vsock(path: Path, port: int) -> socket.socket:
    """A stream to a port of the guest, tried until somebody listens there. The caller limits the time."""
    loop = asyncio.get_running_loop()
    while True:
        stream = socket.socket(socket.AF_UNIX)
        stream.setblocking(False)
        try:
            await loop.sock_connect(stream, str(path))
            await loop.sock_sendall(stream, f"CONNECT {port}\n".encode())
            if (await _line(stream)).startswith(b"OK "):
                return stream
        except (FileNotFoundError, ConnectionError):
            pass  # not there yet
        except BaseException:
            stream.close()
            raise
        stream.close()
        await asyncio.sleep(_POLL_SECONDS)


async def _line(stream: socket.socket) -> bytes:
    """Byte by byte: what follows the line belongs to the guest."""
    loop, line = asyncio.get_running_loop(), b""
    while not line.endswith(b"\n"):
        byte = await loop.sock_recv(stream, 1)
        if not byte:
            return b""
        line += byte
    return line


@dataclass(frozen=True, slots=True)
class FirecrackerLauncher:
    """A `Launcher`. The guest's host listens on a vsock port; bytes are carried between that and the stream given."""

    kernel: Path
    initramfs: Path  # with the host as `init`: see image.niuk_files
    folder: Path  # sockets of running machines
    sizes: Sizes = field(default_factory=lambda: Sizes(memory_mb=512))
    groups: ControlGroups | None = None
    program: str = PROGRAM
    start_seconds: float = 30.0
    shares_files: bool = False
    is_copy: bool = False

    async def launch(self, identity: str, stream: socket.socket) -> HostProcess:
        home = self.folder / identity
        await asyncio.to_thread(home.mkdir, parents=True)
        api, vsock = home / "api", home / "vsock"
        group = await machine_group(self.groups, identity, self.sizes.memory_mb, self.sizes.cpus)
        command = (self.program, "--id", identity, "--api-sock", str(api))
        host: HostProcess | None = None
        try:
            host = HostProcess(await spawn(command, ENVIRONMENT), lambda: drop_group(group), group)
            await asyncio.to_thread(enter_group, group, host.pid)
            guest = await self._while_it_runs(host, self._reach(api, vsock))
        except BaseException as error:
            await (host.end() if host else asyncio.to_thread(drop_group, group))
            if host is not None and isinstance(error, FirecrackerError):
                raise SandboxCreationError(f"the machine could not be started: {error}: {host.last_words}") from error
            raise
        own = socket.socket(fileno=stream.detach())
        own.setblocking(False)
        host.attend(asyncio.ensure_future(carry(own, guest)))
        return host

    async def _while_it_runs(self, host: HostProcess, reach: Coroutine[Any, Any, socket.socket]) -> socket.socket:
        """The stream that is reached. Raises FirecrackerError as soon as the program ends, or when the time is up."""
        reaching = asyncio.ensure_future(reach)
        ended = asyncio.ensure_future(host.wait(seconds=self.start_seconds))
        try:
            await asyncio.wait((reaching, ended), return_when=asyncio.FIRST_COMPLETED)
            if reaching.done():
                return reaching.result()
            why = f"it ended with {host.exit_code}" if ended.result() else f"no answer within {self.start_seconds:g} s"
            raise FirecrackerError(why)
        finally:
            for task in (reaching, ended):
                task.cancel()
            await asyncio.gather(reaching, ended, return_exceptions=True)

    async def _reach(self, api: Path, vsock: Path) -> socket.socket:
        await _until_it_listens(api)
        await self._boot(api, vsock)
        return await connect_vsock(vsock, VSOCK_PORT)

    async def _boot(self, api: Path, vsock: Path) -> None:
        machine = FirecrackerMachine(
            kernel=self.kernel,
            initramfs=self.initramfs,
            vsock=vsock,
            memory_mb=self.sizes.memory_mb,
            arguments=("--vsock-listen", str(VSOCK_PORT)),
        )
        async with FirecrackerApi(api) as client:
            await carry_out(client, boot_requests(machine))


async def _until_it_listens(path: Path) -> None:
    """Nobody tells when a process has made its socket. The caller limits the time."""
    while True:
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            _, writer = await asyncio.open_unix_connection(str(path))
            writer.close()
            return
        await asyncio.sleep(_POLL_SECONDS)


async def carry(one: socket.socket, other: socket.socket) -> None:
    """Bytes both ways until either side ends; then both are closed."""
    try:
        ways = [asyncio.ensure_future(_pump(one, other)), asyncio.ensure_future(_pump(other, one))]
        _, pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in pending:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    finally:
        one.close()
        other.close()


async def _pump(source: socket.socket, sink: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError):
        while data := await loop.sock_recv(source, _CHUNK):
            await loop.sock_sendall(sink, data)


def why_no_vsock(device: Path = Path("/dev/vhost-vsock")) -> str:
    """Why QEMU cannot give its guests vsock on this machine, or "". Firecracker needs none of it."""
    try:
        with device.open("r+b", buffering=0):
            return ""
    except FileNotFoundError:
        return f"{device} is not there (kernel module vhost_vsock): guests are spoken to over virtio-serial"
    except OSError as error:
        return f"{device} does not open ({error.strerror}): guests are spoken to over virtio-serial"
