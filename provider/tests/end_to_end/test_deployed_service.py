"""A service that a real framework deployed, with nothing of ours in its configuration: its functions move as well."""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from argo_provider.cli.bootstrap import GUEST_KEY

from .tiers import Caller, Tiered, annotation, is_native

pytestmark = pytest.mark.end_to_end

COMPAT = Path(__file__).parents[3] / "compat-tests"
DEPLOY_SECONDS = 120
SHOWN_SECONDS = 60
CONFIGURATION = """
service: moving
configValidationMode: off
provider:
  name: openwhisk
  runtime: nodejs:20
package:
  patterns: ['!**', handler.js]
functions:
  greet:
    handler: handler.greet
  shout:
    handler: handler.shout
plugins: [serverless-openwhisk-0.18.3]
"""
HANDLER = """
exports.greet = args => ({ greeting: 'Hello ' + args.name })
exports.shout = args => ({ greeting: ('Hello ' + args.name).toUpperCase() })
"""
ANSWERS = {"moving-dev-greet": {"greeting": "Hello x"}, "moving-dev-shout": {"greeting": "HELLO X"}}


@pytest.fixture
async def modules(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The node_modules folder that the compat tests install the frameworks into."""
    if shutil.which("npm") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("npm is not on PATH")
        pytest.skip("npm is not on PATH")
    monkeypatch.setattr(sys, "path", [str(COMPAT), *sys.path])
    clients = importlib.import_module("clients.conftest")
    folder: Path = clients.clients_folder()
    trouble: str = await asyncio.to_thread(clients.install, folder)
    assert not trouble, f"the clients could not be installed: {trouble}"
    return folder / "node_modules"


@pytest.fixture
async def service(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Tiered]:
    running = Tiered(tmp_path / "data", unused_tcp_port, tmp_path / "log")
    await running.start()
    yield running
    await running.end()


async def deploy(service: Tiered, modules: Path, folder: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "OW_APIHOST": service.url.removesuffix("/api/v1"),
        "OW_AUTH": GUEST_KEY.text,
        "OW_NAMESPACE": "guest",
        "OW_APIGW_ACCESS_TOKEN": "none",
        "SLS_TELEMETRY_DISABLED": "1",
        "SLS_NOTIFICATIONS_MODE": "off",
        "SLS_DEPRECATION_DISABLE": "*",
    }
    process = await asyncio.create_subprocess_exec(
        "node",
        str(modules / "osls" / "bin" / "serverless.js"),
        "deploy",
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(DEPLOY_SECONDS):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode(errors="replace")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `serverless deploy` is run in."""
    folder = tmp_path / "service"
    folder.mkdir()
    (folder / "serverless.yml").write_text(CONFIGURATION)
    (folder / "handler.js").write_text(HANDLER)
    return folder


async def test_functions_of_a_deployed_service_move(service: Tiered, modules: Path, project: Path) -> None:
    await deploy(service, modules, project)
    async with aiohttp.ClientSession() as session:
        user = Caller(session, service)
        for name, answer in ANSWERS.items():
            seen = await user.until(name, is_native, {"name": "x"})
            assert annotation(seen[0], "argo.tier") == "ordinary", "nobody asked for more"
            assert annotation(seen[-1], "argo.sandbox") == "niuk"
            assert [each["response"]["result"] for each in seen if each["response"]["result"] != answer] == []
            assert (await user.tier(name))["state"] == "native"
        await share_a_niuk(user)


async def share_a_niuk(user: Caller) -> None:
    """Until the NIUks, which are looked at every few seconds, are one that holds both."""
    niuks = []
    try:
        async with asyncio.timeout(SHOWN_SECONDS):
            while [{each["name"] for each in niuk["functions"]} for niuk in niuks] != [set(ANSWERS)]:
                niuks = await user.niuks()
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"they do not share one NIUk: {niuks}")
