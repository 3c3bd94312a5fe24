"""/api/v1/argo/events: what is told, to whom, and what is missed."""

import asyncio

import pytest

from argo_provider.events import BuildChanged, SandboxChanged, TierChanged
from argo_provider.insight.port import BuildView, TierView
from argo_provider.model.activation import Status
from argo_provider.optimizer.model import FunctionId, State, Step
from argo_provider.placement.fake import failed
from argo_provider.placement.port import PlacementSnapshot, SandboxSummary
from argo_proxy.protocol.messages import Execution, Outcome, OutcomeKind, Phases

from .sse import PATIENCE, listening

pytestmark = pytest.mark.unit


async def test_an_activation_and_its_log(me, world):
    await me.put("hello")
    world.placement.on("/me/hello", script=lambda _: executed({"greeting": "hi"}, ("line 1", "line 2")))
    async with listening(me, types="activation,log") as stream:
        made = await me.invoke("hello")
        activation, log = await stream.next(), await stream.next()
    assert activation.data["activationId"] == made["activationId"]
    assert activation.data["response"]["result"] == {"greeting": "hi"}
    assert "logs" not in activation.data
    assert "resultTruncated" not in activation.data
    assert {"argo.sandbox", "argo.tier", "argo.phases"} <= {a["key"] for a in activation.data["annotations"]}
    assert log.data == {"activationId": made["activationId"], "name": "hello", "lines": ["line 1", "line 2"]}


def executed(result, logs=()):
    return Execution(Outcome(OutcomeKind.SUCCESS, result), Phases(run=3.0), 1.0, 2.0, logs, "process")


async def test_a_large_result_and_a_long_line_are_cut(me, world):
    await me.put("hello")
    world.placement.on("/me/hello", script=lambda _: executed({"a": "x" * 100_000}, ("short", "y" * 1_000_000, "z")))
    async with listening(me, types="activation,log") as stream:
        await me.invoke("hello")
        activation, log = await stream.next(), await stream.next()
    assert activation.data["resultTruncated"] is True
    assert activation.data["response"]["result"].startswith('{"a":"xxx')
    assert len(activation.data["response"]["result"]) == 4096
    assert log.data["truncated"] is True
    assert log.data["lines"][0] == "short"
    assert sum(map(len, log.data["lines"])) == 64 * 1024


async def test_actions_are_told_under_their_short_names(me):
    await me.package("shop")
    async with listening(me, types="action") as stream:
        await me.put("shop/price")
        await me.put("shop/price")
        await me.call("DELETE", "/api/v1/namespaces/_/actions/shop/price")
        told = [(await stream.next()).data for _ in range(3)]
    assert told == [
        {"name": "shop/price", "deleted": False, "version": "0.0.1"},
        {"name": "shop/price", "deleted": False, "version": "0.0.2"},
        {"name": "shop/price", "deleted": True, "version": "0.0.2"},
    ]


async def test_tiers_builds_and_sandboxes(me, world):
    function = FunctionId("me", "/me/hello")
    step = Step(5.0, State.ORDINARY, State.OBSERVED, "It is hot.")
    world.tiers.put(TierView(function, State.OBSERVED, 5.0, "It is hot.", "A build.", history=(step,)))
    world.builds.put(BuildView("b1", function, "f", "running", 6.0, progress=0.25))
    sandbox = SandboxSummary("s1", "process", "busy", "nodejs:20", 256, "me", "/me/hello", 1)
    async with listening(me, types="tier,build,sandbox") as stream:
        for event in (TierChanged(function), BuildChanged(function, "b1"), SandboxChanged(sandbox)):
            world.events.publish(event)
        tier, build, told = [await stream.next() for _ in range(3)]
    assert (tier.type, tier.data["state"], tier.data["since"]) == ("tier", "observed", 5000)
    assert tier.data["step"] == {"at": 5000, "from": "ordinary", "to": "observed", "reason": "It is hot."}
    assert (build.type, build.data["id"], build.data["progress"]) == ("build", "b1", 0.25)
    assert (told.type, told.data["name"], told.data["state"]) == ("sandbox", "hello", "busy")


async def test_the_pool_is_told_and_what_changed_in_it(me, world):
    async with listening(me, types="pool,sandbox") as stream:
        warm = SandboxSummary("s1", "process", "warm", "nodejs:20", 256, "me", "/me/hello")
        world.snapshot[0] = PlacementSnapshot(1024, 256, sandboxes=(warm,))
        world.services.insight.feed.look()
        sandbox, pool = await stream.next(), await stream.next()
        world.snapshot[0] = PlacementSnapshot(1024)
        world.services.insight.feed.look()
        gone = await stream.of("sandbox")
    assert (sandbox.data["id"], sandbox.data["state"]) == ("s1", "warm")
    assert (pool.data["memoryUsedMb"], pool.data["byState"]) == (256, {"warm": 1})
    assert {"cpuPercent", "memoryUsedBytes"} <= set(pool.data)
    assert gone.data["state"] == "gone"


async def test_one_function_alone(me):
    for name in ("a", "b"):
        await me.put(name)
    async with listening(me, name="b", types="activation") as stream:
        await me.invoke("a")
        await me.invoke("b")
        assert (await stream.next()).data["name"] == "b"


async def test_failures_are_told(me, world):
    await me.put("bad")
    world.placement.on("/me/bad", script=lambda _: failed("boom"))
    async with listening(me, types="activation") as stream:
        await me.invoke("bad")
        told = await stream.next()
    assert told.data["response"]["status"] == Status.DEVELOPER_ERROR.text


@pytest.mark.parametrize("way", ["header", "query"])
async def test_who_was_cut_off_misses_nothing(me, way):
    await me.put("hello")
    async with listening(me, types="activation") as stream:
        first = await me.invoke("hello")
        assert (await stream.next()).data["activationId"] == first["activationId"]
    missed = [(await me.invoke("hello"))["activationId"] for _ in range(3)]
    again = {"headers": {"Last-Event-ID": stream.last_id}} if way == "header" else {"lastEventId": stream.last_id}
    async with listening(me, types="activation", **again) as stream:
        live = (await me.invoke("hello"))["activationId"]
        told = [(await stream.next()).data["activationId"] for _ in range(4)]
    assert told == [*missed, live]


async def test_an_id_from_before_a_restart_is_a_gap(me):
    await me.put("hello")
    async with listening(me, headers={"Last-Event-ID": "0123.77"}, types="activation") as stream:
        gap = await stream.next()
        assert (gap.type, gap.data) == ("gap", {})
        await me.invoke("hello")
        assert (await stream.next()).type == "activation"
        assert stream.last_id.endswith(".0")


async def test_another_namespace_hears_nothing_of_it(me, you, world):
    await me.put("mine")
    async with listening(me) as mine, listening(you) as yours:
        await me.invoke("mine")
        function = FunctionId("me", "/me/mine")
        world.tiers.put(TierView(function, State.NATIVE, 0, "r", "n"))
        world.builds.put(BuildView("b1", function, "f", "running", 0))
        world.events.publish(TierChanged(function))
        world.events.publish(BuildChanged(function, "b1"))
        bound = SandboxSummary("s1", "process", "warm", "nodejs:20", 256, "me", "/me/mine")
        world.events.publish(SandboxChanged(bound))
        await you.put("yours")
        told = [await yours.next()]
        for kind in ("activation", "tier", "build", "sandbox"):
            await mine.of(kind)
        # An id of another namespace's stream is of no use in this one.
        async with listening(you, headers={"Last-Event-ID": mine.last_id}) as resumed:
            told.append(await resumed.next())
    assert [(t.type, t.data) for t in told] == [
        ("action", {"name": "yours", "deleted": False, "version": "0.0.1"}),
        ("gap", {}),
    ]


async def test_stem_cells_are_everybodys(me, you, world):
    async with listening(me, types="sandbox") as mine, listening(you, types="sandbox") as yours:
        world.events.publish(SandboxChanged(SandboxSummary("s1", "process", "warm", "nodejs:20", 256)))
        for stream in (mine, yours):
            told = await stream.next()
            assert (told.data["id"], told.data["name"]) == ("s1", "")


async def test_the_stream_ends_when_the_service_stops(me, world):
    async with listening(me) as stream:
        world.services.insight.feed.close()
        assert await stream.next() is None
    status, body = await me.call("GET", "/events")
    assert (status, body["error"]) == (503, "The service is stopping.")


async def test_a_quiet_stream_has_a_heart_beat_until_its_key_is_void(me, world, monkeypatch):
    monkeypatch.setattr("argo_provider.api.argo_events.HEART_BEAT_SECONDS", 0.05)
    async with listening(me, types="activation") as stream:
        assert await stream.block() == {"": ""}
        await world.stores.namespaces.delete("me")
        world.services.authenticator._known.clear()
        async with asyncio.timeout(PATIENCE):
            assert await stream.next() is None


async def test_no_more_streams_than_are_good_for_a_namespace(me, you, world):
    feed = world.services.insight.feed
    feed._limits = type(feed._limits)(streams_of_one=1)
    async with listening(me):
        status, body = await me.call("GET", "/events")
        assert status == 429
        assert "1 event streams open" in body["error"]
        async with listening(you):
            pass


@pytest.mark.parametrize(
    ("query", "said"), [({"types": "logs"}, "not one of activation, action"), ({"name": "a b/c/d/e"}, "no name")]
)
async def test_queries_that_mean_nothing(me, query, said):
    status, body = await me.call("GET", "/events", params=query)
    assert status == 400
    assert said in body["error"]
