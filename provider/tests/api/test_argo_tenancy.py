"""Never anything of another namespace, on any route of /api/v1/argo: a promise."""

import pytest

from argo_provider.api.argo_routes import routes
from argo_provider.insight.port import BuildView, IsolateGroup, NiukView, TierView
from argo_provider.optimizer.model import FunctionId, State
from argo_provider.placement.port import PlacementSnapshot, SandboxSummary
from argo_provider.system.schedules import parse
from argo_proxy import jsontext

from .conftest import ARGO, NS

pytestmark = pytest.mark.unit

SECRET = "treasure"
SHARED = {"/status"}  # of the machine, for its operator
STREAMED = {"/events"}  # in test_argo_events
PATHS = [
    (route.method, route.path.removeprefix(ARGO))
    for route in routes()
    if route.method != "OPTIONS" and route.path.removeprefix(ARGO) not in SHARED | STREAMED
]


@pytest.fixture
async def theirs(me, world):
    """Everything that a namespace can have, under one telling name."""
    await me.package(SECRET, publish=True)
    for name in (f"{SECRET}/{SECRET}", f"{SECRET}-alone"):
        await me.put(name, parameters=[{"key": "k", "value": SECRET}])
        await me.put(name)
        await me.invoke(name)
    await world.alarms._put(parse("interval", "me", SECRET, {"minutes": 1}, 0))
    path = f"/me/{SECRET}/{SECRET}"
    function = FunctionId("me", path)
    world.tiers.put(TierView(function, State.NATIVE, 0, SECRET, SECRET))
    world.builds.put(BuildView(SECRET, function, SECRET, "running", 0), SECRET.encode())
    world.niuks.niuks.append(NiukView(SECRET, "me", "process", 1, 0, 1, 1, 0, (IsolateGroup(path, 1, 1),)))
    sandbox = SandboxSummary(SECRET, "process", "warm", "nodejs:20", 256, "me", path)
    world.snapshot[0] = PlacementSnapshot(1024, sandboxes=(sandbox,), waiting={"me": 1})


def filled(path):
    return (
        path.replace("{package}", SECRET)
        .replace("{name}", SECRET)
        .replace("{id}", SECRET)
        .replace("{version}", "0.0.1")
    )


@pytest.mark.parametrize(("method", "path"), PATHS, ids=" ".join)
async def test_another_namespace_sees_nothing(theirs, you, method, path):
    options = {"json": {"wish": "pin"}} if method == "POST" else {}
    async with await you.open(method, filled(path), **options) as answer:
        text = await answer.text()
    assert SECRET not in text
    assert "me/" not in text
    assert answer.status == (404 if "{" in path else 200), text


@pytest.mark.parametrize("wish", ["optimise", "demote", "pin", "unpin"])
async def test_another_namespace_wishes_nothing(theirs, you, world, wish):
    assert (await you.call("POST", f"/tiers/{SECRET}/{SECRET}", json={"wish": wish}))[0] == 404
    assert world.tiers.wishes == []


async def test_a_binding_is_no_way_in(theirs, you, world):
    """What another namespace shares may be invoked through a binding; its tiers and versions stay its own."""
    await you.package("bound", binding={"namespace": "me", "name": SECRET})
    assert (await you.invoke(f"bound/{SECRET}"))["response"]["success"]
    for path in (f"/tiers/bound/{SECRET}", f"/versions/bound/{SECRET}", f"/versions/bound/{SECRET}/0.0.1"):
        status, body = await you.call("GET", path)
        assert status == 404, body
    assert (await you.call("POST", f"/versions/bound/{SECRET}/0.0.1/restore"))[0] == 404
    assert (await you.get("/functions"))["functions"] == []


async def test_ones_own_figures_are_ones_own(theirs, me, you):
    before = (await me.get("/functions", search="alone"))["functions"][0]["invocations"]
    await you.put(f"{SECRET}-alone")
    await you.invoke(f"{SECRET}-alone")
    assert (await me.get("/functions", search="alone"))["functions"][0]["invocations"] == before
    assert (await you.get("/functions"))["functions"][0]["invocations"] == 1


@pytest.mark.parametrize(("method", "path"), [*PATHS, ("GET", "/events")], ids=" ".join)
async def test_nothing_without_a_key(theirs, client, method, path):
    answer = await client.request(method, ARGO + filled(path))
    assert answer.status == 401
    assert set(jsontext.decode(await answer.read())) == {"error", "code"}


async def test_ones_own_are_there(theirs, me):
    """The same questions by the owner, so that the silence above means something."""
    for method, path in PATHS:
        if method == "GET" and path not in {"/machine"}:
            async with await me.open(
                "GET", filled(path).replace(f"/tiers/{SECRET}", f"/tiers/{SECRET}-alone", path.count("{") == 1)
            ) as answer:
                text = await answer.text()
            if answer.status == 200:
                assert SECRET in text, path
    assert NS.endswith("_")
