"""The client of Firecracker's API against an exchange that is written down; Firecracker itself is not run here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from argo_proxy.sandboxes.microvm.firecracker import (
    FirecrackerApi,
    FirecrackerError,
    FirecrackerLauncher,
    FirecrackerMachine,
    Request,
    boot_requests,
    carry_out,
    restore_requests,
    save_requests,
    why_no_vsock,
)
from argo_proxy.sandboxes.niuk.launching import Sizes
from argo_proxy.sandboxes.port import SandboxCreationError

EXCHANGE: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "firecracker_exchange.json").read_text()
)
HOME = Path("/m")


def requests(name: str) -> list[Request]:
    return [Request(step["method"], step["path"], step["body"]) for step in EXCHANGE[name]]


def test_a_machine_is_told_of_as_the_api_wants_it() -> None:
    arguments = ("--vsock-listen", "5000")
    machine = FirecrackerMachine(HOME / "vmlinux", HOME / "niuk.cpio", HOME / "vsock", 512, arguments, tap="tap0")
    assert boot_requests(machine) == requests("boot")
    assert save_requests(HOME / "memory", HOME / "state") == requests("save")
    assert restore_requests(HOME / "memory", HOME / "state") == requests("restore")


@contextlib.asynccontextmanager
async def replayed(path: Path, steps: list[dict[str, Any]]) -> AsyncIterator[list[dict[str, Any]]]:
    """A server that expects exactly these requests; what it was not asked is left in the list."""
    left = list(steps)

    async def answer(request: web.Request) -> web.Response:
        step = left.pop(0)
        assert (request.method, request.path, await request.json()) == (step["method"], step["path"], step["body"])
        return (
            web.json_response(step["answer"], status=step["status"]) if "answer" in step else web.Response(status=204)
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    try:
        yield left
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("name", ["boot", "save", "restore"])
async def test_what_is_asked_is_done_in_order(name: str, tmp_path: Path) -> None:
    async with replayed(tmp_path / "api", EXCHANGE[name]) as left, FirecrackerApi(tmp_path / "api") as api:
        await carry_out(api, requests(name))
        assert left == []


async def test_a_refusal_has_its_words(tmp_path: Path) -> None:
    async with replayed(tmp_path / "api", EXCHANGE["refused"]), FirecrackerApi(tmp_path / "api") as api:
        with pytest.raises(FirecrackerError, match="PUT /actions: Cannot start microvm without kernel configuration"):
            await carry_out(api, requests("refused"))
    async with FirecrackerApi(tmp_path / "nobody") as api:
        with pytest.raises(FirecrackerError, match="no answer"):
            await carry_out(api, requests("restore"))


STAND_IN = """#!{python} -S
# Speaks what Firecracker speaks: API on a socket, then a guest behind CONNECT that echoes.
import http.server, os, socket, socketserver, sys, threading
api = sys.argv[sys.argv.index("--api-sock") + 1]
refuse = os.path.exists(os.path.join(os.path.dirname(os.path.dirname(api)), "refuse"))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/actions" and not refuse:
            threading.Thread(target=guest, args=[listening()], daemon=True).start()
        body = b'{{"fault_message":"no KVM"}}' if refuse else b""
        self.send_response(400 if refuse else 204)
        if refuse:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self): return "unix"
    def log_message(self, *_): pass
def listening():
    listener = socket.socket(socket.AF_UNIX); listener.bind(os.path.join(os.path.dirname(api), "vsock")); listener.listen()
    return listener
def guest(listener):
    stream, _ = listener.accept()
    line = b""
    while not line.endswith(b"\\n"): line += stream.recv(1)
    assert line == b"CONNECT 5000\\n", line
    stream.sendall(b"OK 1073741824\\n")
    while data := stream.recv(65536): stream.sendall(data.upper())
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer): daemon_threads = True
Server(api, Handler).serve_forever()
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> str:
    program = tmp_path / "firecracker"
    program.write_text(STAND_IN.format(python="/usr/bin/env -S python3"))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


@pytest.mark.integration
async def test_the_launcher_carries_bytes_to_the_guest_and_back(stand_in: str, tmp_path: Path) -> None:
    launcher = FirecrackerLauncher(HOME / "vmlinux", HOME / "niuk.cpio", tmp_path / "run", Sizes(512), program=stand_in)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        host = await launcher.launch("m1", theirs)
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
        await host.end()
        assert await reader.read() == b""
        writer.close()


@pytest.mark.integration
async def test_a_program_that_ends_at_once_says_its_last_words(tmp_path: Path) -> None:
    program = tmp_path / "firecracker"
    program.write_text("#!/bin/sh\necho no seccomp here\nexit 3\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    launcher = FirecrackerLauncher(
        HOME / "vmlinux", HOME / "niuk.cpio", tmp_path / "run", Sizes(512), program=str(program)
    )
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(SandboxCreationError, match="it ended with 3: no seccomp here"):
        await launcher.launch("m1", theirs)


@pytest.mark.integration
async def test_a_machine_that_cannot_start_says_why(stand_in: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/refuse").touch()
    launcher = FirecrackerLauncher(HOME / "vmlinux", HOME / "niuk.cpio", tmp_path / "run", Sizes(512), program=stand_in)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(SandboxCreationError, match="PUT /machine-config: no KVM"):
        await launcher.launch("m1", theirs)


def test_a_machine_without_vsock_says_what_is_missing(tmp_path: Path) -> None:
    assert "vhost_vsock" in why_no_vsock(tmp_path / "none")
    device = tmp_path / "device"
    device.touch()
    assert why_no_vsock(device) == ""
    if os.geteuid():
        device.chmod(0)
        assert "does not open" in why_no_vsock(device)
