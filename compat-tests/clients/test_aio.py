"""Adobe's runtime plugin (`aio runtime …`), another user of the same API."""

import json
from pathlib import Path
from typing import Any

import pytest
from blackbox.answer import expect_ok
from blackbox.workspace import ECHO, Workspace, eventually

SCRIPT = Path(__file__).parent / "aio_runtime.js"


class Aio:
    """`aio runtime` with one namespace's key."""

    def __init__(self, ow: Workspace, runner: Any, modules: Path) -> None:
        self._runner = runner
        self._environment = {
            "NODE_PATH": str(modules),
            "AIO_RUNTIME_APIHOST": ow.apihost,
            "AIO_RUNTIME_AUTH": ow.key,
            "AIO_RUNTIME_NAMESPACE": ow.namespace,
            "USE_RUNTIME_AUTH": "true",  # the key, not a login with Adobe
            "NODE_NO_WARNINGS": "1",
        }

    async def __call__(self, *arguments: str) -> str:
        command = " ".join(each for each in arguments)
        done = await self._runner.run("node", SCRIPT, "runtime", *arguments, environment=self._environment)
        assert done.status == 0, f"aio runtime {command}\n{done}"
        return done.output

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self(*arguments))


@pytest.fixture
def aio(ow: Workspace, runner: Any, modules: Path) -> Aio:
    return Aio(ow, runner, modules)


async def test_actions(ow: Workspace, aio: Aio, tmp_path: Path) -> None:
    name, file = ow.name("aio"), tmp_path / "echo.js"
    file.write_text(ECHO)
    await aio("action", "create", name, str(file), "--kind", "nodejs:default", "--param", "a", "1", "--web", "true")
    ow.created("actions", name)
    assert expect_ok(await ow.get("actions", name))["exec"]["code"] == ECHO
    result = await aio.json("action", "invoke", name, "--blocking", "--result", "--param", "b", "2")
    assert {key: str(value) for key, value in result.items()} == {"a": "1", "b": "2"}
    assert name in await aio("action", "list")
    await aio("action", "update", name, str(file), "--timeout", "5000")
    assert expect_ok(await ow.get("actions", name))["limits"]["timeout"] == 5000
    await aio("action", "delete", name)
    assert (await ow.get("actions", name)).status == 404


async def test_packages_triggers_and_rules(ow: Workspace, aio: Aio) -> None:
    package, trigger, rule, action = ow.name("p"), ow.name("t"), ow.name("r"), await ow.action()
    await aio("package", "create", package)
    ow.created("packages", package)
    await aio("trigger", "create", trigger, "--param", "a", "1")
    ow.created("triggers", trigger)
    await aio("rule", "create", rule, trigger, action)
    ow.created("rules", rule)
    await aio("rule", "disable", rule)
    assert "inactive" in await aio("rule", "status", rule)
    await aio("rule", "enable", rule)
    await aio("trigger", "fire", trigger)
    (record,) = await ow.activations_of(action)
    assert str(record["response"]["result"]["a"]) == "1"
    await aio("rule", "delete", rule)
    await aio("package", "delete", package)
    assert (await ow.get("packages", package)).status == 404


async def test_activations(ow: Workspace, aio: Aio) -> None:
    action = await ow.action("function main() { console.log('for aio'); return {n: 1} }")
    activation = expect_ok(await ow.invoke(action))["activationId"]
    await ow.log_lines(activation)
    assert (await aio.json("activation", "get", activation))["activationId"] == activation
    assert (await aio.json("activation", "result", activation))["result"] == {"n": 1}
    assert "for aio" in await aio("activation", "get", activation)  # `activation logs` asks Adobe's own service first


async def test_namespace(ow: Workspace, aio: Aio) -> None:
    assert ow.namespace in await aio("namespace", "list")
    name = await ow.action()
    assert name in await aio("namespace", "get")


async def test_routes(ow: Workspace, aio: Aio) -> None:
    code = "function main(args) { return {body: {who: args.who}} }"
    name = await ow.action(code, annotations=[{"key": "web-export", "value": True}])
    base = "/" + ow.name("aio")
    await aio("api", "create", base, "/hello", "get", name, "--response-type", "http")
    query = {"accesstoken": "none", "spaceguid": ow.key.split(":")[0], "basepath": base}
    answer = await ow.call("GET", "/api/v1/web/whisk.system/apimgmt/getApi", query=query)
    (api,) = expect_ok(answer)["apis"]
    path = "/" + api["value"]["gwApiUrl"].split("://", 1)[1].split("/", 1)[1] + "/hello"
    assert expect_ok(await ow.call("GET", path, auth=None, query={"who": "me"})) == {"who": "me"}
    assert "/hello" in await aio("api", "get", base)  # `api list` filters by the base path "undefined"
    await aio("api", "delete", base, "/hello", "get")  # with less, it deletes the path "undefined"

    async def gone() -> bool:
        return (await ow.call("GET", path, auth=None)).status == 404

    await eventually(gone, "the route is gone", 5)
