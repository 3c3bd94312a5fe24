"""API management (whisk.system/apimgmt) and the gateway that serves the routes (contract 8)."""

import json
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import Answer, expect_ok, pairs
from blackbox.workspace import API, ECHO, Workspace, eventually

MANAGEMENT = f"{API}/web/whisk.system/apimgmt"


class Gateway:
    """The three management calls of one workspace, as clients make them."""

    def __init__(self, ow: Workspace) -> None:
        self.ow = ow
        self.base = "/" + ow.name("api")

    def query(self, **more: str) -> dict[str, str]:
        return {"accesstoken": "none", "spaceguid": self.ow.key.split(":")[0], **more}

    async def create(self, apidoc: dict[str, Any], extension: str = ".http", **query: str) -> Answer:
        path = f"{MANAGEMENT}/createApi{extension}"
        return await self.ow.call("POST", path, query=self.query(**query), json={"apidoc": apidoc})

    async def list(self, extension: str = ".http", **query: str) -> list[dict[str, Any]]:
        answer = await self.ow.call("GET", f"{MANAGEMENT}/getApi{extension}", query=self.query(**query))
        return expect_ok(answer)["apis"]

    async def delete(self, extension: str = ".http", **query: str) -> Answer:
        query = {"basepath": self.base, "force": "true"} | query
        return await self.ow.call("DELETE", f"{MANAGEMENT}/deleteApi{extension}", query=self.query(**query))

    def route(self, name: str, path: str, method: str = "get", **more: Any) -> dict[str, Any]:
        """The `apidoc` of `wsk api create` for one route."""
        target = {
            "name": name,
            "namespace": self.ow.namespace,
            "backendMethod": "GET",
            "backendUrl": f"{self.ow.apihost}{self.ow.web(f'default/{name}.http')}",
            "authkey": self.ow.key,
        }
        return {
            "namespace": self.ow.namespace,
            "gatewayBasePath": self.base,
            "gatewayPath": path,
            "gatewayMethod": method,
            "id": f"API:{self.ow.namespace}:{self.base}",
            "action": target | more.pop("action", {}),
            "apiName": "compat",
            **more,
        }

    async def serve(self, apidoc: dict[str, Any], responsetype: str = "http") -> str:
        """Make a route; the URL at which the gateway serves the API."""
        return expect_ok(await self.create(apidoc, responsetype=responsetype))["gwApiUrl"]

    async def request(self, url: str, method: str = "GET", **request: Any) -> Answer:
        """An anonymous request to the gateway, on the host that is under test."""
        path = "/" + url.split("://", 1)[1].split("/", 1)[1]
        return await self.ow.call(method, path, auth=None, **request)


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(ow: Workspace):
    gateway = Gateway(ow)
    yield gateway
    await gateway.delete()


@pytest_asyncio.fixture(loop_scope="session")
async def reflect(ow: Workspace) -> str:
    """A web action that answers its arguments as JSON."""
    code = "function main(args) { return {headers: {'content-type': 'application/json'}, body: args} }"
    return await ow.action(code, annotations=pairs({"web-export": True}))


async def test_create_answers_the_api(gateway: Gateway, reflect: str) -> None:
    api = expect_ok(await gateway.create(gateway.route(reflect, "/hello")))
    assert {"namespace", "gwApiUrl", "gwApiActivated", "tenantId", "apidoc"} <= set(api)
    assert api["gwApiActivated"] is True
    assert api["gwApiUrl"].startswith(("http://", "https://"))
    assert api["gwApiUrl"].endswith(gateway.base)
    document = api["apidoc"]
    assert document["basePath"] == gateway.base
    operation = document["paths"]["/hello"]["get"]
    assert operation["operationId"]
    assert operation["x-openwhisk"]["action"] == reflect
    assert operation["x-openwhisk"]["package"] == "default"
    assert operation["x-openwhisk"]["namespace"] == gateway.ow.namespace


async def test_the_route_is_served(gateway: Gateway, reflect: str) -> None:
    url = await gateway.serve(gateway.route(reflect, "/hello"))
    answer = await gateway.request(f"{url}/hello", query={"a": "1"}, headers={"x-mine": "v"})
    arguments = expect_ok(answer)
    assert (arguments["a"], arguments["__ow_method"]) == ("1", "get")
    assert arguments["__ow_headers"]["x-mine"] == "v"


async def test_the_response_type_is_json_unless_given(gateway: Gateway, reflect: str) -> None:
    api = expect_ok(await gateway.create(gateway.route(reflect, "/hello")))
    result = expect_ok(await gateway.request(f"{api['gwApiUrl']}/hello", query={"a": "1"}))
    assert result["headers"] == {"content-type": "application/json"}
    assert result["body"]["a"] == "1"


async def test_a_body_is_handed_on(gateway: Gateway, reflect: str) -> None:
    url = await gateway.serve(gateway.route(reflect, "/hello", "post"))
    arguments = expect_ok(await gateway.request(f"{url}/hello", "POST", json={"a": {"b": 1}}))
    assert (arguments["a"], arguments["__ow_method"]) == ({"b": 1}, "post")


async def test_a_route_of_another_verb_or_path(gateway: Gateway, reflect: str) -> None:
    url = await gateway.serve(gateway.route(reflect, "/hello"))
    assert (await gateway.request(f"{url}/hello", "POST", json={})).status in {404, 405}
    assert (await gateway.request(f"{url}/other")).status == 404
    assert (await gateway.request(f"{url}-none/hello")).status == 404


async def test_path_parameters(gateway: Gateway, reflect: str) -> None:
    parameter = {"name": "id", "in": "path", "required": True, "type": "string", "description": "the book"}
    apidoc = gateway.route(reflect, "/books/{id}", pathParameters=[parameter])
    url = await gateway.serve(apidoc)
    arguments = expect_ok(await gateway.request(f"{url}/books/42"))
    assert arguments["__ow_path"].endswith("/42") or arguments.get("id") == "42"


async def test_a_secured_action(gateway: Gateway, ow: Workspace) -> None:
    code = "function main(args) { return {body: {secured: true}} }"
    annotations = pairs({"web-export": True, "require-whisk-auth": "secret key"})
    name = await ow.action(code, annotations=annotations)
    assert (await ow.call("GET", ow.web(f"default/{name}"), auth=None)).status == 401
    url = await gateway.serve(gateway.route(name, "/safe", action={"secureKey": "secret key"}))
    assert expect_ok(await gateway.request(f"{url}/safe")) == {"secured": True}


async def test_cors(gateway: Gateway, reflect: str) -> None:
    url = await gateway.serve(gateway.route(reflect, "/hello"))
    headers = {"Origin": "https://example.com", "Access-Control-Request-Method": "GET"}
    preflight = await gateway.request(f"{url}/hello", "OPTIONS", headers=headers)
    assert preflight.status in {200, 204}
    assert preflight.headers["Access-Control-Allow-Origin"] in {"*", "https://example.com"}
    assert "GET" in preflight.headers["Access-Control-Allow-Methods"]
    answer = await gateway.request(f"{url}/hello", headers={"Origin": "https://example.com"})
    assert answer.headers["Access-Control-Allow-Origin"] in {"*", "https://example.com"}


async def test_routes_add_up(gateway: Gateway, reflect: str) -> None:
    await gateway.serve(gateway.route(reflect, "/one"))
    await gateway.serve(gateway.route(reflect, "/two"))
    url = await gateway.serve(gateway.route(reflect, "/one", "post"))
    (api,) = await gateway.list(basepath=gateway.base)
    assert {"id", "key", "value"} <= set(api)
    paths = api["value"]["apidoc"]["paths"]
    assert {path: set(verbs) & {"get", "post"} for path, verbs in paths.items()} == {
        "/one": {"get", "post"},
        "/two": {"get"},
    }
    for path, method in (("/one", "GET"), ("/one", "POST"), ("/two", "GET")):
        assert (await gateway.request(url + path, method)).status == 200, (path, method)


async def test_a_route_that_is_there_already(gateway: Gateway, reflect: str) -> None:
    await gateway.serve(gateway.route(reflect, "/one"))
    answer = await gateway.create(gateway.route(reflect, "/one"))
    assert answer.status in {200, 400, 409, 502}, answer


async def test_list(gateway: Gateway, reflect: str) -> None:
    assert await gateway.list(basepath=gateway.base) == []
    url = await gateway.serve(gateway.route(reflect, "/one"))
    everything = await gateway.list()
    (own,) = [api for api in everything if api["value"]["gwApiUrl"] == url]
    assert own["value"]["apidoc"]["info"]["title"] == "compat"


async def test_delete_one_verb_one_path_and_all(gateway: Gateway, reflect: str) -> None:
    for path, method in (("/one", "get"), ("/one", "post"), ("/two", "get")):
        url = await gateway.serve(gateway.route(reflect, path, method))
    expect_deleted(await gateway.delete(relpath="/one", operation="post"))
    assert (await gateway.request(f"{url}/one", "POST", json={})).status in {404, 405}
    assert (await gateway.request(f"{url}/one")).status == 200
    expect_deleted(await gateway.delete(relpath="/one"))
    assert (await gateway.request(f"{url}/one")).status == 404
    assert (await gateway.request(f"{url}/two")).status == 200
    expect_deleted(await gateway.delete())
    assert (await gateway.request(f"{url}/two")).status == 404
    assert await gateway.list(basepath=gateway.base) == []


def expect_deleted(answer: Answer) -> None:
    assert answer.status in {200, 204}, answer


async def test_without_the_extension(gateway: Gateway, reflect: str) -> None:
    """The JavaScript client leaves it out."""
    api = expect_ok(await gateway.create(gateway.route(reflect, "/one"), extension=""))
    assert (await gateway.request(f"{api['gwApiUrl']}/one")).status == 200
    assert len(await gateway.list(extension="", basepath=gateway.base)) == 1
    expect_deleted(await gateway.delete(extension=""))
    assert await gateway.list(basepath=gateway.base) == []


def swagger(gateway: Gateway, action: str, package: str = "default") -> dict[str, Any]:
    """The kind of document that the Serverless Framework makes."""
    url = f"https://{gateway.ow.apihost}{gateway.ow.web(f'{package}/{action}.json')}"
    target = {"action": action, "namespace": gateway.ow.namespace, "package": package, "url": url}
    case = {
        "operations": ["get-/users/{id}"],
        "execute": [
            {"set-variable": {"actions": [{"set": "message.headers.X-Require-Whisk-Auth", "value": "hidden"}]}},
            {"invoke": {"target-url": url + "$(request.path)", "verb": "keep"}},
        ],
    }
    parameter = {"name": "id", "in": "path", "required": True, "type": "string", "description": "x"}
    operation = {
        "operationId": "get-/users/{id}",
        "responses": {"200": {"description": "fine"}},
        "x-openwhisk": target,
        "parameters": [parameter],
    }
    return {
        "swagger": "2.0",
        "basePath": gateway.base,
        "info": {"title": "compat", "version": "1.0"},
        "paths": {"/users/{id}": {"get": operation}},
        "x-ibm-configuration": {
            "cors": {"enabled": True},
            "assembly": {"execute": [{"operation-switch": {"case": [case]}}]},
        },
    }


@pytest.mark.parametrize("as_text", [False, True])
async def test_a_swagger_document(gateway: Gateway, ow: Workspace, as_text: bool) -> None:
    annotations = pairs({"web-export": True, "require-whisk-auth": "hidden"})
    name = await ow.action(ECHO, annotations=annotations)
    document = swagger(gateway, name)
    url = await gateway.serve({"namespace": "_", "swagger": json.dumps(document) if as_text else document})
    arguments = expect_ok(await gateway.request(f"{url}/users/7", query={"a": "1"}))
    assert arguments["a"] == "1"
    assert arguments["__ow_path"].endswith("/7") or arguments.get("id") == "7"


@pytest.mark.parametrize("document", [{}, {"swagger": "2.0"}, {"swagger": "2.0", "basePath": 5, "paths": {}}])
async def test_a_swagger_document_that_is_none(gateway: Gateway, document: dict[str, Any]) -> None:
    answer = await gateway.create({"namespace": "_", "swagger": document})
    assert 400 <= answer.status < 500 or answer.status == 502, answer
    assert "error" in answer.json


async def test_management_needs_a_key(ow: Workspace, gateway: Gateway) -> None:
    answer = await ow.call("GET", f"{MANAGEMENT}/getApi.http", query=gateway.query(), auth=None)
    assert answer.status in {400, 401, 403}, answer


async def test_another_namespace_neither_sees_nor_deletes_it(gateway: Gateway, ow2: Workspace, reflect: str) -> None:
    url = await gateway.serve(gateway.route(reflect, "/one"))
    other = Gateway(ow2)
    other.base = gateway.base
    assert url not in [api["value"]["gwApiUrl"] for api in await other.list()]
    await other.delete()
    assert (await gateway.request(f"{url}/one")).status == 200


async def test_a_route_whose_action_is_gone(gateway: Gateway, ow: Workspace, reflect: str) -> None:
    url = await gateway.serve(gateway.route(reflect, "/one"))
    expect_ok(await ow.delete("actions", reflect))

    async def gone() -> bool:
        return (await gateway.request(f"{url}/one")).status == 404

    await eventually(gone, "the route of a deleted action answers 404", 5)
