"""`kill -9` during load: what was acknowledged is there after the next start, and nothing else is."""

from __future__ import annotations

import asyncio
import base64
import signal
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from argo_provider.cli.bootstrap import GUEST_KEY
from argo_provider.invocation.journal import CUT_OFF
from argo_provider.machine import installation_id
from argo_proxy.sandboxes.process.confinement import MARKER
from argo_proxy.sandboxes.process.proc import marked_processes

pytestmark = pytest.mark.end_to_end

CODE = "async function main(a) { await new Promise(r => setTimeout(r, a.ms || 0)); return { n: a.n } }"
AUTH = "Basic " + base64.b64encode(GUEST_KEY.text.encode()).decode()


class Running:
    """The real service as a process of its own."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._data_dir = data_dir
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = (
            "-m",
            "argo_provider",
            "serve",
            "--guest-key",
            "--sandbox",
            "process",
            "--set",
            "optimizer.enabled=false",
        )
        places = ("--port", str(self._port), "--data-dir", str(self._data_dir))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *command, *places, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{self.url}/ping") as answer:
                        assert answer.status == 200
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)

    async def end(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        async with asyncio.timeout(60):
            await self._process.wait()


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(headers={"Authorization": AUTH}) as session:
        yield session


async def call(session: aiohttp.ClientSession, method: str, url: str, body: Any = None) -> tuple[int, Any]:
    async with session.request(method, url, json=body) as answer:
        return answer.status, await answer.json()


async def until_ready(session: aiohttp.ClientSession, namespace: str) -> None:
    """The first invocation waits for its runtime to be made usable."""
    async with asyncio.timeout(300):
        await call(session, "PUT", f"{namespace}/actions/slow", {"exec": {"kind": "nodejs:default", "code": CODE}})
        while (await call(session, "POST", f"{namespace}/actions/slow?blocking=true", {}))[0] == 503:
            await asyncio.sleep(0.2)


async def test_kill_during_load(tmp_path: Path, session: aiohttp.ClientSession, unused_tcp_port: int) -> None:
    service = Running(tmp_path / "data", unused_tcp_port)
    await service.start()
    namespace = f"{service.url}/api/v1/namespaces/_"
    await until_ready(session, namespace)
    accepted: list[str] = []
    created: list[str] = []

    async def fire() -> None:
        for n in range(10_000):
            status, body = await call(session, "POST", f"{namespace}/actions/slow", {"n": n, "ms": 30})
            if status == 202:
                accepted.append(body["activationId"])

    async def create() -> None:
        for n in range(10_000):
            status, body = await call(session, "PUT", f"{namespace}/triggers/t{n}", {})
            if status == 200:
                created.append(body["name"])

    load = [asyncio.ensure_future(work) for work in (fire(), fire(), create())]
    async with asyncio.timeout(60):
        while len(accepted) < 40 or len(created) < 20:
            await asyncio.sleep(0.01)
    await service.end(signal.SIGKILL)
    await asyncio.gather(*load, return_exceptions=True)
    left = strays(tmp_path / "data")

    await service.start()
    try:
        assert not set(left) & set(strays(tmp_path / "data")), "what the crashed service left is gone"
        missing = [name for name in created if (await call(session, "GET", f"{namespace}/triggers/{name}"))[0] != 200]
        assert missing == []
        statuses = await ended(session, namespace, accepted)
        assert set(statuses) == set(accepted)
        assert set(statuses.values()) <= {"success", CUT_OFF}, "what had not begun runs, what had begun is ended"
    finally:
        await service.end(signal.SIGTERM)
    assert strays(tmp_path / "data") == [], "a sandbox outlived the service"


async def ended(session: aiohttp.ClientSession, namespace: str, ids: list[str]) -> dict[str, str]:
    """`success` or the error of every id, once all have a record."""
    found: dict[str, str] = {}
    deadline = time.monotonic() + 120
    while len(found) < len(ids) and time.monotonic() < deadline:
        for activation_id in ids:
            if activation_id not in found:
                status, body = await call(session, "GET", f"{namespace}/activations/{activation_id}")
                if status == 200:
                    response = body["response"]
                    found[activation_id] = "success" if response["success"] else response["result"]["error"]
        await asyncio.sleep(0.1)
    return found


def strays(data_dir: Path) -> list[int]:
    """Processes of sandboxes of the service over this folder."""
    return list(marked_processes(MARKER, installation_id(data_dir)))
