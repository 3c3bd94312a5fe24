"""Web actions: how a result becomes an answer (contract 7)."""

import base64
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import Answer, expect_ok, pairs
from blackbox.workspace import Workspace

FAILED = "There was an error processing your request."
NOT_IN_RESULT = "Response does not include requested property."
PNG = b"\x89PNG\r\n\x1a\n\x00"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def web_reply(shared: Workspace, node: str) -> str:
    """A web action that answers the argument `reply`."""
    code = "function main(args) { return args.reply }"
    return await shared.action(code, kind=node, annotations=pairs({"web-export": True}))


@pytest.fixture
def answer_to(ow: Workspace, web_reply: str):
    """The answer to an anonymous request, when the action's result is `reply`."""

    async def call(reply: Any, extension: str = "", method: str = "POST") -> Answer:
        path = ow.web(f"default/{web_reply}{extension}")
        return await ow.call(method, path, auth=None, json={"reply": reply})

    return call


def expect_bad(answer: Answer, status: int, text: str) -> None:
    """A web action's error: pretty-printed."""
    assert answer.status == status, answer
    assert answer.media_type == "application/json"
    assert set(answer.json) == {"error", "code"}
    assert answer.json["error"] == text
    assert "\n" in answer.text, "pretty-printed"


@pytest.mark.parametrize("extension", ["", ".http"])
async def test_http(answer_to, extension: str) -> None:
    reply = {"statusCode": 201, "headers": {"x-mine": "v", "Content-Type": "text/css"}, "body": "p {}"}
    answer = await answer_to(reply, extension)
    assert (answer.status, answer.text, answer.headers["x-mine"]) == (201, "p {}", "v")
    assert answer.media_type == "text/css"
    assert answer.headers["x-openwhisk-activation-id"]


async def test_a_text_without_a_type_is_html(answer_to) -> None:
    answer = await answer_to({"body": "<b>ä</b>"})
    assert (answer.status, answer.media_type) == (200, "text/html")
    assert "utf-8" in answer.headers["Content-Type"].lower()
    assert answer.body == "<b>ä</b>".encode()


async def test_a_status_as_text(answer_to) -> None:
    assert (await answer_to({"statusCode": "418", "body": "tea"})).status == 418


async def test_header_values(answer_to) -> None:
    headers = {"x-text": "t", "x-number": 5, "x-flag": True, "Set-Cookie": ["a=1", "b=2"]}
    answer = await answer_to({"headers": headers, "body": "x"})
    assert (answer.headers["x-text"], answer.headers["x-number"], answer.headers["x-flag"]) == ("t", "5", "true")
    assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("reply", [{}, {"body": ""}, {"body": None}])
async def test_no_body(answer_to, reply: Any) -> None:
    answer = await answer_to(reply)
    assert (answer.status, answer.body) == (204, b"")


async def test_no_body_with_a_status(answer_to) -> None:
    answer = await answer_to({"statusCode": 302, "headers": {"location": "/elsewhere"}})
    assert (answer.status, answer.headers["location"], answer.body) == (302, "/elsewhere", b"")


@pytest.mark.parametrize("body", [{"a": [1]}, [1, 2], 5, True])
async def test_a_json_body(answer_to, body: Any) -> None:
    answer = await answer_to({"body": body})
    assert answer.media_type == "application/json"
    assert answer.json == body


async def test_a_json_body_of_another_type(answer_to) -> None:
    answer = await answer_to({"headers": {"content-type": "text/css"}, "body": {"a": 1}})
    expect_bad(answer, 400, "Response type in header did not match generated content type.")


async def test_a_binary_body(answer_to) -> None:
    body = base64.b64encode(PNG).decode()
    answer = await answer_to({"headers": {"content-type": "image/png"}, "body": body})
    assert (answer.status, answer.media_type, answer.body) == (200, "image/png", PNG)


async def test_a_binary_body_that_is_no_base64(answer_to) -> None:
    answer = await answer_to({"headers": {"content-type": "image/png"}, "body": "?? no base64 ??"})
    expect_bad(answer, 400, "Response type in header did not match generated content type.")


async def test_an_unknown_content_type(answer_to) -> None:
    answer = await answer_to({"headers": {"content-type": "nonsense ; ; /"}, "body": "x"})
    expect_bad(answer, 400, "Response did not specify a known content-type.")


@pytest.mark.parametrize("reply", [{"headers": "x", "body": "y"}, {"statusCode": "many", "body": "y"}])
async def test_not_the_shape_of_http(answer_to, reply: Any) -> None:
    expect_bad(await answer_to(reply, ".http"), 400, "Response is not valid 'message/http'.")


@pytest.mark.parametrize("reply", [{"a": {"b": [1]}}, {"body": "x"}, [1, {"a": 2}]])
async def test_json(answer_to, reply: Any) -> None:
    answer = await answer_to(reply, ".json")
    assert (answer.status, answer.media_type) == (200, "application/json")
    assert answer.json == reply


@pytest.mark.parametrize(
    ("extension", "field", "media_type"),
    [(".html", "html", "text/html"), (".svg", "svg", "image/svg+xml"), (".text", "text", "text/plain")],
)
async def test_markup_and_text(answer_to, extension: str, field: str, media_type: str) -> None:
    for name in ("body", field):
        answer = await answer_to({name: "<x>ä</x>"}, extension)
        assert (answer.status, answer.media_type, answer.body) == (200, media_type, "<x>ä</x>".encode())


@pytest.mark.parametrize(("extension", "media_type"), [(".html", "text/html"), (".svg", "image/svg+xml")])
async def test_markup_that_is_no_text(answer_to, extension: str, media_type: str) -> None:
    expect_bad(await answer_to({"body": {"a": 1}}, extension), 400, f"Response is not valid '{media_type}'.")


@pytest.mark.parametrize(("value", "shown"), [(5, "5"), (True, "true"), ("plain", "plain"), (None, "null")])
async def test_text_takes_any_value(answer_to, value: Any, shown: str) -> None:
    answer = await answer_to({"text": value}, ".text")
    assert (answer.status, answer.text) == (200, shown)


async def test_text_of_an_object_is_pretty(answer_to) -> None:
    answer = await answer_to({"text": {"a": 1}}, ".text")
    assert answer.json == {"a": 1}
    assert "\n" in answer.text


@pytest.mark.parametrize("extension", [".html", ".svg", ".text"])
async def test_the_property_is_missing(answer_to, extension: str) -> None:
    expect_bad(await answer_to({"other": 1}, extension), 404, NOT_IN_RESULT)


async def test_an_application_error_is_rendered(answer_to) -> None:
    error = {"statusCode": 418, "headers": {"x-mine": "v"}, "body": "no coffee"}
    answer = await answer_to({"error": error})
    assert (answer.status, answer.text, answer.headers["x-mine"]) == (418, "no coffee", "v")


async def test_an_application_error_as_json(answer_to) -> None:
    answer = await answer_to({"error": {"why": "mine"}}, ".json")
    assert answer.json == {"why": "mine"}


async def test_a_developer_error(ow: Workspace) -> None:
    name = await ow.action("function main() { process.exit(1) }", annotations=pairs({"web-export": True}))
    for extension in (".http", ".json"):
        expect_bad(await ow.call("GET", ow.web(f"default/{name}{extension}"), auth=None), 400, FAILED)


async def test_a_large_body(ow: Workspace) -> None:
    code = "function main() { return {body: 'x'.repeat(900 * 1024)} }"
    name = await ow.action(code, annotations=pairs({"web-export": True}))
    answer = await ow.call("GET", ow.web(f"default/{name}"), auth=None)
    assert (answer.status, len(answer.body)) == (200, 900 * 1024)


async def test_a_redirect_is_left_to_the_caller(answer_to) -> None:
    answer = await answer_to({"statusCode": 301, "headers": {"Location": "https://example.com/a?b=c"}})
    assert (answer.status, answer.headers["Location"]) == (301, "https://example.com/a?b=c")


async def test_head_runs_the_action(ow: Workspace) -> None:
    code = "function main(args) { return {headers: {'x-method': args.__ow_method}, body: 'unseen'} }"
    name = await ow.action(code, annotations=pairs({"web-export": True}))
    answer = await ow.call("HEAD", ow.web(f"default/{name}"), auth=None)
    assert (answer.status, answer.headers["x-method"], answer.body) == (200, "head", b"")


async def test_the_record_has_the_raw_result(ow: Workspace, answer_to) -> None:
    reply = {"statusCode": 201, "body": "x"}
    answer = await answer_to(reply)
    record = await ow.activation(answer.headers["x-openwhisk-activation-id"])
    assert record["response"]["result"] == reply


async def test_without_a_web_export_nothing_is_served(ow: Workspace, echo: str) -> None:
    expect_ok(await ow.get("actions", echo))
    answer = await ow.call("GET", ow.web(f"default/{echo}.json"), auth=None)
    assert answer.status == 404
