"""Invocations that are answered past aiohttp: alike, byte for byte, and in turn with what is not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import ssl
from dataclasses import replace

import pytest
from aiohttp import web
from argo_dev.certificates import self_signed

from argo_provider.api.authentication import Authenticator
from argo_provider.api.connections import PatientRunner
from argo_provider.api.middleware import MIDDLEWARES
from argo_provider.api.routes import routes
from argo_provider.api.state import SERVICES
from argo_provider.events import NamespaceChanged
from argo_provider.hosting import tls_context
from argo_provider.model.clock import Clock
from argo_provider.placement.fake import failed
from argo_provider.placement.port import OverloadReason
from argo_provider.settings import ServerSettings
from argo_provider.storage.port import ActivationQuery

from .conftest import CODE
from .wire import LIMIT, Serving, Spied

pytestmark = pytest.mark.contract

MOST = 50 * 1024 * 1024
ME = base64.b64encode(b"me:secret").decode()
NS = "/api/v1/namespaces/_/actions"
ORDINARY = "application/json; charset=utf-8"  # says the same, and is not taken


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """The settings of a service with TLS, and what its clients check it by."""
    certificate, key = self_signed(tmp_path_factory.mktemp("tls"))
    return ServerSettings(tls_cert=certificate, tls_key=key), ssl.create_default_context(cafile=certificate)


@pytest.fixture(params=["plain", "tls"])
async def serving(request, world, secured):
    settings, trust = secured if request.param == "tls" else (ServerSettings(), None)
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=MOST)
    seen = []
    services = replace(world.services, observe=lambda *what: seen.append(what[:3]), count_error=seen.append)
    app[SERVICES] = services
    app.router.add_routes(routes())
    straight = Spied(services, MOST)
    runner = PatientRunner(app, straight=straight, access_log=None, shutdown_timeout=LIMIT)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls_context(settings)).start()
    made = Serving(world, straight, runner, trust, seen)
    yield made
    for connection in made.opened:
        connection.close()
    world.placement.release()
    await runner.cleanup()


def request(path, body=b'{"a":1}', method="POST", version="1.1", **headers):
    """The bytes of one; a header of None is left out."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Host": "here", "Authorization": f"Basic {ME}", "Content-Type": "application/json"}
    fields |= {"Content-Length": str(len(text))} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"{method} {path} HTTP/{version}\r\n{lines}\r\n".encode() + text


async def prepare(serving):
    """Some actions."""
    connection = await serving.connect()
    for path in (f"{NS}/echo", f"{NS}/bad", f"{NS}/many", "/api/v1/namespaces/_/packages/p", f"{NS}/p/inside"):
        connection.send(request(f"{path}?overwrite=true", {} if "packages" in path else {"exec": CODE}, "PUT"))
        assert (await connection.answer())[0] == 200
    serving.world.placement.on("/me/bad", script=lambda _: failed("oh"))
    serving.world.placement.on("/me/many", [1, 2])


async def under_way(serving, more=""):
    """A connection whose invocation has begun, and goes on until `placement.release`. `more`: of its query."""
    await prepare(serving)
    connection = await serving.connect()
    serving.world.placement.hold()
    connection.send(request(f"{NS}/echo?blocking=true{more}"))
    await serving.begun()
    return connection


def masked(text):
    """Without what differs from call to call."""
    text = re.sub(r"\b[0-9a-f]{32}\b", "ID", text)
    text = re.sub(r'"argo.phases","value":{[^}]*}|"(start|end|duration|value)":[0-9.]+', "", text)
    return re.sub(r"Date: [^\r]*|Content-Length: \d+", "", text)


CASES = {
    "the record": (f"{NS}/echo?blocking=true", {}, 200),
    "the result": (f"{NS}/echo?blocking=true&result=true", {}, 200),
    "an array": (f"{NS}/many?blocking=true", {}, 200),
    "a failure": (f"{NS}/bad?blocking=TRUE&timeout=5000", {}, 502),
    "a promise": (f"{NS}/echo", {}, 202),
    "in a package": (f"{NS}/p/inside?blocking=true&result=true", {}, 200),
    "in the default one": (f"{NS}/default/echo?blocking=true&result=true", {}, 200),
    "by name of the namespace": ("/api/v1/namespaces/me/actions/echo?blocking=true", {}, 200),
    "of another namespace": ("/api/v1/namespaces/you/actions/echo?blocking=true", {}, 403),
    "an id of the client's": (f"{NS}/echo?blocking=true", {"X_Request_ID": "mine"}, 200),
    "an id of ours": (f"{NS}/echo?blocking=true", {"X_Request_ID": "sid_mine"}, 200),
    "unknown": (f"{NS}/nothing?blocking=true", {}, 404),
    "no key": (f"{NS}/echo?blocking=true", {"Authorization": None}, 401),
    "a wrong key": (f"{NS}/echo?blocking=true", {"Authorization": "Basic bWU6d3Jvbmc="}, 401),
    "no JSON": (f"{NS}/echo?blocking=true", {"body": b"{"}, 400),
    "no object": (f"{NS}/echo?blocking=true", {"body": b"[1]"}, 400),
}
REFUSED = {
    "a flag that is none": (f"{NS}/echo?blocking=maybe", {}, 400),
    "another that is none": (f"{NS}/echo?blocking=true&result=maybe", {}, 400),
    "a wait that is none": (f"{NS}/echo?blocking=true&timeout=0", {}, 400),
    "a name that is none": (f"{NS}/-echo?blocking=true", {}, 400),
    "no body": (f"{NS}/echo?blocking=true&result=true", {"body": b""}, 200),
    "no length": (f"{NS}/echo?blocking=true&result=true", {"body": b"", "Content_Length": None}, 200),
    "in chunks": (
        f"{NS}/echo?blocking=true&result=true",
        {"body": b"2\r\n{}\r\n0\r\n\r\n", "Content_Length": None, "Transfer_Encoding": "chunked"},
        200,
    ),
    "another type": (f"{NS}/echo?blocking=true", {"Content_Type": "text/plain"}, 415),
    "packed": (f"{NS}/echo?blocking=true", {"Content_Encoding": "br"}, 415),
    "another method": (f"{NS}/echo", {"method": "PATCH"}, 404),
    "written otherwise": ("/api/v1/namespaces/_/actions/%65cho?blocking=true&result=true", {}, 200),
    "an id that cannot be told": (f"{NS}/echo?blocking=true&result=true", {"X_Request_ID": "ä"}, 200),
}


@pytest.mark.parametrize("case", CASES)
async def test_both_ways_answer_alike(serving, case):
    await prepare(serving)
    path, options, status = CASES[case]
    connection = await serving.connect()
    answers, observed = [], []
    for kind in ("application/json", ORDINARY):
        serving.observed.clear()
        connection.send(request(path, **{"Content_Type": kind} | options))
        answers.append(await connection.answer())
        observed.append([*serving.observed])
    assert serving.straight.taken == 1
    straight, ordinary = answers
    assert straight[0] == status
    assert observed[0] == observed[1] != []
    assert masked(straight[1]) == masked(ordinary[1])
    assert masked(straight[2].decode()) == masked(ordinary[2].decode())


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_unusual_goes_the_ordinary_way(serving, case):
    await prepare(serving)
    path, options, status = REFUSED[case]
    connection = await serving.connect()
    connection.send(request(path, **options))
    assert (await connection.answer())[0] == status
    assert len(serving.world.placement.submitted) == (status == 200), "what is refused must not have run"
    assert serving.straight.taken == 0


async def test_a_client_that_wants_it_closed_has_it_closed(serving):
    await prepare(serving)
    for options in ({"Connection": "close"}, {"version": "1.0"}):
        connection = await serving.connect()
        connection.send(request(f"{NS}/echo?blocking=true", **options))
        assert (await connection.answer())[0] == 200
        assert await connection.ended() == b""
    assert serving.straight.taken == 0


async def test_a_body_over_the_limit(serving):
    await prepare(serving)
    connection = await serving.connect()
    connection.send(request(f"{NS}/echo?blocking=true", b" " * (serving.world.services.limits.payload_bytes + 1)))
    assert (await connection.answer())[0] == 413
    assert serving.straight.taken == 0


async def test_a_service_that_is_full_or_broken(serving, monkeypatch):
    await prepare(serving)
    connection = await serving.connect()
    serving.world.placement.overload = OverloadReason.QUEUE_FULL
    connection.send(request(f"{NS}/echo?blocking=true"))
    assert (await connection.answer())[0] == 503

    def broken(*_, **__):
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(serving.world.placement, "submit", broken)
    connection.send(request(f"{NS}/echo?blocking=true"))
    status, _, body = await connection.answer()
    assert (status, b"secret" in body) == (500, False)
    assert serving.straight.taken == 2


async def test_requests_sent_at_once_are_answered_in_their_order(serving):
    await prepare(serving)
    connection = await serving.connect()
    paths = [f"{NS}/echo?blocking=true&result=true", f"{NS}/bad?blocking=true&result=true", f"{NS}/nothing"]
    connection.send(*(request(path) for path in paths))
    assert [(await connection.answer())[0] for _ in paths] == [200, 502, 404]


async def test_what_comes_while_one_is_answered_waits_for_it(serving):
    connection = await under_way(serving, "&result=true")
    connection.send(request(f"{NS}/echo", b"", "GET"), request(f"{NS}/bad?blocking=true&result=true"))
    connection.send(request(f"{NS}/nothing"))
    serving.world.placement.release()
    assert (await connection.answer())[2] == b'{"a":1}'
    assert [(await connection.answer())[0] for _ in range(3)] == [200, 502, 404]
    connection.send(request(f"{NS}/echo?blocking=true&result=true"))
    assert (await connection.answer())[0] == 200


async def test_one_head_with_other_bodies(serving):
    """The same head is not parsed again; what came between must not matter."""
    await prepare(serving)
    connection = await serving.connect()
    path = f"{NS}/echo?blocking=true&result=true"
    between = [b"", request(f"{NS}/echo", b"", "GET"), request(f"{NS}/bad?blocking=true"), request(f"{NS}/nothing")]
    for number, other in enumerate(between):
        connection.send(other)
        if other:
            await connection.answer()
        for _ in range(2):
            body = b'{"n":%d}' % number
            connection.send(request(path, body))
            assert (await connection.answer())[2] == body
    before = serving.straight.asked
    for number in range(5):
        connection.send(request(path, b'{"n":%d}' % number))
        await connection.answer()
    assert (serving.straight.asked, serving.straight.taken) == (before, 2 * len(between) + 2 + 5)
    connection.send(request(path, b'{"longer":1}'))
    assert (await connection.answer())[2] == b'{"longer":1}'
    connection.send(request(path, b'{"n":x}'))
    assert (await connection.answer())[0] == 400


PIECES = {  # of a known request: the first, the rest, and the status
    "head and body": lambda known: (known[: known.index(b"{")], known[known.index(b"{") :], 200),
    "within the head": lambda known: (known[:30], known[30:], 200),
    "a request as a body": lambda known: (request(f"{NS}/echo", b"", Content_Length=str(len(known))), known, 400),
    "a request as a field": lambda known: (b"POST /nothing HTTP/1.1\r\nX-It: ", known, 404),
    "in another's chunk": lambda known: (known + known[:30], known[30:], 200),
}


@pytest.mark.parametrize("pieces", PIECES)
async def test_a_known_head_in_pieces(serving, pieces):
    """Bytes that look like a known request are one only where a request may begin."""
    await prepare(serving)
    connection = await serving.connect()
    known = request(f"{NS}/echo?blocking=true&result=true", b'{"n":1}')
    connection.send(known)
    assert (await connection.answer())[2] == b'{"n":1}'
    (handler,) = [h for h in serving.handlers() if h._known is not None]
    first, rest, wanted = PIECES[pieces](known)
    connection.send(first)
    async with asyncio.timeout(LIMIT):
        while handler._between:
            await asyncio.sleep(0)
    connection.send(rest)
    for _ in range(1 + (pieces == "in another's chunk")):
        assert (await connection.answer())[0] == wanted
    for _ in range(2):
        connection.send(known)
        assert (await connection.answer())[2] == b'{"n":1}'


async def test_a_key_that_was_changed_opens_nothing_more(serving):
    await prepare(serving)
    connection = await serving.connect()
    connection.send(request(f"{NS}/echo?blocking=true"))
    assert (await connection.answer())[0] == 200
    await serving.world.stores.namespaces.replace_key("me", "me", hashlib.sha256(b"new").digest())
    serving.world.events.publish(NamespaceChanged("me"))
    for key, status in (("me:secret", 401), ("me:new", 200), ("me:secret", 401)):
        header = f"Basic {base64.b64encode(key.encode()).decode()}"
        connection.send(request(f"{NS}/echo?blocking=true", Authorization=header))
        assert (await connection.answer())[0] == status


async def test_a_proof_does_not_outlive_what_it_was_found_by(world):
    now = [0.0]
    authenticator = Authenticator(world.stores.namespaces, world.events, Clock(monotonic=lambda: now[0]))
    header = f"Basic {ME}"
    proof = await authenticator.prove(header)
    assert authenticator.holds(proof)
    now[0] = 2.0  # another process may have changed the key
    assert not authenticator.holds(proof)
    renewed = await authenticator.prove(header)
    assert (authenticator.holds(proof), authenticator.holds(renewed)) == (False, True)
    world.events.publish(NamespaceChanged("you"))
    assert not authenticator.holds(renewed)


async def test_a_connection_is_not_idle_while_it_is_answered(serving):
    connection = await under_way(serving)
    for handler in serving.handlers():
        handler._next_keepalive_close_time = 0.0
        handler._process_keepalive()
    serving.world.placement.release()
    assert (await connection.answer())[0] == 200


async def test_who_hangs_up_harms_nobody(serving):
    await prepare(serving)
    gone, stays = await serving.connect(), await serving.connect()
    serving.world.placement.hold()
    gone.send(request(f"{NS}/echo?blocking=true"))
    stays.send(request(f"{NS}/echo?blocking=true"))
    await serving.begun(2)
    gone.close()
    async with asyncio.timeout(LIMIT):
        while len(serving.handlers()) > 2:  # the one that prepared, and the one that stays
            await asyncio.sleep(0)
    serving.world.placement.release()
    assert (await stays.answer())[0] == 200
    assert await serving.world.stores.activations.count(ActivationQuery("me")) == 2


async def test_a_shutdown_waits_for_answers(serving):
    connection = await under_way(serving)
    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as group:
        group.create_task(serving.runner.cleanup())
        (handler,) = [h for h in serving.handlers() if h._answering is not None]
        while not handler._close:
            await asyncio.sleep(0)
        serving.world.placement.release()
        assert (await connection.answer())[0] == 200
        assert await connection.ended() == b""


async def test_a_shutdown_does_not_wait_for_ever(serving):
    connection = await under_way(serving)
    (handler,) = [h for h in serving.handlers() if h._answering is not None]
    task = handler._answering
    await handler.shutdown(0.01)
    async with asyncio.timeout(LIMIT):
        await asyncio.wait([task])
    assert task.cancelled()
    assert await connection.ended() == b""
