"""Functions move by themselves, through the real service, builder and NIUk; their callers notice nothing."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from argo_provider.machine import installation_id
from argo_proxy.builder.cache import Cache, default_root
from argo_proxy.builder.errors import ProvisionError
from argo_proxy.builder.progress import Progress, to_stderr
from argo_proxy.builder.workshop import Workshop, find_builder
from argo_proxy.sandboxes.process.confinement import MARKER
from argo_proxy.sandboxes.process.proc import marked_processes

from .tiers import GREETER, PATIENCE_SECONDS, Caller, Tiered, annotation, is_native, jar_of

pytestmark = pytest.mark.end_to_end

SCRIPT = "function main(args) { return { greeting: 'Hello ' + (args.name || 'stranger') + EXTRA } }"
NEEDY = "const net = require('net'); function main() { return { family: net.isIP('127.0.0.1') } }"
HELLO = {"greeting": "Hello x"}


@pytest.fixture
async def greeter(tmp_path: Path) -> str:
    """The jar of a function whose reflection shows only on rare inputs, as an action's code."""
    return await compiled(GREETER, tmp_path)


@pytest.fixture
async def unbuilt_greeter(tmp_path: Path) -> str:
    """The same, of which no cache has a native form."""
    return await compiled(GREETER.replace('"found"', f'"found {uuid.uuid4()}"'), tmp_path)


async def compiled(source: str, work: Path) -> str:
    cache = Cache(default_root())
    try:
        workshop = Workshop(await find_builder(cache, Progress("toolchain", to_stderr)), cache, to_stderr)
        [gson] = await workshop.jars("gson")
    except ProvisionError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    return base64.b64encode(jar_of(source, "Greeter", work, workshop, gson)).decode()


@pytest.fixture
async def service(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Tiered]:
    running = Tiered(tmp_path / "data", unused_tcp_port, tmp_path / "log")
    yield running
    await running.end()
    assert list(marked_processes(MARKER, installation_id(running.data_dir))) == [], "something outlived the service"


@pytest.fixture
async def user(service: Tiered) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        yield Caller(session, service)


def others(seen: list[dict[str, Any]], wanted: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Answers that are not as wanted, with where they came from."""
    where = ("argo.sandbox", "argo.canary", "argo.phases")
    wrong = [each for each in seen if each["response"]["result"] != wanted]
    return [(each["response"], *(annotation(each, name) for name in where)) for each in wrong]


def java(code: str) -> dict[str, str]:
    return {"kind": "java:17", "main": "Greeter", "code": code}


def script(extra: str = "''") -> dict[str, str]:
    return {"kind": "nodejs:20", "code": SCRIPT.replace("EXTRA", extra)}


async def test_a_java_function_moves_falls_short_and_moves_again(service: Tiered, user: Caller, greeter: str) -> None:
    await service.start()
    await user.create("greet", java(greeter), idempotent=True)
    seen = await user.until("greet", is_native, {"name": "x"})
    assert annotation(seen[0], "argo.sandbox") == "process"
    assert annotation(seen[0], "argo.tier") == "ordinary"
    assert annotation(seen[-1], "argo.sandbox") == "niuk"
    assert any(annotation(each, "argo.canary") for each in seen), "it was tried before it moved"
    assert others(seen, HELLO) == [], "identical answers all the way"

    rare = {"name": "x", "look": "Greeter$Hidden"}
    found = HELLO | {"seen": "found"}
    missed = await user.invoke("greet", rare)
    assert missed["response"]["result"] == found, "answered correctly though its native form cannot"
    assert annotation(missed, "argo.tier") == "ordinary"
    assert annotation(await user.invoke("greet", {"name": "x"}), "argo.tier") == "ordinary", "and it is demoted"
    again = await user.until("greet", is_native, rare)
    assert others(again, found) == []
    tier = await user.tier("greet")
    assert (tier["state"], tier["rounds"]) == ("native", 1)
    assert "Greeter$Hidden" in " ".join(step["reason"] for step in tier["history"])

    await service.end(signal.SIGKILL)  # what was decided is kept
    await service.start()
    assert (await user.tier("greet"))["state"] == "native"
    await user.until("greet", is_native, rare)
    assert len(await user.builds("greet")) == 2, "nothing is built again"

    [niuk] = await user.niuks()
    os.kill(niuk["pid"], signal.SIGKILL)
    answers = await asyncio.gather(*(user.invoke("greet", rare) for _ in range(8)))
    assert others(answers, found) == [], "a NIUk that is killed fails nobody"


async def test_a_script_moves_and_so_does_its_next_version(service: Tiered, user: Caller) -> None:
    await service.start()
    await user.create("hello", script(), idempotent=True)
    await user.create("needy", {"kind": "nodejs:20", "code": NEEDY})
    seen = await user.until("hello", is_native, {"name": "x"})
    assert annotation(seen[0], "argo.sandbox") == "process"
    assert others(seen, HELLO) == []
    await user.create("hello", script("'!'"), idempotent=True)
    seen = await user.until("hello", is_native, {"name": "x"})
    assert others(seen, {"greeting": "Hello x!"}) == [], "never the old code"

    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await user.tier("needy"))["state"] != "pinned":
            assert (await user.invoke("needy"))["response"]["result"] == {"family": 4}
    assert "net" in (await user.tier("needy"))["reason"]


async def test_a_python_function_forks_from_a_warmed_interpreter(service: Tiered, user: Caller) -> None:
    await service.start()
    code = "import json\ndef main(args): return {'greeting': 'Hello ' + args.get('name', 'stranger')}"
    await user.create("hello", {"kind": "python:3.11", "code": code}, idempotent=True)
    seen = await user.until("hello", is_native, {"name": "x"})
    assert [annotation(each, "argo.sandbox") for each in (seen[0], seen[-1])] == ["process", "zygote"]
    assert others(seen, HELLO) == []
    answers = await asyncio.gather(*(user.invoke("hello", {"name": "x"}) for _ in range(8)))
    assert others(answers, HELLO) == []


async def test_updated_and_deleted_during_its_build(service: Tiered, user: Caller, unbuilt_greeter: str) -> None:
    await service.start()
    await user.create("greet", java(unbuilt_greeter), tier="native")
    await user.until_build("greet", "running")
    await user.create("greet", java(unbuilt_greeter) | {"main": "Greeter#main"}, tier="native")
    await user.until_build("greet", "cancelled")
    assert (await user.invoke("greet", {"name": "x"}))["response"]["result"] == HELLO
    assert (await user.request("DELETE", "/namespaces/_/actions/greet"))[0] == 200
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await user.builds("greet"):
            await asyncio.sleep(0.1)


async def test_without_a_builder_functions_stay_and_the_reason_is_shown(service: Tiered, user: Caller) -> None:
    service.environment = {"ARGO_NIUK_HOST": "/nowhere/niuk-host"}
    await service.start()
    await user.create("hello", script(), tier="native")
    await user.until_build("hello", "failed")
    [build, *_] = await user.builds("hello")
    assert build["failure"] == "builder"
    assert "niuk-host" in build["detail"]
    assert (await user.invoke("hello", {"name": "x"}))["response"]["result"] == HELLO
    history = (await user.tier("hello"))["history"]
    assert any("The builder is missing" in step["reason"] for step in history)
