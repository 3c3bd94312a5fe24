"""Base, info and health; transaction ids; CORS of the REST routes (contract 0.1, 0.2)."""

import pytest
from blackbox.answer import expect_ok
from blackbox.workspace import Workspace

ALLOWED_HEADERS = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"
ALLOWED_METHODS = "GET, DELETE, POST, PUT, HEAD"


async def test_root_describes_the_service(ow: Workspace) -> None:
    info = expect_ok(await ow.call("GET", "/", auth=None))
    assert info["description"] == "OpenWhisk"
    assert info["api_paths"] == ["/api/v1"]
    assert {"github", "slack"} <= set(info["support"])


async def test_root_tells_the_limits_in_their_units(ow: Workspace) -> None:
    limits = expect_ok(await ow.call("GET", "/", auth=None))["limits"]
    for name in ("actions_per_minute", "triggers_per_minute", "concurrent_actions", "sequence_length"):
        assert isinstance(limits[name], int), name
    for what in ("duration", "memory", "logs"):
        low, high = limits[f"min_action_{what}"], limits[f"max_action_{what}"]
        assert 0 <= low <= limits[f"default_max_action_{what}"] <= high or low <= high
        assert limits[f"default_min_action_{what}"] <= limits[f"default_max_action_{what}"]
    assert limits["max_action_memory"] >= 128 * 1024 * 1024, "bytes"
    assert limits["max_action_duration"] >= 60_000, "milliseconds"


async def test_root_lists_the_runtimes_by_family(runtimes: dict) -> None:
    assert runtimes
    for family, kinds in runtimes.items():
        for each in kinds:
            assert each["kind"].startswith(f"{family}:"), each
            assert {"kind", "image", "deprecated", "default", "attached", "requireMain"} <= set(each)
            assert all(isinstance(each[flag], bool) for flag in ("deprecated", "default", "attached", "requireMain"))
        assert sum(each["default"] for each in kinds) <= 1, family


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/"])
async def test_api_version(ow: Workspace, path: str) -> None:
    info = expect_ok(await ow.call("GET", path, auth=None))
    assert info["description"] == "OpenWhisk API"
    assert info["api_version"] == "1.0.0"
    assert info["api_version_path"] == "v1"
    assert isinstance(info["build"], str)
    assert isinstance(info["buildno"], str)
    assert info["swagger_paths"] == {"ui": "/docs", "api-docs": "/api-docs"}


async def test_api_docs_describe_the_actions_route(ow: Workspace) -> None:
    document = expect_ok(await ow.call("GET", "/api/v1/api-docs", auth=None))
    assert "swagger" in document or "openapi" in document
    assert any("/actions/" in path for path in document["paths"])


async def test_docs_redirect(ow: Workspace) -> None:
    answer = await ow.call("GET", "/api/v1/docs", auth=None)
    assert answer.status == 308
    assert "docs/index.html?url=" in answer.headers["Location"]


async def test_ping(ow: Workspace) -> None:
    answer = await ow.call("GET", "/ping", auth=None)
    assert (answer.status, answer.media_type, answer.text) == (200, "text/plain", "pong")


async def test_a_transaction_id_is_made(ow: Workspace) -> None:
    first, second = [(await ow.get("actions", limit=1)).headers["X-Request-ID"] for _ in range(2)]
    assert len(first) == len(second) == 32
    assert first != second


async def test_a_transaction_id_is_adopted(ow: Workspace) -> None:
    answer = await ow.call("GET", ow.path("actions"), headers={"X-Request-ID": "compat-4711"})
    assert answer.headers["X-Request-ID"] == "compat-4711"


async def test_a_transaction_id_of_the_system_is_not_adopted(ow: Workspace) -> None:
    answer = await ow.call("GET", ow.path("actions"), headers={"X-Request-ID": "sid_controller"})
    assert not answer.headers["X-Request-ID"].startswith("sid_")


async def test_an_error_carries_the_adopted_transaction_id(ow: Workspace) -> None:
    answer = await ow.call("GET", ow.path("actions", ow.name()), headers={"X-Request-ID": "compat-4712"})
    assert answer.status == 404
    assert answer.json["code"] == answer.headers["X-Request-ID"] == "compat-4712"


async def test_cors_headers_of_the_rest_routes(ow: Workspace) -> None:
    for path in (ow.path("actions"), ow.path("packages"), "/api/v1/namespaces", ow.path("actions", ow.name())):
        answer = await ow.call("GET", path)
        assert answer.headers["Access-Control-Allow-Origin"] == "*", path
        assert answer.headers["Access-Control-Allow-Headers"] == ALLOWED_HEADERS, path
        assert answer.headers["Access-Control-Allow-Methods"] == ALLOWED_METHODS, path


@pytest.mark.parametrize("collection", ["actions", "packages", "triggers", "rules", "activations"])
async def test_options_need_no_key(ow: Workspace, collection: str) -> None:
    answer = await ow.call("OPTIONS", ow.path(collection), auth=None)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Headers"] == ALLOWED_HEADERS
    assert answer.headers["Access-Control-Allow-Methods"] == ALLOWED_METHODS
