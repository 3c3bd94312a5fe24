"""A service of its own whose functions move soon, its functions' code, and waiting for what becomes of them."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from argo_provider.cli.bootstrap import GUEST_KEY
from argo_proxy.builder.workshop import Workshop

AUTH = "Basic " + base64.b64encode(GUEST_KEY.text.encode()).decode()
PATIENCE_SECONDS = 1500  # the engine is built first, on a machine that has none
SOON = {
    "hot_per_minute": 0.5,
    "repay_times": 0,
    "hot_per_hour": 1,
    "instant_per_hour": 0.5,
    "hot_least": 3,
    "observe_invocations": 3,
    "observe_seconds": 300,  # enough invocations end it, so that what is built is the same each time
    "canary_invocations": 3,
    "canary_invocations_least": 2,
    "canary_share": 0.5,
    "canary_seconds": 5,
    "canary_slower": 50,
    "cool_down_seconds": 1,
    "tick_seconds": 0.2,
}
GREETER = """
import com.google.gson.JsonObject;

public class Greeter {
    public static class Hidden {
        @Override
        public String toString() {
            return "found";
        }
    }

    public static JsonObject main(JsonObject args) throws Exception {
        JsonObject result = new JsonObject();
        String name = args.has("name") ? args.get("name").getAsString() : "stranger";
        result.addProperty("greeting", "Hello " + name);
        if (args.has("look")) {
            Object seen = Class.forName(args.get("look").getAsString()).getDeclaredConstructor().newInstance();
            result.addProperty("seen", seen.toString());
        }
        return result;
    }
}
"""


@dataclass
class Tiered:
    """The real service as a process of its own, started anew over the same data as often as wanted."""

    data_dir: Path
    port: int
    log: Path
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    async def start(self) -> None:
        chosen = SOON | self.settings
        assignments = [word for name, value in chosen.items() for word in ("--set", f"optimizer.{name}={value}")]
        command = ("-P", "-m", "argo_provider", "serve", "--guest-key", "--sandbox", "process", "--log-format", "json")
        places = ("--port", str(self.port), "--data-dir", str(self.data_dir))
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *command, *places, *assignments, env={**os.environ, **self.environment}, stderr=log
            )
        async with asyncio.timeout(120), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{self.port}/ping"):
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)

    async def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        async with asyncio.timeout(90):
            await self.process.wait()
        self.process = None


class Caller:
    """One user's requests."""

    def __init__(self, session: aiohttp.ClientSession, service: Tiered) -> None:
        self._session = session
        self._service = service

    async def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": AUTH}
        url = f"{self._service.url}{path}"
        async with self._session.request(method, url, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def create(self, name: str, exec_: dict[str, Any], **annotations: Any) -> None:
        body = {
            "exec": exec_,
            "annotations": [{"key": f"argo.{key}", "value": value} for key, value in annotations.items()],
        }
        status, answer = await self.request("PUT", f"/namespaces/_/actions/{name}?overwrite=true", body)
        assert status == 200, answer

    async def invoke(self, name: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        """The whole activation, once its runtime is there."""
        async with asyncio.timeout(600):
            while True:
                path = f"/namespaces/_/actions/{name}?blocking=true"
                status, answer = await self.request("POST", path, arguments or {})
                if status != 503:
                    assert isinstance(answer, dict)
                    return answer
                await asyncio.sleep(0.5)

    async def tier(self, name: str) -> dict[str, Any]:
        status, answer = await self.request("GET", f"/argo/tiers/{name}")
        assert status == 200, answer
        assert isinstance(answer, dict)
        return answer

    async def builds(self, name: str) -> list[dict[str, Any]]:
        """Newest first."""
        found: list[dict[str, Any]] = (await self.request("GET", f"/argo/builds?name={name}"))[1].get("builds", [])
        return found

    async def niuks(self) -> list[dict[str, Any]]:
        """As soon as there is one."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                found: list[dict[str, Any]] = (await self.request("GET", "/argo/niuks"))[1]["niuks"]
                if found:
                    return found
                await asyncio.sleep(0.1)

    async def until_build(self, name: str, state: str) -> None:
        """Until one of its builds is in this state; fails once none can come to it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                builds = await self.builds(name)
                states = {build["state"] for build in builds}
                if state in states:
                    return
                assert not states or states & {"queued", "running"}, builds
                await asyncio.sleep(0.1)

    async def until(
        self, name: str, wanted: Callable[[dict[str, Any]], bool], arguments: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Call it until an activation is as wanted; all of them."""
        seen: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                seen.append(await self.invoke(name, arguments))
                if wanted(seen[-1]):
                    return seen
                await asyncio.sleep(0.1)


def annotation(activation: dict[str, Any], name: str) -> Any:
    return next((each["value"] for each in activation["annotations"] if each["key"] == name), None)


def is_native(activation: dict[str, Any]) -> bool:
    """For good, not on trial."""
    return annotation(activation, "argo.tier") == "native" and not annotation(activation, "argo.canary")


def jar_of(source: str, name: str, work: Path, workshop: Workshop, gson: Path) -> bytes:
    """A jar with one class compiled from `source`."""
    classes = work / "classes"
    file = work / f"{name}.java"
    file.write_text(source)
    home = workshop.builder.java_home / "bin"
    javac = [str(home / "javac"), "-nowarn", "-d", str(classes), "-cp", str(gson), str(file)]
    subprocess.run(javac, check=True, timeout=120, capture_output=True)
    target = work / "action.jar"
    tool = [
        str(home / "jar"),
        "--create",
        "--file",
        str(target),
        "--date=2020-01-01T00:00:00Z",
        "-C",
        str(classes),
        ".",
    ]
    subprocess.run(tool, check=True, timeout=120)
    return target.read_bytes()
