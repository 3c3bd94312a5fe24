"""serverless-argo beside serverless-openwhisk 0.18.4, under the real frameworks, against a service that is an Argo."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import expect_ok
from blackbox.workspace import Workspace
from clients.test_serverless import FRAMEWORKS, Deployed, prepare

PLUGIN = Path(__file__).parents[2] / "provider" / "serverless-plugin"
OPTIONS = "    handler: handler.hello\n    tier: auto\n    warm: 1\n    idempotent: true\n"
SHOUT = "exports.shout = args => ("
STOP_SECONDS = 60.0


@pytest.fixture(scope="session")
def plugin() -> Path:
    if not PLUGIN.exists():
        pytest.skip("the plugin's sources are not beside these tests")
    return PLUGIN


def with_plugin(service: Deployed, plugin: Path) -> None:
    """As `npm install` would leave it."""
    shutil.copytree(plugin, service.folder / "node_modules" / "serverless-argo", ignore=shutil.ignore_patterns("test"))
    configuration = service.folder / "serverless.yml"
    text = configuration.read_text().partition("\nplugins:")[0]
    text = text.replace("    handler: handler.hello\n", OPTIONS, 1)
    configuration.write_text(f'{text}\nplugins: ["serverless-openwhisk", "serverless-argo"]\n')


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def argo_services(
    shared: Workspace, node: str, runner: Any, modules: Path, plugin: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Deployed]]:
    """Deployed under each framework; removed at the end."""
    if (await shared.call("GET", "/api/v1/argo/machine")).status == 404:
        pytest.skip("the service has no /api/v1/argo")
    services = {}
    for framework in FRAMEWORKS:
        folder = tmp_path_factory.mktemp(f"argo-{framework}") / "service"
        services[framework] = prepare(shared, runner, modules, framework, folder)
        with_plugin(services[framework], plugin)
    await asyncio.gather(*(service.succeed("deploy") for service in services.values()))
    yield services
    await asyncio.gather(*(service.run("remove") for service in services.values()))


@pytest.fixture(params=FRAMEWORKS)
def either(request: pytest.FixtureRequest, argo_services: dict[str, Deployed]) -> Deployed:
    return argo_services[request.param]


@pytest.fixture
def argo(argo_services: dict[str, Deployed]) -> Deployed:
    return argo_services["serverless"]


async def annotations(service: Deployed, function: str) -> dict[str, Any]:
    found = expect_ok(await service.ow.get("actions", service.action(function), code=False))
    return {each["key"]: each["value"] for each in found["annotations"]}


async def test_options_become_annotations(either: Deployed) -> None:
    found = await annotations(either, "hello")
    assert (found["argo.tier"], found["argo.warm"], found["argo.idempotent"]) == ("auto", 1, True)
    assert not [key for key in await annotations(either, "shout") if key.startswith("argo.")]


async def test_schedules_are_created(either: Deployed) -> None:
    schedules = expect_ok(await either.ow.call("GET", "/api/v1/argo/schedules"))["schedules"]
    assert f"{either.name}_ticker_schedule_trigger" in [each["trigger"] for each in schedules]


async def test_status(either: Deployed) -> None:
    output = await either.succeed("argo", "status")
    assert "FUNCTION" in output
    assert "not deployed" not in output


async def test_tiers(argo: Deployed) -> None:
    output = await argo.succeed("argo", "tiers")
    assert "hello is " in output
    assert "next: " in output


async def test_one_function_is_deployed_and_brought_back(argo: Deployed) -> None:
    handler = argo.folder / "handler.js"
    before = handler.read_text()
    handler.write_text(before.replace("Hello", "Changed"))
    try:
        await argo.succeed("deploy", "function", "-f", "hello")
    finally:
        handler.write_text(before)
    changed = await argo.succeed("invoke", "-f", "hello", "-d", '{"name": "x"}')
    assert json.loads(changed)["greeting"] == "Changed x"
    assert "hello is what it was in version 0.0.1" in await argo.succeed("argo", "rollback", "-f", "hello")
    restored = await argo.succeed("invoke", "-f", "hello", "-d", '{"name": "x"}')
    assert json.loads(restored)["greeting"] == "Hello x"
    failed = await argo.run("argo", "rollback", "-f", "hello", "--to", "9.9.9")
    assert failed.status != 0
    assert "there are: 0.0." in failed.output + failed.errors


async def test_logs(argo: Deployed) -> None:
    activation = expect_ok(await argo.ow.invoke(argo.action("hello")))["activationId"]
    await argo.ow.log_lines(activation)
    assert f"{activation[:8]} hello was called" in await argo.succeed("argo", "logs", "-f", "hello")


async def test_development_deploys_on_change_and_follows_logs(argo: Deployed) -> None:
    process = await asyncio.create_subprocess_exec(
        "node", str(argo.program), "argo", "dev", "-f", "shout",
        cwd=argo.folder, env=argo.runner.environment | argo.environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    handler = argo.folder / "handler.js"
    before = handler.read_text()
    try:
        await line_with(process, "deployed in")
        handler.write_text(before.replace(SHOUT, f"{SHOUT}console.log('anew'), "))
        await line_with(process, "deployed in")
        expect_ok(await argo.ow.invoke(argo.action("shout")))
        await line_with(process, "anew")
        process.terminate()
        async with asyncio.timeout(STOP_SECONDS):
            await process.communicate()
    finally:
        handler.write_text(before)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def line_with(process: asyncio.subprocess.Process, wanted: str) -> None:
    async with asyncio.timeout(120):
        while wanted not in (line := (await process.stdout.readline()).decode()):
            assert line, f"it ended before it said {wanted!r}"


async def test_a_wrong_option_says_what_would_be_right(argo: Deployed) -> None:
    configuration = argo.folder / "serverless.yml"
    before = configuration.read_text()
    configuration.write_text(before.replace("tier: auto", "tier: fast", 1))
    try:
        failed = await argo.run("package")
    finally:
        configuration.write_text(before)
    assert failed.status != 0
    assert "functions.hello.tier must be one of auto, ordinary, native" in failed.output + failed.errors


async def test_a_wrong_key_is_told(argo: Deployed) -> None:
    wrong = argo.environment | {"OW_AUTH": "00000000-0000-0000-0000-000000000000:wrong"}
    failed = await argo.runner.run("node", argo.program, "argo", "tiers", environment=wrong, folder=argo.folder)
    assert failed.status != 0
    assert "OW_AUTH" in failed.output + failed.errors


async def test_the_plugins_own_tests(runner: Any, plugin: Path) -> None:
    if not (plugin / "test").exists():
        pytest.skip("installed without its tests")
    assert "# fail 0" in await runner.succeed("node", "--test", "--test-reporter=tap", plugin / "test")
