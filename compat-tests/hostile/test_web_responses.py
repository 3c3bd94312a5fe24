"""Web actions whose results try to break out of the answer: headers, statuses, lengths, types."""

from json import dumps
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import Answer, pairs
from blackbox.sockets import RawConnection
from blackbox.workspace import Workspace

WEB = pairs({"web-export": True})
RESULTS: list[Any] = [{}, [], {"error": "x"}, {"error": {}}, {"error": {"statusCode": "x"}}, {"error": None}]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def web_reply(shared: Workspace, node: str) -> str:
    """A web action that answers the argument `reply`."""
    return await shared.action("function main(args) { return args.reply }", kind=node, annotations=WEB)


async def answer_to(ow: Workspace, web_reply: str, reply: Any, extension: str = ".http") -> Answer:
    """The answer, which must be one of an action or a clear error; never one of a broken service."""
    path = ow.web(f"default/{web_reply}{extension}")
    answer = await ow.call("POST", path, auth=None, json={"reply": reply})
    assert answer.status != 500, f"{reply}: {answer}"
    return answer


@pytest.mark.parametrize("value", ["a\r\nX-Forged: 1", "a\nX-Forged: 1", "a\rX-Forged: 1", "a\x00b", "a\x7f\x01"])
async def test_a_header_value_that_breaks_the_line(ow: Workspace, web_reply: str, value: str) -> None:
    for headers in ({"X-Mine": value}, {"X-Mine": [value]}, {"Location": value}, {"Set-Cookie": value}):
        answer = await answer_to(ow, web_reply, {"headers": headers, "body": "x"})
        assert "X-Forged" not in answer.headers
        assert answer.status in {200, 400}, answer


@pytest.mark.parametrize("name", ["X Y", "X:Y", "", "X\r\nX-Forged: 1", "é", "X\x00", "(x)"])
async def test_a_header_name_that_is_none(ow: Workspace, web_reply: str, name: str) -> None:
    answer = await answer_to(ow, web_reply, {"headers": {name: "v"}, "body": "x"})
    assert "X-Forged" not in answer.headers
    assert answer.status in {200, 400}, answer


async def test_a_header_value_beyond_ascii(ow: Workspace, web_reply: str) -> None:
    answer = await answer_to(ow, web_reply, {"headers": {"X-Mine": "ü 🚀"}, "body": "x"})
    assert answer.status in {200, 400}, answer


@pytest.mark.parametrize("value", [None, {"a": 1}, [{"a": 1}], [[1]], 1.5])
async def test_a_header_value_of_another_type(ow: Workspace, web_reply: str, value: Any) -> None:
    answer = await answer_to(ow, web_reply, {"headers": {"X-Mine": value}, "body": "x"})
    assert answer.status in {200, 400}, answer


@pytest.mark.parametrize("status", [0, 1, 99, 100, 101, 199, 600, 999, 1000, 70000, -1, 200.5, 2**40, True, [], {}])
async def test_a_status_out_of_range(ow: Workspace, web_reply: str, status: Any) -> None:
    answer = await answer_to(ow, web_reply, {"statusCode": status, "body": "x"})
    assert 200 <= answer.status < 1000, answer
    if isinstance(status, (bool, list, dict)) or not 100 <= status < 1000:
        assert answer.status == 400, answer


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_a_body_where_none_may_be(ow: Workspace, web_reply: str, status: int) -> None:
    """The connection is usable after it: no byte of the forbidden body is left in it."""
    for _ in range(2):
        answer = await answer_to(ow, web_reply, {"statusCode": status, "body": "forbidden"})
        assert answer.status in {status, 400}, answer
    assert (await answer_to(ow, web_reply, {"body": "fine"})).text == "fine"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "5000"},
        {"Content-Length": "1"},
        {"Content-Length": "-1"},
        {"content-length": "abc"},
        {"Transfer-Encoding": "chunked"},
        {"Transfer-Encoding": "gzip, chunked"},
        {"Content-Encoding": "gzip"},
        {"Connection": "upgrade", "Upgrade": "websocket"},
        {"Connection": "close"},
        {"Trailer": "X-Mine"},
        {"X-Request-ID": "forged"},
        {"x-openwhisk-activation-id": "forged"},
        {"Server": "forged"},
        {"Date": "yesterday"},
    ],
)
async def test_headers_that_are_the_services(ow: Workspace, web_reply: str, headers: dict[str, str]) -> None:
    """Whatever an action says of lengths and connections, the answer is whole and the next one is not harmed."""
    answer = await answer_to(ow, web_reply, {"headers": headers, "body": "four"})
    assert answer.status in {200, 400}, answer
    if answer.status == 200:
        assert answer.body == b"four"
        assert answer.headers["X-Request-ID"] != "forged"
        assert answer.headers["x-openwhisk-activation-id"] != "forged"
    assert (await answer_to(ow, web_reply, {"body": "fine"})).text == "fine"


async def test_very_many_headers(ow: Workspace, web_reply: str) -> None:
    headers = {f"X-Many-{n}": "v" * 100 for n in range(2000)}
    path = ow.web(f"default/{web_reply}.http")
    connection = await RawConnection.open(ow.apihost)
    body = dumps({"reply": {"headers": headers, "body": "x"}}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    await connection.send(head.encode() + body)
    assert await connection.status() in {200, 400}
    await connection.close()


@pytest.mark.parametrize("media_type", ["text/html; charset=nonsense", "*/*", "a/b/c", "application/json"])
async def test_odd_types(ow: Workspace, web_reply: str, media_type: str) -> None:
    answer = await answer_to(ow, web_reply, {"headers": {"Content-Type": media_type}, "body": "{not json}"})
    assert answer.status in {200, 400}, answer


@pytest.mark.parametrize("extension", [".http", ".json", ".html", ".svg", ".text"])
@pytest.mark.parametrize("reply", RESULTS)
async def test_every_extension_with_odd_results(ow: Workspace, web_reply: str, extension: str, reply: Any) -> None:
    answer = await answer_to(ow, web_reply, reply, extension)
    assert answer.status in {200, 204, 400, 404, 502}, answer
