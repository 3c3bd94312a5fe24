"""Web actions: who may call, what is missing, CORS (contract 7)."""

from typing import Any

import pytest
from blackbox.answer import Answer, pairs
from blackbox.workspace import ECHO, Workspace

REST_HEADERS = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"
WEB_METHODS = "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"


async def web_action(ow: Workspace, code: str = ECHO, **annotations: Any) -> str:
    annotations = {name.replace("_", "-"): value for name, value in annotations.items()}
    return await ow.action(code, annotations=pairs({"web-export": True} | annotations))


async def call(ow: Workspace, name: str, method: str = "GET", **request: Any) -> Answer:
    return await ow.call(method, ow.web(f"default/{name}.json"), auth=request.pop("auth", None), **request)


@pytest.mark.parametrize("annotation", [None, False, "true", 1, {"a": 1}])
async def test_only_true_exports(ow: Workspace, annotation: Any) -> None:
    name = await ow.action(annotations=[] if annotation is None else pairs({"web-export": annotation}))
    answer = await call(ow, name)
    assert answer.status == 404
    assert set(answer.json) == {"error", "code"}
    assert "\n" in answer.text, "pretty-printed"


async def test_all_that_is_missing_looks_alike(ow: Workspace) -> None:
    name = await web_action(ow)
    private = await ow.action()
    paths = [
        ow.web(f"default/{ow.name()}.json"),
        ow.web(f"{ow.name()}/{name}.json"),
        ow.web(f"default/{private}.json"),
        ow.web(f"default/{name}.unknown"),
        f"/api/v1/web/no-such-namespace/default/{name}.json",
        f"/api/v1/web/_/default/{name}.json",
    ]
    texts = set()
    for path in paths:
        answer = await ow.call("GET", path, auth=None)
        assert answer.status == 404, f"{path}: {answer}"
        texts.add(answer.json["error"])
    assert texts == {"The requested resource does not exist."}


@pytest.mark.parametrize("path", ["", "/default", "/default/"])
async def test_a_path_that_is_too_short(ow: Workspace, path: str) -> None:
    answer = await ow.call("GET", f"/api/v1/web/{ow.namespace}{path}", auth=None)
    assert answer.status == 404
    assert set(answer.json) == {"error", "code"}


async def test_a_key_can_be_required(ow: Workspace, ow2: Workspace) -> None:
    name = await web_action(ow, require_whisk_auth=True)
    assert (await call(ow, name)).status == 401
    assert (await call(ow, name, auth="00000000-1111-4222-8333-444444444444:wrong")).status == 401
    for caller in (ow, ow2):
        answer = await ow.call("GET", ow.web(f"default/{name}.json"), auth=caller.key)
        assert answer.json["__ow_user"] == caller.namespace


@pytest.mark.parametrize(("secret", "header"), [("open sesame", "open sesame"), (4711, "4711")])
async def test_a_secret_can_be_required(ow: Workspace, secret: Any, header: str) -> None:
    name = await web_action(ow, require_whisk_auth=secret)
    assert (await call(ow, name)).status == 401
    assert (await call(ow, name, headers={"X-Require-Whisk-Auth": "wrong"})).status == 401
    assert (await call(ow, name, headers={"X-Require-Whisk-Auth": header})).status == 200


@pytest.mark.parametrize(("value", "status"), [(False, 200), ({"a": 1}, 401), ([], 401)])
async def test_other_values_of_the_requirement(ow: Workspace, value: Any, status: int) -> None:
    assert (await call(ow, await web_action(ow, require_whisk_auth=value))).status == status


async def test_cors(ow: Workspace) -> None:
    name = await web_action(ow)
    answer = await call(ow, name)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == WEB_METHODS
    assert answer.headers["Access-Control-Allow-Headers"] == REST_HEADERS
    asked = await call(ow, name, headers={"Access-Control-Request-Headers": "x-a, x-b"})
    assert asked.headers["Access-Control-Allow-Headers"] == "x-a, x-b"


async def test_options_do_not_run_the_action(ow: Workspace) -> None:
    name = await web_action(ow)
    answer = await call(ow, name, "OPTIONS")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Access-Control-Allow-Methods"] == WEB_METHODS
    assert "x-openwhisk-activation-id" not in answer.headers


async def test_options_of_a_secured_action(ow: Workspace) -> None:
    name = await web_action(ow, require_whisk_auth="secret")
    assert (await call(ow, name, "OPTIONS")).status == 200


async def test_custom_options_run_the_action(ow: Workspace) -> None:
    code = """function main(args) { return {headers: {'Access-Control-Allow-Origin': 'https://example.com',
      'x-method': args.__ow_method}, body: 'ran'} }"""
    name = await web_action(ow, code, web_custom_options=True, require_whisk_auth="secret")
    path = ow.web(f"default/{name}.http")
    answer = await ow.call("OPTIONS", path, auth=None)
    assert (answer.status, answer.headers["x-method"]) == (200, "options")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://example.com"
    answer = await ow.call("GET", path, auth=None, headers={"X-Require-Whisk-Auth": "secret"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://example.com"
    assert "Access-Control-Allow-Methods" not in answer.headers
    assert (await ow.call("GET", path, auth=None)).status == 401


async def test_an_action_that_is_deleted_is_served_no_more(ow: Workspace) -> None:
    name = await web_action(ow)
    assert (await call(ow, name)).status == 200
    assert (await ow.delete("actions", name)).status == 200
    assert (await call(ow, name)).status == 404


async def test_names_with_dots_and_spaces(ow: Workspace) -> None:
    for word in ("with.dot", "with space"):
        name = ow.name() + word
        await ow.action(name=name, annotations=pairs({"web-export": True}))
        path = ow.web(f"default/{name.replace(' ', '%20')}.json")
        assert (await ow.call("GET", path, auth=None)).status == 200, word
