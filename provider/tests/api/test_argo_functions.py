"""/api/v1/argo/functions, machine, schedules, sandboxes."""

import pytest

from argo_provider.insight.port import TierView
from argo_provider.optimizer.model import FunctionId, State
from argo_provider.placement.port import PlacementSnapshot, SandboxSummary
from argo_provider.system.schedules import parse

pytestmark = pytest.mark.unit


def names(body):
    return [f["name"] for f in body["functions"]]


async def test_a_function_is_listed_with_what_it_is(me):
    await me.put("hello", limits={"memory": 128}, annotations=[{"key": "web-export", "value": True}])
    (found,) = (await me.get("/functions"))["functions"]
    assert found["updated"] > 0
    del found["updated"]
    assert found == {
        "name": "hello",
        "kind": "nodejs:20",
        "version": "0.0.1",
        "memoryMb": 128,
        "timeoutMs": 60000,
        "web": True,
        "tier": "cold",
        "state": "ordinary",
        "ratePerMinute": 0.0,
        "p50": None,
        "p99": None,
        "errorShare": 0.0,
        "invocations": 0,
        "coldShare": 0.0,
        "lastInvoked": None,
        "warmSandboxes": 0,
    }


async def test_figures_follow_invocations(me):
    await me.put("hello")
    for _ in range(3):
        await me.invoke("hello")
    (found,) = (await me.get("/functions"))["functions"]
    assert found["invocations"] == 3
    assert found["ratePerMinute"] > 0
    assert found["lastInvoked"] > 0
    assert found["p50"] is not None


async def test_search_kind_tier_and_pages(me, world):
    await me.package("shop")
    for name in ("alpha", "Beta", "shop/price"):
        await me.put(name)
    world.tiers.put(TierView(FunctionId("me", "/me/Beta"), State.BUILDING, 0, "r", "n"))
    assert names(await me.get("/functions")) == ["Beta", "alpha", "shop/price"]
    assert names(await me.get("/functions", search="ET")) == ["Beta"]
    assert names(await me.get("/functions", search="shop/")) == ["shop/price"]
    assert names(await me.get("/functions", tier="hot")) == ["Beta"]
    assert names(await me.get("/functions", tier="building")) == ["Beta"]
    assert names(await me.get("/functions", kind="nodejs", limit=1, skip=1)) == ["alpha"]
    assert (await me.get("/functions", kind="java"))["total"] == 0
    assert (await me.get("/functions", limit=1))["total"] == 3
    await me.invoke("shop/price")
    assert names(await me.get("/functions", sort="rate"))[0] == "shop/price"
    assert names(await me.get("/functions", sort="updated"))[0] == "shop/price"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"tier": "fast"}, "is not one of cold, warm, hot, native"),
        ({"sort": "size"}, "is not one of name, updated"),
        ({"limit": "201"}, "not in the range"),
        ({"skip": "-1"}, "not greater than"),
    ],
)
async def test_queries_that_mean_nothing(me, query, said):
    status, body = await me.call("GET", "/functions", params=query)
    assert (status, set(body)) == (400, {"error", "code"})
    assert said in body["error"]


async def test_the_list_follows_changes_and_what_others_write(me, world):
    await me.put("a")
    await me.put("b")
    assert names(await me.get("/functions")) == ["a", "b"]
    await me.put("a", limits={"memory": 512})
    await me.call("DELETE", "/api/v1/namespaces/_/actions/b")
    (found,) = (await me.get("/functions"))["functions"]
    assert (found["version"], found["memoryMb"]) == ("0.0.2", 512)
    action = await world.stores.entities.get(next(iter(await world.services.insight.catalogue.rows("me"))).full)
    await world.stores.entities.commit(deletes=[action])  # as another process would: nothing is published
    assert names(await me.get("/functions")) == []


async def test_warm_sandboxes_of_this_namespace_count(me, world):
    await me.put("hello")
    sandboxes = (
        SandboxSummary("1", "process", "warm", "nodejs:20", 256, "me", "/me/hello", 0, 1.5),
        SandboxSummary("2", "process", "busy", "nodejs:20", 256, "me", "/me/hello", 1),
        SandboxSummary("3", "process", "warm", "nodejs:20", 256, "you", "/me/hello"),
        SandboxSummary("4", "process", "warm", "nodejs:20", 256),
    )
    world.snapshot[0] = PlacementSnapshot(1024, 1024, 0, {"you": 2}, sandboxes)
    (found,) = (await me.get("/functions"))["functions"]
    assert (found["tier"], found["warmSandboxes"]) == ("warm", 2)
    listed = (await me.get("/sandboxes"))["sandboxes"]
    assert [(s["id"], s["name"], s["state"], s["idleMs"]) for s in listed] == [
        ("1", "hello", "warm", 1500),
        ("2", "hello", "busy", 0),
        ("4", "", "warm", 0),
    ]


async def test_the_machine(me):
    body = await me.get("/machine")
    assert body["cpus"] >= 1
    assert 0 <= body["cpuPercent"] <= 100
    assert 0 < body["memoryUsedBytes"] <= body["memoryBytes"]
    assert body["degraded"] == ["No control group can be written."]
    assert body["pool"] == {"memoryLimitMb": 1024, "memoryUsedMb": 0, "starting": 0, "waiting": 0, "byState": {}}
    (node,) = body["nodes"]
    assert (node["id"], node["state"], node["memoryMb"]) == ("local", "ready", 1024)


async def test_schedules(me, world):
    made = {
        "alarm": {"cron": "*/5 * * * *", "timezone": "Europe/Berlin"},
        "interval": {"minutes": 2},
        "once": {"date": "2999-01-01T00:00:00+00:00"},
    }
    for feed, arguments in made.items():
        await world.alarms._put(parse(feed, "me", feed, arguments, 0))
    found = {s["trigger"]: s for s in (await me.get("/schedules"))["schedules"]}
    assert found["alarm"]["kind"] == "cron"
    assert (found["alarm"]["expression"], found["alarm"]["timezone"]) == ("*/5 * * * *", "Europe/Berlin")
    assert (found["interval"]["kind"], found["interval"]["expression"]) == ("interval", "every 2 minutes")
    assert found["once"]["expression"] == "2999-01-01T00:00:00+00:00"
    assert found["once"]["next"] == 32472144000000
    assert all(not s["paused"] and s["fired"] == 0 and s["next"] for s in found.values())


async def test_cors_as_on_the_other_rest_routes(client, me):
    preflight = await client.options("/api/v1/argo/functions")
    assert preflight.status == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "Last-Event-ID" in preflight.headers["Access-Control-Allow-Headers"]
    async with await me.open("GET", "/functions") as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
