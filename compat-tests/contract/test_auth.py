"""Authentication, unknown routes and unreadable content (contract 0.3, 0.4)."""

import re

import pytest
from blackbox.answer import expect_error, malformed
from blackbox.workspace import Workspace

REALM = 'Basic realm="OpenWhisk secure realm",charset=UTF-8'
NO_KEY = "The resource requires authentication, which was not supplied with the request"
BAD_KEY = "The supplied authentication is invalid"
STRANGER = "00000000-1111-4222-8333-444444444444:" + "a" * 64


@pytest.mark.parametrize("path", ["/api/v1/namespaces", "/api/v1/namespaces/_/actions", "/api/v1/namespaces/_/limits"])
async def test_without_a_key(ow: Workspace, path: str) -> None:
    answer = await ow.call("GET", path, auth=None)
    expect_error(answer, 401, NO_KEY)
    assert answer.headers["WWW-Authenticate"] == REALM


async def test_with_an_unknown_key(ow: Workspace) -> None:
    answer = await ow.call("GET", ow.path("actions"), auth=STRANGER)
    expect_error(answer, 401, BAD_KEY)
    assert answer.headers["WWW-Authenticate"] == REALM


async def test_with_a_wrong_secret(ow: Workspace) -> None:
    login = ow.key.split(":")[0]
    expect_error(await ow.call("GET", ow.path("actions"), auth=f"{login}:{'b' * 64}"), 401, BAD_KEY)


@pytest.mark.parametrize("key", ["not-a-uuid:secret", "x", ":", "é:ü"])
async def test_with_a_malformed_key(ow: Workspace, key: str) -> None:
    answer = await ow.call("GET", ow.path("actions"), auth=key)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == REALM


@pytest.mark.parametrize("header", ["Basic", "Basic ", "Basic !!!", "Bearer abc", "Basic Og==", "nonsense"])
async def test_with_a_malformed_header(ow: Workspace, header: str) -> None:
    answer = await ow.call("GET", ow.path("actions"), auth=None, headers={"Authorization": header})
    assert answer.status == 401
    assert set(answer.json) == {"error", "code"}


async def test_key_order_unknown_namespace_needs_a_key_first(ow: Workspace) -> None:
    answer = await ow.call("GET", ow.path("actions", "a", namespace="no-such-namespace"), auth=None)
    assert answer.status == 401


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/namespaces/_/things", "/api/v2", "/nothing/at/all"])
async def test_unknown_paths(ow: Workspace, path: str) -> None:
    expect_error(await ow.call("GET", path), 404, "The requested resource could not be found.")


@pytest.mark.parametrize("collection", ["actions", "packages", "triggers", "rules"])
async def test_an_unsupported_verb(ow: Workspace, collection: str) -> None:
    answer = await ow.call("PATCH", ow.path(collection, "some-name"), json={})
    expect_error(answer, 404, "The requested resource could not be found.")


async def test_missing_entities(ow: Workspace) -> None:
    for collection in ("actions", "packages", "triggers", "rules"):
        for verb in ("GET", "DELETE"):
            answer = await ow.call(verb, ow.path(collection, ow.name()))
            expect_error(answer, 404, "The requested resource does not exist.")


async def test_malformed_json(ow: Workspace) -> None:
    for body in ("{", '{"exec": }', "{'exec': 1}", "nonsense"):
        answer = await ow.call(
            "PUT", ow.path("actions", ow.name()), data=body, headers={"Content-Type": "application/json"}
        )
        expect_error(answer, 400, malformed(""))


async def test_a_body_that_is_no_object(ow: Workspace) -> None:
    for body in ([], "text", 5, True):
        answer = await ow.call("PUT", ow.path("packages", ow.name()), json=body)
        expect_error(answer, 400, malformed(""))


async def test_another_content_type(ow: Workspace, echo: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    start = r"The request's Content-Type \[application/x-www-form-urlencoded.*\] is not supported\."
    wanted = re.compile(start + r" Expected:\napplication/json")
    expect_error(await ow.call("POST", ow.path("actions", echo), data="a=b", headers=form), 415, wanted)
    expect_error(await ow.call("PUT", ow.path("actions", ow.name()), data="a=b", headers=form), 415, wanted)
