"""The package whisk.system/utils, which every OpenWhisk ships."""

import pytest
from blackbox.answer import expect_ok
from blackbox.workspace import Workspace

UTILS = "/whisk.system/utils"


async def test_everyone_may_read_the_packages(ow: Workspace) -> None:
    listed = expect_ok(await ow.call("GET", ow.path("packages", namespace="whisk.system"), query={"limit": 0}))
    assert {"utils", "alarms"} <= {item["name"] for item in listed}
    package = expect_ok(await ow.call("GET", ow.path("packages", "utils", "whisk.system")))
    assert {"echo", "cat", "head", "split", "sort", "date"} <= {action["name"] for action in package["actions"]}


async def test_everyone_may_read_an_action(ow: Workspace) -> None:
    action = expect_ok(await ow.call("GET", ow.path("actions", "utils/echo", "whisk.system"), query={"code": False}))
    assert (action["namespace"], action["name"]) == ("whisk.system/utils", "echo")


@pytest.mark.parametrize("verb", ["PUT", "DELETE"])
async def test_no_one_else_may_change_them(ow: Workspace, verb: str) -> None:
    body = {"exec": {"kind": "nodejs:default", "code": "x"}} if verb == "PUT" else None
    path = ow.path("actions", "utils/echo", "whisk.system") + "?overwrite=true"
    assert (await ow.call(verb, path, json=body)).status == 403


async def test_echo(ow: Workspace) -> None:
    assert await ow.result(f"{UTILS}/echo", {"a": [1, {"b": None}]}) == {"a": [1, {"b": None}]}


async def test_sort(ow: Workspace) -> None:
    assert (await ow.result(f"{UTILS}/sort", {"lines": ["c", "a", "b"]}))["lines"] == ["a", "b", "c"]


async def test_split(ow: Workspace) -> None:
    assert (await ow.result(f"{UTILS}/split", {"payload": "a,b", "separator": ","}))["lines"] == ["a", "b"]


async def test_head(ow: Workspace) -> None:
    assert (await ow.result(f"{UTILS}/head", {"lines": ["a", "b", "c"], "num": 2}))["lines"] == ["a", "b"]


async def test_cat(ow: Workspace) -> None:
    assert (await ow.result(f"{UTILS}/cat", {"lines": ["a", "b"]}))["payload"] == "a\nb"


async def test_date(ow: Workspace) -> None:
    assert isinstance((await ow.result(f"{UTILS}/date"))["date"], str)


async def test_in_a_sequence_and_by_a_binding(ow: Workspace) -> None:
    name = await ow.sequence(f"{UTILS}/split", f"{UTILS}/sort")
    assert (await ow.result(name, {"payload": "b a", "separator": " "}))["lines"] == ["a", "b"]
    binding = ow.name("binding")
    expect_ok(await ow.put("packages", binding, {"binding": {"namespace": "whisk.system", "name": "utils"}}))
    assert await ow.result(f"{binding}/echo", {"a": 1}) == {"a": 1}
