"""/api/v1/argo/versions, and saving what somebody else has saved since."""

import asyncio

import pytest

from argo_provider.storage.collect import collect_blobs

from .conftest import CODE, NS

pytestmark = pytest.mark.unit


def code(text):
    return {"exec": {**CODE, "code": text}}


async def listed(me, name):
    return [(v["version"], v["current"]) for v in (await me.get(f"/versions/{name}"))["versions"]]


async def test_each_save_makes_a_version(me):
    for number in range(1, 4):
        await me.put("hello", **code(f"// {number}"))
    assert await listed(me, "hello") == [("0.0.3", True), ("0.0.2", False), ("0.0.1", False)]
    newest = (await me.get("/versions/hello"))["versions"][0]
    assert (newest["kind"], newest["codeBytes"], newest["binary"]) == ("nodejs:20", 4, False)
    assert newest["codeDigest"].startswith("sha256:")
    old = await me.get("/versions/hello/0.0.1")
    assert (old["version"], old["exec"]["code"]) == ("0.0.1", "// 1")
    now = await me.get("/versions/hello/0.0.3")
    assert now == (await me.call("GET", f"{NS}/actions/hello"))[1]


async def test_an_old_version_comes_back_as_a_new_one(me):
    await me.put("hello", **code("// good"), parameters=[{"key": "a", "value": 1}], limits={"memory": 128})
    await me.put("hello", **code("// bad"), parameters=[], limits={"memory": 256})
    status, restored = await me.call("POST", "/versions/hello/0.0.1/restore")
    assert status == 200
    assert (restored["version"], restored["exec"]["code"], restored["limits"]["memory"]) == ("0.0.3", "// good", 128)
    assert restored["parameters"] == [{"key": "a", "value": 1}]
    assert (await me.call("GET", f"{NS}/actions/hello"))[1] == restored
    assert [v for v, _ in await listed(me, "hello")] == ["0.0.3", "0.0.2", "0.0.1"]


async def test_packaged_actions(me):
    await me.package("shop")
    await me.put("shop/price", **code("// 1"))
    await me.put("shop/price", **code("// 2"))
    await me.put("price", **code("// other"))
    assert [v for v, _ in await listed(me, "shop/price")] == ["0.0.2", "0.0.1"]
    assert (await me.get("/versions/shop/price/0.0.1"))["exec"]["code"] == "// 1"
    assert (await me.call("POST", "/versions/shop/price/0.0.1/restore"))[1]["exec"]["code"] == "// 1"
    assert [v for v, _ in await listed(me, "price")] == ["0.0.1"]
    assert [v for v, _ in await listed(me, "default/price")] == ["0.0.1"]


async def test_the_last_fifty_are_kept(me):
    for number in range(53):
        await me.put("hello", **code(f"// {number}"))
    found = await listed(me, "hello")
    assert len(found) == 50
    assert (found[0], found[-1]) == (("0.0.53", True), ("0.0.4", False))
    assert (await me.call("GET", "/versions/hello/0.0.3"))[0] == 404


async def test_versions_go_with_their_action(me):
    await me.package("shop")
    for name in ("hello", "shop/price"):
        await me.put(name, **code("// 1"))
        await me.put(name, **code("// 2"))
    await me.call("DELETE", f"{NS}/actions/hello")
    await me.call("DELETE", f"{NS}/packages/shop?force=true")
    assert (await me.call("GET", "/versions/hello"))[0] == 404
    await me.package("shop")
    for name in ("hello", "shop/price"):
        await me.put(name, **code("// new"))
        assert await listed(me, name) == [("0.0.1", True)]


async def test_the_collector_keeps_the_code_of_versions(me, world):
    await me.put("hello", **code("// 1"))
    await me.put("hello", **code("// 2"))
    await world.stores.blobs.put(b"nobody's")
    assert await collect_blobs(world.stores, older_than=-1) == 1
    assert (await me.get("/versions/hello/0.0.1"))["exec"]["code"] == "// 1"
    await me.call("DELETE", f"{NS}/actions/hello")
    assert await collect_blobs(world.stores, older_than=-1) == 2


@pytest.mark.parametrize(
    ("path", "status"), [("/versions/none", 404), ("/versions/hello/9.9.9", 404), ("/versions/hello/x.y", 400)]
)
async def test_what_there_is_not(me, path, status):
    await me.put("hello")
    assert (await me.call("GET", path))[0] == status


async def test_a_limit_of_today_holds_for_what_is_restored(me, world):
    await me.put("hello", limits={"memory": 512})
    await me.put("hello", limits={"memory": 128})
    limits = world.services.actions._limits
    world.services.actions._limits = type(limits)(memory_mb=type(limits.memory_mb)(128, 256, 256))
    status, body = await me.call("POST", "/versions/hello/0.0.1/restore")
    assert status == 400
    assert "exceeds allowed threshold of 256 MB" in body["error"]


# ---------------------------------------------------------------- two people, one function


async def save(me, text, version):
    return await me.call(
        "PUT", f"{NS}/actions/hello?overwrite=true", json=code(text), headers={"If-Match": f'"{version}"'}
    )


async def test_who_saves_over_what_was_not_seen_is_told(me):
    await me.put("hello", **code("// 1"))
    async with await me.open("GET", f"{NS}/actions/hello") as answer:
        assert answer.headers["ETag"] == '"0.0.1"'
    assert (await save(me, "// mine", "0.0.1"))[0] == 200
    status, body = await save(me, "// theirs", "0.0.1")
    assert status == 412
    assert "changed since version 0.0.1: it is at 0.0.2 now, and nothing was saved" in body["error"]
    assert (await me.call("GET", f"{NS}/actions/hello"))[1]["exec"]["code"] == "// mine"
    assert (await save(me, "// merged", "0.0.2"))[0] == 200


async def test_of_two_who_save_at_once_one_is_told(me):
    await me.put("hello", **code("// 1"))
    answers = await asyncio.gather(*(save(me, f"// {n}", "0.0.1") for n in range(5)))
    statuses = sorted(status for status, _ in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {409, 412}
    assert len(await listed(me, "hello")) == 2


async def test_without_the_header_nothing_is_new(me):
    await me.put("hello", **code("// 1"))
    assert (await me.put("hello", **code("// 2")))["version"] == "0.0.2"


async def test_a_condition_on_what_is_not_there(me):
    status, body = await save(me, "// 1", "*")
    assert status == 412
    assert "does not exist" in body["error"]
    assert (await save(me, "// 1", "soon"))[0] == 400
