"""Requests that are wrong on purpose: each gets a clear error, and the service goes on."""

import asyncio
import time
import zlib
from typing import Any

import pytest
from blackbox.answer import Answer, expect_ok, pairs
from blackbox.sockets import RawConnection
from blackbox.workspace import ECHO, Workspace, basic

JSON = {"Content-Type": "application/json"}
MB = 1024 * 1024
GIVEN_UP_SECONDS = 60.0  # a body has 30 s to arrive; the rest is leeway


def expect_refused(answer: Answer, *statuses: int) -> None:
    """One of the statuses, in the contract's shape."""
    assert answer.status in (statuses or (400,)), answer
    assert answer.media_type == "application/json"
    body = answer.json
    assert isinstance(body["error"], str)
    assert body["error"]
    assert isinstance(body["code"], str)


BAD_BODIES = {
    "cut off": b'{"a": ',
    "two values": b'{"a": 1}{"b": 2}',
    "trailing comma": b'{"a": 1,}',
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a NUL": b'{"a": "\x00"}',
    "not a number": b'{"a": NaN}',
    "infinite": b'{"a": Infinity}',
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested arrays": b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "nested and cut off": b"[" * 500_000,
}


@pytest.mark.parametrize("kind", BAD_BODIES)
async def test_bodies(ow: Workspace, echo: str, kind: str) -> None:
    web = await ow.action(ECHO, annotations=pairs({"web-export": True}))
    for method, path in (
        ("POST", ow.path("actions", echo) + "?blocking=true"),
        ("PUT", ow.path("actions", ow.name())),
        ("PUT", ow.path("packages", ow.name())),
        ("PUT", ow.path("triggers", ow.name())),
        ("POST", ow.web(f"default/{web}.json")),
    ):
        expect_refused(await ow.call(method, path, data=BAD_BODIES[kind], headers=JSON))
    assert await ow.result(echo, {"fine": 1}) == {"fine": 1}


@pytest.mark.parametrize("body", [b'{"a": "\\ud800"}', b'{"a": 1e999}', b'{"a": 1, "a": 2}', b'\xef\xbb\xbf{"a": 1}'])
async def test_bodies_that_are_odd(ow: Workspace, echo: str, body: bytes) -> None:
    """Taken or refused, but never an error of the service."""
    answer = await ow.call("POST", ow.path("actions", echo) + "?blocking=true&result=true", data=body, headers=JSON)
    assert answer.status in {200, 400}, answer
    assert isinstance(answer.json, dict)


@pytest.mark.parametrize("claim", ["gzip", "deflate", "br", "nonsense"])
async def test_a_content_encoding_that_lies(ow: Workspace, echo: str, claim: str) -> None:
    headers = JSON | {"Content-Encoding": claim}
    answer = await ow.call("POST", ow.path("actions", echo) + "?blocking=true", data=b'{"a": 1}', headers=headers)
    assert answer.status in {200, 400, 415}, answer


async def test_a_compressed_bomb(ow: Workspace, echo: str) -> None:
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(16 * MB)
    body = b"".join([deflate.compress(b'{"a": "')] + [deflate.compress(zeros) for _ in range(16)] + [deflate.flush()])
    headers = JSON | {"Content-Encoding": "gzip"}
    answer = await ow.call("POST", ow.path("actions", echo) + "?blocking=true", data=body, headers=headers)
    expect_refused(answer, 400, 413, 415)


@pytest.mark.parametrize(
    "tail",
    [
        "%00", "%zz", "%", "a%00b", "..", "../..", "%2e%2e%2f%2e%2e", "a/b/c/d", "a%2fb", "//a", "a//b", "%c0%af",
        "x" * 4000, "%F0%9F%9A%80", "a?limit=1&limit=2", "?limit=99999999999999999999", "?skip=-99999999999999999999",
        "?limit=%00", "?limit=", "?count=maybe", "?=&&&=", "a?code=" + "y" * 2000,
    ],
)  # fmt: skip
async def test_paths(ow: Workspace, tail: str) -> None:
    joint = "" if tail.startswith("?") else "/"
    answer = await ow.call("GET", ow.path("actions") + joint + tail)
    assert answer.status in {200, 400, 404, 414}, answer
    if answer.status != 200:
        expect_refused(answer, answer.status)


@pytest.mark.parametrize("rest", ["%00/%00/%00", "../../../api/v1/namespaces", "ns/..%2f..%2f/x", "a/b/c" + "/d" * 900])
async def test_web_paths(ow: Workspace, rest: str) -> None:
    answer = await ow.call("GET", "/api/v1/web/" + rest, auth=None)
    expect_refused(answer, 400, 401, 404)


BAD_REQUESTS = {
    "no request line": b"\r\n\r\n\r\n",
    "nonsense": b"NONSENSE\r\n\r\n",
    "binary": bytes(range(256)) * 8,
    "unknown version": b"GET / HTTP/9.9\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nabc",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": b"POST /api/v1/web/a/b/c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: x\r\n: value\r\n\r\n",
    "a header with a NUL": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n",
}


@pytest.mark.parametrize("kind", BAD_REQUESTS)
async def test_what_is_no_http(ow: Workspace, kind: str) -> None:
    connection = await RawConnection.open(ow.apihost)
    await connection.send(BAD_REQUESTS[kind])
    if kind == "no request line":
        await connection.close()
    else:
        assert await connection.status() in {0, 200, 400, 404, 405, 411, 501, 505}
        await connection.close()
    assert (await ow.call("GET", "/ping", auth=None)).text == "pong"


FLOODS = {
    "many headers": b"".join(b"X-Flood-%d: value\r\n" % n for n in range(20_000)),
    "a long header": b"X-Flood: " + b"x" * (2 * MB) + b"\r\n",
    "a long name": b"X-" + b"y" * MB + b": z\r\n",
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_header_flood(ow: Workspace, kind: str) -> None:
    connection = await RawConnection.open(ow.apihost)
    await connection.send(b"GET /ping HTTP/1.1\r\nHost: x\r\n" + FLOODS[kind] + b"\r\n")
    assert await connection.status() in {0, 400, 431, 413}
    await connection.close()
    assert (await ow.call("GET", "/ping", auth=None)).text == "pong"


async def test_a_long_request_line(ow: Workspace) -> None:
    connection = await RawConnection.open(ow.apihost)
    await connection.send(b"GET /" + b"a" * MB + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await connection.status() in {0, 400, 414, 431}
    await connection.close()
    assert (await ow.call("GET", "/ping", auth=None)).text == "pong"


def half_a_request(ow: Workspace, echo: str, host: str) -> bytes:
    """Head and first bytes of an invocation whose rest never comes."""
    lines = [f"POST {ow.path('actions', echo)} HTTP/1.1", f"Host: {host}", f"Authorization: {basic(ow.key)}"]
    return "\r\n".join([*lines, "Content-Type: application/json", "Content-Length: 1000", "", '{"a": ']).encode()


class SlowClients:
    """Fifty connections that stopped in the head of a request, and fifty that stopped in its body."""

    def __init__(self) -> None:
        self.opened = 0.0
        self.stopped_in: dict[str, list[RawConnection]] = {"head": [], "body": []}

    async def open(self, ow: Workspace, echo: str) -> None:
        self.opened = time.monotonic()
        for part, connections in self.stopped_in.items():
            for _ in range(50):
                connection = await RawConnection.open(ow.apihost)
                whole = half_a_request(ow, echo, connection.host)
                await connection.send(whole if part == "body" else whole[:30])
                connections.append(connection)


@pytest.fixture(scope="session")
def slow_clients() -> SlowClients:
    return SlowClients()


@pytest.mark.first
async def test_slow_clients_hold_up_no_one(ow: Workspace, echo: str, slow_clients: SlowClients) -> None:
    """They stay open until the last test."""
    await slow_clients.open(ow, echo)
    answers = await asyncio.gather(*(ow.result(echo, {"n": n}) for n in range(8)))
    assert answers == [{"n": n} for n in range(8)]


@pytest.mark.last
@pytest.mark.parametrize("part", ["head", "body"])
async def test_a_slow_client_is_given_up(slow_clients: SlowClients, part: str) -> None:
    if not slow_clients.opened:
        pytest.skip("the test that opens them was not chosen")
    connections = slow_clients.stopped_in[part]
    seconds = max(5.0, slow_clients.opened + GIVEN_UP_SECONDS - time.monotonic())
    try:
        statuses = await asyncio.gather(*(each.status(seconds) for each in connections))
    except TimeoutError:
        pytest.fail(f"a request that stopped in its {part} is still waited for")
    finally:
        await asyncio.gather(*(each.close() for each in connections))
    assert set(statuses) <= {0, 400, 408, 503}, "closed, with or without a word"


async def test_a_client_that_hangs_up_while_it_waits(ow: Workspace) -> None:
    """The activation goes on; its record is written."""
    name = await ow.action("function main() { return new Promise(r => setTimeout(() => r({done: 1}), 600)) }")
    connection = await RawConnection.open(ow.apihost)
    lines = [f"POST {ow.path('actions', name)}?blocking=true HTTP/1.1", f"Host: {connection.host}"]
    lines += [f"Authorization: {basic(ow.key)}", "Content-Type: application/json", "Content-Length: 2", "", "{}"]
    await connection.send("\r\n".join(lines).encode())
    await asyncio.sleep(0.3)
    await connection.close()
    (record,) = await ow.activations_of(name)
    assert record["response"]["result"] == {"done": 1}


async def test_many_connections_at_once(ow: Workspace) -> None:
    connections = await asyncio.gather(*(RawConnection.open(ow.apihost) for _ in range(200)))
    request = b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    await asyncio.gather(*(each.send(request) for each in connections))
    assert set(await asyncio.gather(*(each.status() for each in connections))) == {200}
    await asyncio.gather(*(each.close() for each in connections))


@pytest.mark.parametrize("value", ["on\r\nX-Injected: 1", "a" * 5000, "é", "\x7f"])
async def test_an_odd_transaction_id(ow: Workspace, value: str) -> None:
    """Sent raw: no header of the answer can be forged with it."""
    connection = await RawConnection.open(ow.apihost)
    head = f"GET /ping HTTP/1.1\r\nHost: x\r\nX-Request-ID: {value}\r\nConnection: close\r\n\r\n"
    await connection.send(head.encode())
    assert await connection.status() in {200, 400}
    await connection.close()


async def test_an_unknown_content_type(ow: Workspace, echo: str) -> None:
    for media_type in ("", ";;;", "application/json; charset=nonsense", "a" * 1000):
        answer = await ow.call("POST", ow.path("actions", echo), data=b"{}", headers={"Content-Type": media_type})
        assert answer.status in {202, 400, 415}, (media_type, answer)


async def test_types_in_the_wrong_places(ow: Workspace) -> None:
    """Every field of every entity, with a value of every wrong type."""
    wrong: list[Any] = [5, True, "text", ["a"], {"a": {"b": 1}}, None, 1e300]
    execution = {"kind": "nodejs:default", "code": "x"}
    fields = {
        "actions": ("exec", "parameters", "limits", "version", "publish", "annotations", "delAnnotations"),
        "packages": ("binding", "parameters", "version", "publish", "annotations"),
        "triggers": ("parameters", "limits", "version", "publish", "annotations"),
        "rules": ("trigger", "action", "version", "publish", "annotations"),
    }
    for collection, names in fields.items():
        for field in names:
            for value in wrong:
                body = ({"exec": execution} if collection == "actions" else {}) | {field: value}
                answer = await ow.put(collection, ow.name(), body)
                assert answer.status in {200, 400, 404, 413}, f"{collection}.{field} = {value!r}: {answer}"


async def test_the_service_is_well_after_all_that(ow: Workspace, echo: str) -> None:
    assert expect_ok(await ow.call("GET", "/api/v1/namespaces")) == [ow.namespace]
    assert await ow.result(echo, {"a": 1}) == {"a": 1}
