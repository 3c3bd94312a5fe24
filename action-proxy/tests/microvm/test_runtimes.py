"""Java and Node.js in machines of their own, booted by the driver that functions asking for one get. Emulated, so slow."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import secrets
import subprocess
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from argo_proxy.runtimes import default_tools_directory, load_catalogue
from argo_proxy.sandboxes.microvm.driver import MicrovmDriver, MicrovmSettings
from argo_proxy.sandboxes.microvm.sandbox import MicrovmSandbox
from argo_proxy.sandboxes.port import Answered, Provision, SandboxSpec

pytestmark = pytest.mark.integration

SECONDS = 120.0
LIMIT = 1 << 20
JAVA = """
import com.google.gson.JsonObject;

public class Hello {
    public static JsonObject main(JsonObject args) {
        JsonObject result = new JsonObject();
        result.addProperty("greeting", "Hello " + args.get("name").getAsString());
        result.addProperty("user", System.getProperty("user.name"));
        return result;
    }
}
"""
NODE = """
const http = require('http');
exports.main = ({port}) => new Promise((resolve) => {
  const got = (answer) => answer.on('data', (text) => resolve({said: String(text), pid: process.pid > 1}));
  http.get({host: '10.0.2.2', port, path: '/'}, got).on('error', (error) => resolve({failed: error.code}));
});
"""


@contextlib.asynccontextmanager
async def sandbox_of(kind: str, kernel: Path, probe: Path, *, network: bool) -> AsyncIterator[MicrovmSandbox]:
    installation = f"test{secrets.token_hex(4)}"
    settings = MicrovmSettings(installation, emulate=True, network=network, kernel=kernel, probe=probe)
    driver = MicrovmDriver(settings)
    report = await driver.probe()
    assert report.available, report.reason
    runtime = load_catalogue().get(kind)
    assert runtime is not None

    async def ignore(_: Provision) -> None:
        return None

    try:
        done = await driver.provision(runtime, ignore)
        if not done.ready and os.environ.get("CI") != "true":
            pytest.skip(done.error)
        assert done.ready, done.error
        sandbox = await driver.create(SandboxSpec(runtime, 256, network=network))
        try:
            yield sandbox
        finally:
            await sandbox.destroy()
    finally:
        await driver.close()


async def answer(sandbox: MicrovmSandbox, init: dict[str, Any], params: dict[str, Any]) -> Any:
    """What the function gives."""
    platform = {"__OW_NAMESPACE": "guest", "__OW_ACTION_NAME": "/guest/f"}
    made = await sandbox.init(
        json.dumps({"value": init | {"name": "f", "env": platform}}).encode(), timeout=SECONDS, limit=LIMIT
    )
    assert isinstance(made, Answered), (made, await sandbox.collect_logs(limit=LIMIT, wait=1))
    assert made.status == 200, made.body
    ran = await sandbox.run(json.dumps({"value": params}).encode(), timeout=SECONDS, limit=LIMIT)
    assert isinstance(ran, Answered), (ran, await sandbox.collect_logs(limit=LIMIT, wait=1))
    assert ran.status == 200, ran.body
    return json.loads(ran.body)


def jar(folder: Path, tool: Path) -> str:
    """The Java function as /init takes it."""
    (folder / "Hello.java").write_text(JAVA)
    classes = folder / "classes"
    command = ["javac", "-cp", f"{tool}/gson.jar", "-d", str(classes), str(folder / "Hello.java")]
    subprocess.run(command, check=True, timeout=SECONDS)
    with zipfile.ZipFile(folder / "f.jar", "w") as archive:
        archive.write(classes / "Hello.class", "Hello.class")
    return base64.b64encode((folder / "f.jar").read_bytes()).decode()


class TestRuntimes:
    """One boot a kind."""

    async def test_java(self, kernel: Path, probe_program: Path, tmp_path: Path) -> None:
        async with sandbox_of("java:17", kernel, probe_program, network=False) as sandbox:
            code = await asyncio.to_thread(jar, tmp_path, default_tools_directory() / "java-17")
            found = await answer(sandbox, {"main": "Hello", "binary": True, "code": code}, {"name": "machine"})
        assert found == {"greeting": "Hello machine", "user": "action"}

    async def test_node_calls_out_where_its_machine_has_a_network(self, kernel: Path, probe_program: Path) -> None:
        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nhere")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, sandbox_of("nodejs:20", kernel, probe_program, network=True) as sandbox:
            found = await answer(sandbox, {"main": "main", "binary": False, "code": NODE}, {"port": port})
        assert found == {"said": "here", "pid": True}
