"""Lists: limit, skip, count, order, and what an item shows (contract 0.8, 1.3)."""

import pytest
from blackbox.answer import expect_error, expect_ok, pairs
from blackbox.workspace import Workspace

COLLECTIONS = ("actions", "packages", "triggers", "rules", "activations")
ENTITY_ITEM = {"namespace", "name", "version", "publish", "annotations", "updated"}


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("limit", [-1, 201, 100000])
async def test_limit_out_of_range(ow: Workspace, collection: str, limit: int) -> None:
    text = f"The value '{limit}' is not in the range of 0 to 200 for {collection}."
    answer = await ow.get(collection, limit=limit)
    assert text in answer.json["error"]
    assert answer.status == 400


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("parameter", ["limit", "skip"])
async def test_no_integer(ow: Workspace, collection: str, parameter: str) -> None:
    answer = await ow.get(collection, **{parameter: "many"})
    assert answer.status == 400
    assert f"The value 'many' is not an integer for {collection}." in answer.json["error"]


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_negative_skip(ow: Workspace, collection: str) -> None:
    answer = await ow.get(collection, skip=-1)
    assert answer.status == 400
    assert f"The value '-1' is not greater than or equal to 0 for {collection}." in answer.json["error"]


async def test_the_text_is_wrapped_as_of_a_query_parameter(ow: Workspace) -> None:
    text = "The query parameter 'limit' was malformed:\nThe value '201' is not in the range of 0 to 200 for actions."
    expect_error(await ow.get("actions", limit=201), 400, text)


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_a_count(ow: Workspace, collection: str) -> None:
    counted = expect_ok(await ow.get(collection, count=True))
    assert list(counted) == [collection]
    assert isinstance(counted[collection], int)
    assert counted[collection] >= 0
    beyond = expect_ok(await ow.get(collection, count=True, skip=10_000_000))
    assert beyond == {collection: 0}


async def a_full_package(ow: Workspace) -> tuple[str, list[str]]:
    """A package and the names of its four actions: a list that no other test touches."""
    package = ow.name("package")
    expect_ok(await ow.put("packages", package, {}))
    for name in ("one", "two", "three", "four"):
        await ow.action(name=f"{package}/{name}")
    return package, ["one", "two", "three", "four"]


async def test_a_count_and_a_skip(ow: Workspace) -> None:
    package, _ = await a_full_package(ow)
    for query, count in (({}, 4), ({"skip": 1}, 3), ({"skip": 4}, 0), ({"skip": 9}, 0)):
        counted = expect_ok(await ow.get("actions", f"{package}/", count=True, **query))
        assert counted == {"actions": count}, query


async def test_limit_skip_and_order(ow: Workspace) -> None:
    package, names = await a_full_package(ow)

    async def listed(**query: int) -> list[str]:
        return [item["name"] for item in expect_ok(await ow.get("actions", f"{package}/", **query))]

    assert await listed() == names[::-1], "the last to change comes first"
    assert await listed(limit=2, skip=1) == ["three", "two"]
    assert await listed(skip=3) == ["one"]
    assert await listed(skip=4) == []
    await ow.action("function main() {}", name=f"{package}/one")
    assert await listed(limit=1) == ["one"], "an update comes to the front"


@pytest.mark.parametrize("collection", ["packages", "triggers"])
async def test_order_in_other_collections(ow: Workspace, collection: str) -> None:
    names = [ow.name() for _ in range(3)]
    for name in (*names, names[0]):
        expect_ok(await ow.put(collection, name, {}, overwrite=True))
    listed = [item["name"] for item in expect_ok(await ow.get(collection, limit=0))]
    assert [name for name in listed if name in names] == [names[0], names[2], names[1]]


async def test_the_default_limit_is_30_and_0_means_200(ow: Workspace) -> None:
    for _ in range(31):
        expect_ok(await ow.put("triggers", ow.name(), {}))
    assert len(expect_ok(await ow.get("triggers"))) == 30
    assert len(expect_ok(await ow.get("triggers", limit=0))) >= 31


async def test_a_bare_question_mark(ow: Workspace) -> None:
    answer = await ow.call("GET", ow.path("actions") + "?")
    assert isinstance(expect_ok(answer), list)


async def test_an_action_item(ow: Workspace) -> None:
    name = await ow.action(annotations=pairs({"a": 1}), parameters=pairs({"p": 1}))
    item = next(each for each in expect_ok(await ow.get("actions", limit=0)) if each["name"] == name)
    assert set(item) == ENTITY_ITEM | {"limits", "exec"}
    assert item["exec"] == {"binary": False}
    assert {"key": "exec", "value": item_kind(item)} in item["annotations"]
    assert item["publish"] is False
    assert set(item["limits"]) >= {"timeout", "memory", "logs", "concurrency"}


def item_kind(item: dict) -> str:
    kind = next(each["value"] for each in item["annotations"] if each["key"] == "exec")
    assert kind.startswith("nodejs:")
    assert not kind.endswith(":default")
    return kind


async def test_the_list_has_the_actions_of_all_packages(ow: Workspace) -> None:
    package = ow.name("package")
    expect_ok(await ow.put("packages", package, {}))
    inside = await ow.action(name=f"{package}/inside")
    outside = await ow.action()
    listed = {(item["namespace"], item["name"]) for item in expect_ok(await ow.get("actions", limit=0))}
    assert (ow.namespace, outside) in listed
    assert (f"{ow.namespace}/{package}", inside.split("/")[1]) in listed


async def test_the_list_of_one_package(ow: Workspace) -> None:
    package = ow.name("package")
    expect_ok(await ow.put("packages", package, {}))
    await ow.action(name=f"{package}/one")
    await ow.action(name=f"{package}/two")
    listed = expect_ok(await ow.get("actions", f"{package}/"))
    assert [item["name"] for item in listed] == ["two", "one"]
    assert {item["namespace"] for item in listed} == {f"{ow.namespace}/{package}"}
    assert expect_ok(await ow.get("actions", f"{package}/", count=True)) == {"actions": 2}
    assert len(expect_ok(await ow.get("actions", f"{package}/", limit=1))) == 1


async def test_a_double_slash_as_wsk_sends_it(ow: Workspace) -> None:
    """`wsk action list package/`."""
    package = ow.name("package")
    expect_ok(await ow.put("packages", package, {}))
    await ow.action(name=f"{package}/one")
    (item,) = expect_ok(await ow.call("GET", ow.path("actions", f"{package}//") + "?limit=30&skip=0"))
    assert item["name"] == "one"


async def test_the_list_of_a_binding_is_its_providers(ow: Workspace) -> None:
    package, binding = ow.name("package"), ow.name("binding")
    expect_ok(await ow.put("packages", package, {}))
    await ow.action(name=f"{package}/one")
    expect_ok(await ow.put("packages", binding, {"binding": {"namespace": "_", "name": package}}))
    (item,) = expect_ok(await ow.get("actions", f"{binding}/"))
    assert (item["namespace"], item["name"]) == (f"{ow.namespace}/{package}", "one")


async def test_the_list_of_a_missing_package(ow: Workspace) -> None:
    expect_error(await ow.get("actions", f"{ow.name()}/"), 404, "The requested resource does not exist.")


async def test_package_trigger_and_rule_items(ow: Workspace, echo: str) -> None:
    package, trigger, rule = ow.name("p"), ow.name("t"), ow.name("r")
    expect_ok(await ow.put("packages", package, {"parameters": pairs({"secret": 1})}))
    expect_ok(await ow.put("triggers", trigger, {"parameters": pairs({"secret": 1})}))
    expect_ok(await ow.put("rules", rule, {"trigger": f"/_/{trigger}", "action": f"/_/{echo}"}))
    items = {
        collection: next(each for each in expect_ok(await ow.get(collection, limit=0)) if each["name"] == name)
        for collection, name in (("packages", package), ("triggers", trigger), ("rules", rule))
    }
    assert set(items["packages"]) == ENTITY_ITEM | {"binding"}
    assert items["packages"]["binding"] is False
    assert set(items["triggers"]) == ENTITY_ITEM
    assert set(items["rules"]) == ENTITY_ITEM | {"trigger", "action"}, "no status in a list"


async def test_a_binding_item(ow: Workspace) -> None:
    package, binding = ow.name("package"), ow.name("binding")
    expect_ok(await ow.put("packages", package, {}))
    expect_ok(await ow.put("packages", binding, {"binding": {"namespace": "_", "name": package}}))
    item = next(each for each in expect_ok(await ow.get("packages", limit=0)) if each["name"] == binding)
    assert item["binding"] == {"namespace": ow.namespace, "name": package}
