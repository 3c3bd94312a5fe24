"""Web actions: what of a request reaches the action (contract 7)."""

import base64
import json
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import expect_ok, pairs
from blackbox.workspace import ECHO, Workspace

RESERVED = "Request defines parameters that are not allowed (e.g., reserved properties)."
WEB = {"web-export": True}
RAW = {"web-export": True, "raw-http": True}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reflect(shared: Workspace, node: str) -> str:
    """A web action that answers its arguments: the path of it with `.json`."""
    name = await shared.action(ECHO, kind=node, annotations=pairs(WEB), parameters=pairs({"own": "parameter"}))
    return shared.web(f"default/{name}.json")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def raw(shared: Workspace, node: str) -> str:
    return shared.web(f"default/{await shared.action(ECHO, kind=node, annotations=pairs(RAW))}.json")


async def send(ow: Workspace, path: str, method: str = "GET", **request: Any) -> Any:
    """The reflected arguments of an anonymous request."""
    return expect_ok(await ow.call(method, path, auth=request.pop("auth", None), **request))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_the_method(ow: Workspace, reflect: str, method: str) -> None:
    assert (await send(ow, reflect, method))["__ow_method"] == method.lower()


async def test_head_has_no_body(ow: Workspace, reflect: str) -> None:
    answer = await ow.call("HEAD", reflect, auth=None)
    assert (answer.status, answer.body) == (200, b"")


async def test_headers_and_parameters(ow: Workspace, reflect: str) -> None:
    arguments = await send(ow, reflect, headers={"X-My-Header": "Value", "X-OW-EXTRA-LOGGING": "on"})
    assert arguments["__ow_headers"]["x-my-header"] == "Value"
    assert all(name == name.lower() for name in arguments["__ow_headers"])
    assert "x-ow-extra-logging" not in arguments["__ow_headers"]
    assert arguments["own"] == "parameter"
    assert "__ow_user" not in arguments


async def test_the_path(ow: Workspace, reflect: str) -> None:
    assert (await send(ow, reflect))["__ow_path"] == ""
    assert (await send(ow, reflect + "/a/b"))["__ow_path"] == "/a/b"
    assert (await send(ow, reflect + "/"))["__ow_path"] == "/"


async def test_the_query(ow: Workspace, reflect: str) -> None:
    arguments = await send(ow, reflect, query={"a": "1", "own": "query", "text": "ä &="})
    assert (arguments["a"], arguments["own"], arguments["text"]) == ("1", "query", "ä &=")


async def test_a_json_body_goes_over_the_query(ow: Workspace, reflect: str) -> None:
    arguments = await send(ow, reflect, "POST", query={"a": "query", "b": "query"}, json={"a": {"deep": [1]}})
    assert (arguments["a"], arguments["b"]) == ({"deep": [1]}, "query")
    assert "__ow_body" not in arguments


async def test_a_vendors_json(ow: Workspace, reflect: str) -> None:
    headers = {"Content-Type": "application/vnd.example+json"}
    assert (await send(ow, reflect, "POST", data='{"a": 1}', headers=headers))["a"] == 1


async def test_a_form(ow: Workspace, reflect: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    arguments = await send(ow, reflect, "POST", data="a=1&b=two+words&c=%C3%A4", headers=headers)
    assert (arguments["a"], arguments["b"], arguments["c"]) == ("1", "two words", "ä")


@pytest.mark.parametrize("value", [[1, 2], "text", 5, True, None])
async def test_json_that_is_no_object(ow: Workspace, reflect: str, value: Any) -> None:
    headers = {"Content-Type": "application/json"}
    arguments = await send(ow, reflect, "POST", data=json.dumps(value), headers=headers)
    assert arguments["__ow_body"] == value


async def test_a_text_body(ow: Workspace, reflect: str) -> None:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    arguments = await send(ow, reflect, "POST", data="plain täxt".encode(), headers=headers)
    assert arguments["__ow_body"] == "plain täxt"


@pytest.mark.parametrize("media_type", ["application/octet-stream", "image/png"])
async def test_a_binary_body(ow: Workspace, reflect: str, media_type: str) -> None:
    arguments = await send(ow, reflect, "POST", data=b"\x00\xff\x01", headers={"Content-Type": media_type})
    assert base64.b64decode(arguments["__ow_body"]) == b"\x00\xff\x01"


async def test_malformed_json(ow: Workspace, reflect: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await ow.call("POST", reflect, auth=None, data="{", headers=headers)
    assert answer.status == 400
    assert set(answer.json) == {"error", "code"}


@pytest.mark.parametrize("name", ["method", "headers", "path", "user", "query", "body"])
async def test_reserved_names(ow: Workspace, reflect: str, name: str) -> None:
    for request in ({"query": {f"__ow_{name}": "x"}}, {"json": {f"__ow_{name}": "x"}}):
        answer = await ow.call("POST", reflect, auth=None, **request)
        assert answer.status == 400, answer
        assert answer.json["error"] == RESERVED


async def test_final_parameters(ow: Workspace) -> None:
    annotations = pairs(WEB | {"final": True})
    name = await ow.action(annotations=annotations, parameters=pairs({"fixed": 1}))
    path = ow.web(f"default/{name}.json")
    for request in ({"query": {"fixed": "2"}}, {"json": {"fixed": 2}}):
        answer = await ow.call("POST", path, auth=None, **request)
        assert (answer.status, answer.json["error"]) == (400, RESERVED)
    assert (await send(ow, path, query={"free": "2"}))["fixed"] == 1


async def test_the_caller(ow: Workspace, ow2: Workspace, reflect: str) -> None:
    assert (await send(ow, reflect, auth=ow.key))["__ow_user"] == ow.namespace
    assert (await send(ow2, reflect, auth=ow2.key))["__ow_user"] == ow2.namespace


async def test_a_wrong_key_is_no_one(ow: Workspace, reflect: str) -> None:
    assert "__ow_user" not in await send(ow, reflect, auth="00000000-1111-4222-8333-444444444444:wrong")


async def test_raw_keeps_the_query_as_it_is(ow: Workspace, raw: str) -> None:
    arguments = await send(ow, raw + "?a=1&b=%20x&__ow_user=me")
    assert arguments["__ow_query"] == "a=1&b=%20x&__ow_user=me"
    assert arguments["__ow_body"] == ""
    assert "a" not in arguments
    assert arguments["__ow_method"] == "get"


async def test_a_raw_json_body(ow: Workspace, raw: str) -> None:
    arguments = await send(ow, raw, "POST", data='{"a": 1}', headers={"Content-Type": "application/json"})
    assert base64.b64decode(arguments["__ow_body"]) == b'{"a": 1}'
    assert "a" not in arguments


async def test_a_raw_text_body(ow: Workspace, raw: str) -> None:
    arguments = await send(ow, raw, "POST", data="some text", headers={"Content-Type": "text/plain"})
    assert arguments["__ow_body"] == "some text"


async def test_a_raw_binary_body(ow: Workspace, raw: str) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    arguments = await send(ow, raw, "POST", data=b"\xfe\xff", headers=headers)
    assert base64.b64decode(arguments["__ow_body"]) == b"\xfe\xff"


async def test_of_a_package_and_through_a_binding(ow: Workspace) -> None:
    package, binding = ow.name("package"), ow.name("binding")
    expect_ok(await ow.put("packages", package, {"parameters": pairs({"p": "package", "b": "package"})}))
    body = {"binding": {"namespace": "_", "name": package}, "parameters": pairs({"b": "binding"})}
    expect_ok(await ow.put("packages", binding, body))
    await ow.action(name=f"{package}/web", annotations=pairs(WEB))
    direct = await send(ow, ow.web(f"{package}/web.json"))
    bound = await send(ow, ow.web(f"{binding}/web.json"))
    assert (direct["p"], direct["b"]) == ("package", "package")
    assert (bound["p"], bound["b"]) == ("package", "binding")


async def test_a_sequence(ow: Workspace, echo: str) -> None:
    name = await ow.sequence(echo, echo, annotations=pairs(WEB))
    arguments = await send(ow, ow.web(f"default/{name}.json"), query={"a": "1"})
    assert arguments["a"] == "1"
    assert arguments["__ow_method"] == "get"


async def test_it_runs_as_the_owner(ow: Workspace, ow2: Workspace) -> None:
    name = await ow.action(annotations=pairs(WEB))
    answer = await ow2.call("GET", ow.web(f"default/{name}.json"))
    assert answer.status == 200
    record = await ow.activation(answer.headers["x-openwhisk-activation-id"])
    assert record["namespace"] == ow.namespace


async def test_a_body_above_1_mb(ow: Workspace, reflect: str) -> None:
    answer = await ow.call("POST", reflect, auth=None, json={"a": "x" * 1024 * 1024})
    assert answer.status == 413
    assert set(answer.json) == {"error", "code"}
