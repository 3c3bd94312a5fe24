"""The Serverless Framework 3 and its fork osls, with serverless-openwhisk: the life of a service.

Both are deployed at once, before the first of these tests. serverless-openwhisk 0.18.4 loses the feeds of schedules by
a mistake of its own; it runs here with service/keep-feeds.js, and 0.18.3 as it is.
"""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import expect_ok
from blackbox.workspace import Workspace, eventually

SERVICE = Path(__file__).parent / "service"
FRAMEWORKS = ("serverless", "osls")
PLUGINS = {"serverless": ("serverless-openwhisk", "./keep-feeds"), "osls": ("serverless-openwhisk-0.18.3",)}


@dataclass(frozen=True, slots=True)
class Deployed:
    """A service folder, the framework that manages it, and how its deployment went."""

    ow: Workspace
    runner: Any
    program: Path
    folder: Path
    name: str
    environment: dict[str, str]
    removed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, *arguments: str) -> Any:
        return await self.runner.run("node", self.program, *arguments, environment=self.environment, folder=self.folder)

    async def succeed(self, *arguments: str) -> str:
        done = await self.run(*arguments)
        assert done.status == 0, done
        return done.output

    def action(self, function: str) -> str:
        return f"{self.name}-dev-{function}"

    async def gateway(self) -> str:
        """The path under which the gateway serves the service."""
        query = {"accesstoken": "none", "spaceguid": self.ow.key.split(":")[0], "basepath": f"/{self.name}"}
        answer = await self.ow.call("GET", "/api/v1/web/whisk.system/apimgmt/getApi", query=query)
        (api,) = expect_ok(answer)["apis"]
        return "/" + api["value"]["gwApiUrl"].split("://", 1)[1].split("/", 1)[1]


def prepare(ow: Workspace, runner: Any, modules: Path, framework: str, folder: Path) -> Deployed:
    shutil.copytree(SERVICE, folder)
    with (folder / "serverless.yml").open("a") as file:
        file.write(f"\nplugins: {json.dumps(PLUGINS[framework])}\n")
    name = ow.name(framework)
    environment = {
        "SERVICE": name,
        "OW_APIHOST": ow.apihost,
        "OW_AUTH": ow.key,
        "OW_NAMESPACE": "_" if framework == "serverless" else ow.namespace,
        "OW_APIGW_ACCESS_TOKEN": "none",
        "SLS_TELEMETRY_DISABLED": "1",
        "SLS_TRACKING_DISABLED": "1",
        "SLS_NOTIFICATIONS_MODE": "off",
        "SLS_DEPRECATION_DISABLE": "*",
        "NODE_NO_WARNINGS": "1",
    }
    return Deployed(ow, runner, modules / framework / "bin" / "serverless.js", folder, name, environment)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployments(
    shared: Workspace, node: str, runner: Any, modules: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, tuple[Deployed, Any]]]:
    """Each framework's service and the finished `deploy`; removed at the end, should the test of that not have run."""
    services = {
        each: prepare(shared, runner, modules, each, tmp_path_factory.mktemp(each) / "service") for each in FRAMEWORKS
    }
    runs = await asyncio.gather(*(service.run("deploy") for service in services.values()))
    yield {each: (services[each], run) for each, run in zip(services, runs, strict=True)}
    await asyncio.gather(*(service.run("remove") for service in services.values() if not service.removed.is_set()))


@pytest.fixture(params=FRAMEWORKS)
def deployment(request: pytest.FixtureRequest, deployments: dict[str, Any]) -> tuple[Deployed, Any]:
    return deployments[request.param]


@pytest.fixture
def service(deployment: tuple[Deployed, Any]) -> Deployed:
    service, deployed = deployment
    if deployed.status != 0:
        pytest.fail("the service was not deployed")
    return service


async def test_deploy(deployment: tuple[Deployed, Any]) -> None:
    service, deployed = deployment
    assert deployed.status == 0, deployed
    assert "Deployment successful" in deployed.output + deployed.errors
    for function in ("hello", "user", "shout", "chain", "ticker", "listener"):
        expect_ok(await service.ow.get("actions", service.action(function), code=False))


async def test_info(service: Deployed) -> None:
    output = await service.succeed("info")
    for word in (service.action("hello"), service.action("chain"), f"{service.name}_bell", "/users/{id}"):
        assert word in output, output
    assert re.search(rf"GET https?://\S+/{service.name}/hello", output), output


async def test_invoke(service: Deployed) -> None:
    output = await service.succeed("invoke", "-f", "hello", "-d", '{"name": "sls"}')
    assert json.loads(output) == {"greeting": "Hello sls", "from": "parameter"}


async def test_invoke_a_sequence(service: Deployed) -> None:
    output = await service.succeed("invoke", "-f", "chain", "-d", '{"name": "sls"}')
    assert json.loads(output) == {"greeting": "HELLO SLS"}


async def test_logs(service: Deployed) -> None:
    activation = expect_ok(await service.ow.invoke(service.action("hello")))["activationId"]
    await service.ow.log_lines(activation)
    output = await service.succeed("logs", "-f", "hello")
    assert "hello was called" in output


async def test_http_events(service: Deployed) -> None:
    base = await service.gateway()
    ow = service.ow
    got = expect_ok(await ow.call("GET", f"{base}/hello", auth=None, query={"name": "web"}))
    assert (got["greeting"], got["method"]) == ("Hello web", "get")
    posted = expect_ok(await ow.call("POST", f"{base}/hello", auth=None, json={"name": "post"}))
    assert (posted["greeting"], posted["method"]) == ("Hello post", "post")
    user = expect_ok(await ow.call("GET", f"{base}/users/7", auth=None))
    assert user["path"].endswith("/7") or user.get("id") == "7"
    assert (await ow.call("DELETE", f"{base}/hello", auth=None)).status in {404, 405}
    direct = await ow.call("GET", ow.web(f"default/{service.action('hello')}.json"), auth=None)
    assert direct.status == 401, "the action itself is secured"


async def test_a_trigger_event(service: Deployed) -> None:
    answer = await service.ow.post("triggers", f"{service.name}_bell", {"a": 1})
    assert answer.status == 202, answer
    (record,) = await service.ow.activations_of(service.action("listener"))
    assert record["response"]["result"] == {"ticked": True}


async def test_a_second_deployment(service: Deployed) -> None:
    before = expect_ok(await service.ow.get("actions", service.action("hello")))["version"]
    handler = service.folder / "handler.js"
    handler.write_text(handler.read_text().replace("Hello ", "Good day, "))
    await service.succeed("deploy")
    after = expect_ok(await service.ow.get("actions", service.action("hello")))["version"]
    assert after != before
    assert (await service.ow.result(service.action("hello"), {"name": "x"}))["greeting"] == "Good day, x"


@pytest.mark.last
async def test_the_schedule_fires(service: Deployed) -> None:
    record = (await service.ow.activations_of(service.action("ticker"), 1, 75))[0]
    assert record["response"]["result"] == {"ticked": True}
    fired = await service.ow.activations_of(f"{service.name}_ticker_schedule_trigger")
    assert fired


@pytest.mark.last
async def test_remove(service: Deployed) -> None:
    base = await service.gateway()
    await service.succeed("remove")
    service.removed.set()
    for function in ("hello", "chain", "ticker"):
        assert (await service.ow.get("actions", service.action(function))).status == 404
    assert (await service.ow.get("triggers", f"{service.name}_bell")).status == 404

    async def gone() -> bool:
        return (await service.ow.call("GET", f"{base}/hello", auth=None)).status == 404

    await eventually(gone, "the routes are gone", 5)
