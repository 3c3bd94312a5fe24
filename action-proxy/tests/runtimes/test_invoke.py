"""`argo.invoke` on the ordinary runtimes: the same outcomes as inside a NIUk, asked of the API over HTTP."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from argo_proxy.runtimes import Catalogue, default_tools_directory

from .conftest import need
from .languages import dedent, jar_of
from .launched import Launched

pytestmark = [pytest.mark.contract, pytest.mark.integration]

KEY = "user:secret"
SOURCES = {
    "nodejs:20": """
        async function main({ name, params, raw }) {
          try {
            const result = await argo.invoke(name, raw ? JSON.stringify(params) : params);
            return { result: raw ? { text: result } : result };
          } catch (error) { return { failed: error.message, result: error.result }; }
        }
        """,
    "python:3.11": """
        import argo, json
        def main(args):
            try:
                raw = args.get("raw")
                result = argo.invoke(args["name"], json.dumps(args["params"]) if raw else args["params"])
                return {"result": {"text": result} if raw else result}
            except argo.ActionFailed as error:
                return {"failed": str(error), "result": error.result}
        """,
    "java:17": """
        import com.google.gson.*;
        import java.nio.charset.StandardCharsets;
        import argo.*;
        public class Action {
            public static JsonObject main(JsonObject args) {
                JsonObject answer = new JsonObject();
                String name = args.get("name").getAsString();
                JsonObject params = args.getAsJsonObject("params");
                try {
                    if (args.has("raw")) {
                        JsonObject text = new JsonObject();
                        byte[] given = Argo.invoke(name, params.toString().getBytes(StandardCharsets.UTF_8));
                        text.addProperty("text", new String(given, StandardCharsets.UTF_8));
                        answer.add("result", text);
                    } else {
                        answer.add("result", Argo.invoke(name, params));
                    }
                } catch (ActionFailed failed) {
                    answer.addProperty("failed", failed.getMessage());
                    answer.add("result", JsonParser.parseString(new String(failed.reply(), StandardCharsets.UTF_8)));
                }
                return answer;
            }
        }
        """,
}
NAMES = {
    "hello": "/api/v1/namespaces/_/actions/hello?blocking=true",
    "my pkg/é": "/api/v1/namespaces/_/actions/my%20pkg/%C3%A9?blocking=true",
    "/guest/pkg/name": "/api/v1/namespaces/guest/actions/pkg/name?blocking=true",
}
RECORD = {"activationId": "a1", "response": {"status": "success", "result": {"greeting": "hi"}}}


@dataclass
class Api:
    """A server that answers all requests alike and keeps what it was asked."""

    address: str
    status: int = 200
    body: bytes = json.dumps(RECORD).encode()
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def say(self, status: int, body: Any) -> None:
        self.status, self.body = status, body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def api() -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = self.rfile.read(int(self.headers["Content-Length"]))
            found.asked.append((self.path, self.headers["Authorization"], json.loads(given)))
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Api(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def code(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    def of(kind: str) -> str:
        need(kind)
        if kind != "java:17":
            return dedent(SOURCES[kind])
        runtime = catalogue.get(kind)
        assert runtime is not None
        tool = runtime.tool_directory(default_tools_directory())
        return jar_of(dedent(SOURCES[kind]), tool, tmp_path_factory.mktemp("jar"))

    return of


@pytest.fixture(params=SOURCES)
def caller(request: Any, launch: Callable[..., Launched], api: Api, code: Callable[[str], str]) -> Launched:
    kind = request.param
    sandbox = launch(kind, __OW_API_HOST=api.address)
    reply = sandbox.init(code(kind), "Action" if kind == "java:17" else "main", binary=kind == "java:17")
    assert reply.status == 200, (reply.body, sandbox.printed())
    return sandbox


def call(caller: Launched, name: str = "hello", *, raw: bool = False) -> Any:
    given = {"name": name, "params": {"a": 1}} | ({"raw": True} if raw else {})
    reply = caller.run(given, api_key=KEY)
    assert reply.status == 200, (reply.body, caller.printed())
    return reply.json


class TestInvoke:
    def test_calls_the_action_with_the_callers_key(self, caller: Launched, api: Api) -> None:
        credentials = f"Basic {base64.b64encode(KEY.encode()).decode()}"
        for name, path in NAMES.items():
            assert call(caller, name) == {"result": {"greeting": "hi"}}
            assert api.asked[-1] == (path, credentials, {"a": 1})

    def test_passes_json_through_unparsed(self, caller: Launched) -> None:
        assert json.loads(call(caller, raw=True)["result"]["text"]) == {"greeting": "hi"}

    def test_gives_a_result_that_holds_an_error(self, caller: Launched, api: Api) -> None:
        api.say(502, {"response": {"status": "application error", "result": {"error": "mine"}}})
        assert call(caller) == {"result": {"error": "mine"}}

    def test_fails_as_the_action_did(self, caller: Launched, api: Api) -> None:
        api.say(502, {"response": {"status": "action developer error", "result": {"error": "it threw"}}})
        assert call(caller) == {"failed": "it threw", "result": {"error": "it threw"}}
        api.say(404, {"error": "The requested resource does not exist.", "code": "x"})
        assert call(caller)["failed"] == "The requested resource does not exist."
        api.say(202, {"activationId": "a2"})
        late = call(caller)
        assert (late["failed"], late["result"]["activationId"]) == ("The called action did not end in time.", "a2")
        api.say(503, b"<html>")
        assert call(caller)["failed"] == "The API answered 503 without JSON."


@pytest.mark.parametrize("kind", SOURCES)
def test_says_so_where_there_is_no_api(kind: str, launch: Callable[..., Launched], code: Callable[[str], str]) -> None:
    sandbox = launch(kind)
    sandbox.init(code(kind), "Action" if kind == "java:17" else "main", binary=kind == "java:17")
    assert call(sandbox)["failed"] == "argo.invoke: this sandbox has no API host and key"
