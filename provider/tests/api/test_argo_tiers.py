"""/api/v1/argo/tiers, builds and niuks over a scripted optimiser."""

import pytest

from argo_provider.insight.port import BuildView, IsolateGroup, NiukView, Signals, TierView
from argo_provider.optimizer.model import FunctionId, State, Step, Tier, Wishes

pytestmark = pytest.mark.unit

HELLO = FunctionId("me", "/me/hello")


async def test_a_tier_with_its_history(me, world):
    await me.put("hello")
    build = BuildView("b1", HELLO, "f1", "running", 10.0, None, 2.5, 2, "compiling", 0.5)
    steps = (Step(1.0, State.ORDINARY, State.OBSERVED, "Hot."), Step(2.0, State.OBSERVED, State.BUILDING, "Learnt."))
    wishes, signals = Wishes(Tier.NATIVE, "niuk", True, 1), Signals(70, 900, 1.5, 0.01, 3.25)
    world.tiers.put(
        TierView(HELLO, State.BUILDING, 2.0, "It is being built.", "The build.", wishes, signals, build, 2, "f1", steps)
    )
    found = await me.get("/tiers/hello")
    assert found == {
        "name": "hello",
        "state": "building",
        "since": 2000,
        "reason": "It is being built.",
        "next": "The build.",
        "wishes": {"tier": "native", "sandbox": "niuk", "idempotent": True, "warm": 1},
        "signals": {"ratePerMinute": 70, "ratePerHour": 900, "overlap": 1.5, "coldShare": 0.01, "runMs": 3.25},
        "build": {
            "id": "b1",
            "name": "hello",
            "fingerprint": "f1",
            "state": "running",
            "started": 10000,
            "ended": None,
            "seconds": 2.5,
            "round": 2,
            "step": "compiling",
            "progress": 0.5,
            "failure": None,
            "detail": "",
            "artefactBytes": None,
        },
        "rounds": 2,
        "fingerprint": "f1",
        "history": [
            {"at": 1000, "from": "ordinary", "to": "observed", "reason": "Hot."},
            {"at": 2000, "from": "observed", "to": "building", "reason": "Learnt."},
        ],
    }
    listed = await me.get("/tiers")
    assert listed == {"tiers": [{k: v for k, v in found.items() if k != "history"}], "total": 1}


async def test_those_furthest_on_their_way_come_first(me, world):
    for name, state in (("a", State.ORDINARY), ("b", State.NATIVE), ("c", State.OBSERVED)):
        world.tiers.put(TierView(FunctionId("me", f"/me/{name}"), state, 0, "", ""))
    assert [t["name"] for t in (await me.get("/tiers"))["tiers"]] == ["b", "c", "a"]
    page = await me.get("/tiers", limit=1, skip=1)
    assert ([t["name"] for t in page["tiers"]], page["total"]) == (["c"], 3)


async def test_a_function_nobody_has_looked_at_is_ordinary(me):
    await me.put("hello", annotations=[{"key": "argo.tier", "value": "native"}, {"key": "argo.warm", "value": 2}])
    found = await me.get("/tiers/hello")
    assert (found["state"], found["history"], found["build"]) == ("ordinary", [], None)
    assert found["wishes"] == {"tier": "native", "sandbox": "auto", "idempotent": False, "warm": 2}
    assert "was not invoked" in found["reason"]


async def test_a_wish(me, world):
    await me.package("shop")
    await me.put("shop/price")
    status, body = await me.call("POST", "/tiers/shop/price", json={"wish": "optimise"})
    assert (status, body["name"]) == (202, "shop/price")
    assert world.tiers.wishes == [(FunctionId("me", "/me/shop/price"), "optimise")]


@pytest.mark.parametrize("body", [{"wish": "fly"}, {}, {"wish": ["pin"]}])
async def test_an_unknown_wish_names_those_there_are(me, body):
    await me.put("hello")
    status, answer = await me.call("POST", "/tiers/hello", json=body)
    assert (status, answer["error"]) == (400, "'wish' must be one of optimise, demote, pin, unpin.")


async def test_a_wish_that_cannot_be(me, world):
    await me.put("hello")
    world.tiers.refuse = "Its code needs what the engine lacks: fs (index.js:3)."
    status, answer = await me.call("POST", "/tiers/hello", json={"wish": "optimise"})
    assert (status, answer["error"]) == (409, world.tiers.refuse)
    await me.put("both", exec={"kind": "sequence", "components": ["/_/hello"]})
    status, answer = await me.call("POST", "/tiers/both", json={"wish": "optimise"})
    assert status == 409
    assert "sequence" in answer["error"]


async def test_builds_and_their_logs(me, world):
    other = FunctionId("me", "/me/shop/price")
    world.builds.put(BuildView("b1", HELLO, "f", "failed", 1.0, 2.0, 1.0, failure="closed_world", detail="Needs X."))
    world.builds.put(BuildView("b2", other, "g", "running", 3.0), "first\nzwölf\n".encode())
    assert [b["id"] for b in (await me.get("/builds"))["builds"]] == ["b2", "b1"]
    assert [b["id"] for b in (await me.get("/builds", limit=1))["builds"]] == ["b2"]
    assert [b["id"] for b in (await me.get("/builds", name="hello"))["builds"]] == ["b1"]
    assert [b["id"] for b in (await me.get("/builds", name="shop/price"))["builds"]] == ["b2"]
    one = await me.get("/builds/b1")
    assert (one["state"], one["failure"], one["ended"]) == ("failed", "closed_world", 2000)
    async with await me.open("GET", "/builds/b2/log") as answer:
        assert answer.content_type == "text/plain"
        assert await answer.text() == "first\nzwölf\n"
        offset = answer.headers["X-Next-Offset"]
    assert offset == "13"
    async with await me.open("GET", f"/builds/b2/log?offset={offset}") as answer:
        assert (await answer.text(), answer.headers["X-Next-Offset"]) == ("", "13")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/builds/none", 404), ("/builds/none/log", 404), ("/builds/b1/log?offset=-1", 400), ("/builds?name=a/b/c", 404)],
)
async def test_builds_that_are_none(me, world, path, status):
    world.builds.put(BuildView("b1", HELLO, "f", "running", 1.0))
    assert (await me.call("GET", path))[0] == status


async def test_niuks(me, world):
    group = IsolateGroup("/me/hello", 2, 1, 4096, 77, shared=1)
    world.niuks.niuks.append(NiukView("n1", "me", "process", 4711, 1.5, 10_000, 20_000, 1, (group,), 3))
    assert (await me.get("/niuks"))["niuks"] == [
        {
            "id": "n1",
            "sandbox": "process",
            "pid": 4711,
            "started": 1500,
            "memoryBytes": 10_000,
            "memoryLimitBytes": 20_000,
            "restarts": 1,
            "isolates": 3,
            "functions": [
                {
                    "name": "hello",
                    "isolates": {"spare": 2, "busy": 1, "total": 3, "shared": 1},
                    "memoryBytes": 4096,
                    "invocations": 77,
                }
            ],
        }
    ]
