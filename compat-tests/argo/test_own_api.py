"""/api/v1/argo over HTTP: shapes, errors, and that nothing of another namespace is shown."""

from typing import Any

import pytest
from blackbox.answer import expect_error, expect_ok, key_values, malformed, pairs
from blackbox.workspace import Workspace, eventually

pytestmark = pytest.mark.argo

FUNCTION = {
    "name": str,
    "kind": str,
    "version": str,
    "updated": int,
    "memoryMb": int,
    "timeoutMs": int,
    "web": bool,
    "tier": str,
    "state": str,
    "ratePerMinute": float,
    "errorShare": float,
    "invocations": int,
    "coldShare": float,
    "warmSandboxes": int,
}
LISTS = ("functions", "tiers", "builds", "niuks", "sandboxes", "schedules")


async def function(ask: Any, name: str) -> dict[str, Any]:
    found = expect_ok(await ask("/functions", query={"search": name}))["functions"]
    return next(f for f in found if f["name"] == name)


async def test_a_function_with_its_figures(ow: Workspace, ask: Any) -> None:
    name = await ow.action()
    before = await function(ask, name)
    for key, kind in FUNCTION.items():
        assert isinstance(before[key], kind), key
    assert (before["invocations"], before["p50"], before["lastInvoked"]) == (0, None, None)
    for _ in range(3):
        await ow.result(name)

    async def counted() -> Any:
        found = await function(ask, name)
        return found if found["invocations"] == 3 else None

    after = await eventually(counted, "three invocations in the figures")
    assert 0 < after["p50"] <= after["p99"]
    assert 0 < after["coldShare"] < 1, "one of three"
    assert after["lastInvoked"] >= before["updated"]
    assert after["tier"] in {"warm", "hot", "native"}, "its sandbox is kept for a while"


async def test_filters_and_pages(ow: Workspace, ask: Any) -> None:
    names = sorted([await ow.action(name=f"{ow.name('zz')}-{n}") for n in range(3)])
    prefix = names[0].rsplit("-", 2)[0]
    page = expect_ok(await ask("/functions", query={"search": prefix.upper(), "limit": 2}))
    assert ([f["name"] for f in page["functions"]], page["total"]) == (names[:2], 3)
    page = expect_ok(await ask("/functions", query={"search": prefix, "limit": 2, "skip": 2}))
    assert [f["name"] for f in page["functions"]] == names[2:]
    assert expect_ok(await ask("/functions", query={"search": prefix, "tier": "native"}))["total"] == 0
    answer = await ask("/functions", query={"tier": "quick"})
    assert answer.status == 400
    assert "cold, warm, hot, native" in answer.json["error"]


@pytest.mark.parametrize("what", LISTS)
async def test_lists_are_objects_with_a_list(ask: Any, what: str) -> None:
    body = expect_ok(await ask(f"/{what}"))
    assert isinstance(body[what], list)


async def test_a_tier_says_why(ow: Workspace, ask: Any) -> None:
    name = await ow.action(annotations=pairs({"argo.tier": "ordinary", "argo.warm": 0}))
    found = expect_ok(await ask(f"/tiers/{name}"))
    assert (found["name"], found["wishes"]["tier"]) == (name, "ordinary")
    assert found["reason"].endswith(".")
    assert found["next"].endswith(".")
    assert isinstance(found["history"], list)
    answer = await ask(f"/tiers/{name}", "POST", json={"wish": "fly"})
    expect_error(answer, 400, "'wish' must be one of optimise, demote, pin, unpin.")
    assert (await ask(f"/tiers/{ow.name()}")).status == 404


async def test_annotations_are_checked(ow: Workspace) -> None:
    body = {"exec": {"kind": "nodejs:default", "code": "function main() {}"}, "annotations": pairs({"argo.tier": "x"})}
    answer = await ow.put("actions", ow.name(), body)
    expect_error(
        answer, 400, malformed("annotations: The annotation 'argo.tier' must be one of auto, ordinary, native.")
    )


async def test_versions_and_the_way_back(ow: Workspace, ask: Any) -> None:
    name = await ow.action("function main() { return {v: 1} }")
    await ow.action("function main() { return {v: 2} }", name=name)
    assert await ow.result(name) == {"v": 2}
    found = expect_ok(await ask(f"/versions/{name}"))["versions"]
    assert [(v["version"], v["current"]) for v in found] == [("0.0.2", True), ("0.0.1", False)]
    old = expect_ok(await ask(f"/versions/{name}/0.0.1"))
    assert "v: 1" in old["exec"]["code"]
    restored = expect_ok(await ask(f"/versions/{name}/0.0.1/restore", "POST"))
    assert restored["version"] == "0.0.3"
    assert await ow.result(name) == {"v": 1}
    expect_ok(await ow.delete("actions", name))
    assert (await ask(f"/versions/{name}")).status == 404
    await ow.action(name=name)
    assert len(expect_ok(await ask(f"/versions/{name}"))["versions"]) == 1, "of another function of that name"


async def test_two_people_edit_one_function(ow: Workspace) -> None:
    name = await ow.action()
    etag = (await ow.get("actions", name)).headers["ETag"]
    body = {"limits": {"memory": 128}}
    first, second = [
        await ow.call("PUT", ow.path("actions", name), query={"overwrite": True}, json=body, headers={"If-Match": etag})
        for _ in range(2)
    ]
    assert expect_ok(first)["version"] == "0.0.2"
    assert second.status == 412
    assert "it is at 0.0.2 now, and nothing was saved" in second.json["error"]


async def test_the_machine(ask: Any) -> None:
    body = expect_ok(await ask("/machine"))
    assert 0 < body["memoryUsedBytes"] <= body["memoryBytes"]
    assert {"memoryLimitMb", "memoryUsedMb", "starting", "waiting", "byState"} <= set(body["pool"])
    assert body["nodes"]


async def test_a_sandbox_is_seen_by_its_namespace_alone(ow: Workspace, ask: Any, ask2: Any) -> None:
    name = await ow.action()
    await ow.result(name)
    own = expect_ok(await ask("/sandboxes"))["sandboxes"]
    assert name in {s["name"] for s in own}
    others = expect_ok(await ask2("/sandboxes"))["sandboxes"]
    assert name not in {s["name"] for s in others}


async def test_what_another_namespace_has_is_not_there(ow: Workspace, ask2: Any) -> None:
    name = await ow.action()
    await ow.action(name=name)
    for path, method in (
        (f"/tiers/{name}", "GET"),
        (f"/tiers/{name}", "POST"),
        (f"/versions/{name}", "GET"),
        (f"/versions/{name}/0.0.1", "GET"),
        (f"/versions/{name}/0.0.1/restore", "POST"),
    ):
        answer = await ask2(path, method, json={"wish": "pin"} if method == "POST" else None)
        expect_error(answer, 404, "The requested resource does not exist.")
    assert expect_ok(await ask2("/functions", query={"search": name}))["total"] == 0


@pytest.mark.parametrize("path", [*(f"/{each}" for each in LISTS), "/machine", "/events", "/tiers/x", "/versions/x"])
async def test_nothing_without_a_key(ask: Any, path: str) -> None:
    assert (await ask(path, auth=None)).status == 401


async def test_phases_of_an_activation(ow: Workspace) -> None:
    record = expect_ok(await ow.invoke(await ow.action()))
    annotations = key_values((await ow.activation(record["activationId"]))["annotations"])
    assert annotations["argo.tier"] in {"ordinary", "native"}
    assert annotations["argo.phases"]["cold"] is True
