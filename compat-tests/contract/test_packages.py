"""Packages and bindings (contract 2)."""

import re

import pytest
from blackbox.answer import expect_error, expect_ok, key_values, pairs
from blackbox.workspace import Workspace

MISSING = "The requested resource does not exist."


async def make_package(ow: Workspace, **body: object) -> str:
    name = ow.name("package")
    expect_ok(await ow.put("packages", name, body))
    return name


async def bind(ow: Workspace, provider: str, **body: object) -> str:
    name = ow.name("binding")
    expect_ok(await ow.put("packages", name, {"binding": {"namespace": "_", "name": provider}, **body}))
    return name


async def test_a_new_package(ow: Workspace) -> None:
    name = ow.name()
    body = {"parameters": pairs({"a": 1}), "annotations": pairs({"b": 2}), "publish": True}
    stored = expect_ok(await ow.put("packages", name, body))
    wanted = {"namespace", "name", "version", "publish", "updated", "annotations", "parameters", "binding"}
    assert set(stored) == wanted
    assert (stored["namespace"], stored["name"], stored["version"]) == (ow.namespace, name, "0.0.1")
    assert stored["publish"] is True
    assert stored["binding"] == {}
    assert stored["parameters"] == pairs({"a": 1})
    assert key_values(stored["annotations"])["b"] == 2
    found = expect_ok(await ow.get("packages", name))
    assert set(found) == wanted | {"actions", "feeds"}
    assert found["actions"] == found["feeds"] == []


async def test_its_actions_and_feeds(ow: Workspace) -> None:
    package = await make_package(ow)
    await ow.action(name=f"{package}/act", annotations=pairs({"description": "x"}))
    await ow.action(name=f"{package}/feed", annotations=pairs({"feed": True}))
    found = expect_ok(await ow.get("packages", package))
    (action,), (feed,) = found["actions"], found["feeds"]
    assert set(action) == {"name", "version", "annotations"}
    assert (action["name"], action["version"]) == ("act", "0.0.1")
    assert key_values(action["annotations"])["description"] == "x"
    assert feed["name"] == "feed"


async def test_an_update(ow: Workspace) -> None:
    name = await make_package(ow, parameters=pairs({"a": 1}), annotations=pairs({"b": 1}))
    stored = expect_ok(await ow.put("packages", name, {"parameters": pairs({"c": 3})}, overwrite=True))
    assert key_values(stored["parameters"]) == {"c": 3}
    assert key_values(stored["annotations"])["b"] == 1
    assert stored["version"] == "0.0.2"


async def test_post_is_no_route(ow: Workspace) -> None:
    package = await make_package(ow)
    expect_error(await ow.post("packages", package, {}), 404, "The requested resource could not be found.")


async def test_delete(ow: Workspace) -> None:
    name = await make_package(ow)
    assert expect_ok(await ow.delete("packages", name))["name"] == name
    expect_error(await ow.get("packages", name), 404, MISSING)


async def test_delete_of_one_in_use(ow: Workspace) -> None:
    package = await make_package(ow)
    await ow.action(name=f"{package}/one")
    text = "Package not empty (contains 1 entity). Set force param or delete package contents."
    expect_error(await ow.delete("packages", package), 409, text)
    await ow.action(name=f"{package}/two")
    text = "Package not empty (contains 2 entities). Set force param or delete package contents."
    expect_error(await ow.delete("packages", package), 409, text)
    expect_ok(await ow.delete("packages", package, force=True))
    expect_error(await ow.get("actions", f"{package}/one"), 404, MISSING)


async def test_a_binding(ow: Workspace) -> None:
    provider = await make_package(ow, parameters=pairs({"a": "package", "b": "package"}))
    await ow.action(name=f"{provider}/act")
    await ow.action(name=f"{provider}/feed", annotations=pairs({"feed": True}))
    name = ow.name("binding")
    body = {"binding": {"namespace": "_", "name": provider}, "parameters": pairs({"b": "binding"})}
    stored = expect_ok(await ow.put("packages", name, body))
    target = {"namespace": ow.namespace, "name": provider}
    assert stored["binding"] == target
    assert key_values(stored["annotations"])["binding"] == target
    found = expect_ok(await ow.get("packages", name))
    assert (found["namespace"], found["name"], found["binding"]) == (ow.namespace, name, target)
    assert key_values(found["parameters"]) == {"a": "package", "b": "binding"}
    assert [each["name"] for each in found["actions"]] == ["act"]
    assert [each["name"] for each in found["feeds"]] == ["feed"]


async def test_an_action_through_a_binding(ow: Workspace) -> None:
    provider = await make_package(ow)
    await ow.action(name=f"{provider}/act")
    binding = await bind(ow, provider, parameters=pairs({"bound": 1}))
    found = expect_ok(await ow.get("actions", f"{binding}/act", code=False))
    assert found["name"] == "act"
    assert key_values(found["parameters"]) == {"bound": 1}
    assert "binding" in found
    assert await ow.result(f"{binding}/act") == {"bound": 1}


@pytest.mark.parametrize("verb", ["PUT", "DELETE"])
async def test_a_bindings_actions_are_not_changed_through_it(ow: Workspace, verb: str) -> None:
    provider = await make_package(ow)
    await ow.action(name=f"{provider}/act")
    path = ow.path("actions", f"{await bind(ow, provider)}/act")
    body = {"exec": {"kind": "nodejs:default", "code": "x"}} if verb == "PUT" else None
    answer = await ow.call(verb, path, query={"overwrite": True} if body else None, json=body)
    expect_error(answer, 400, "Operation not permitted on package binding.")


async def test_a_binding_to_nothing(ow: Workspace) -> None:
    body = {"binding": {"namespace": "_", "name": ow.name()}}
    expect_error(await ow.put("packages", ow.name(), body), 400, "Binding references a package that does not exist.")


async def test_a_binding_to_a_binding(ow: Workspace) -> None:
    binding = await bind(ow, await make_package(ow))
    answer = await ow.put("packages", ow.name(), {"binding": {"namespace": "_", "name": binding}})
    expect_error(answer, 400, "Cannot bind to another package binding.")


async def test_a_binding_to_what_is_no_package(ow: Workspace, echo: str) -> None:
    answer = await ow.put("packages", ow.name(), {"binding": {"namespace": "_", "name": echo}})
    expect_error(answer, 409, "Cannot bind to a resource that is not a package.")


async def test_a_package_does_not_become_a_binding(ow: Workspace) -> None:
    provider, package = await make_package(ow), await make_package(ow)
    answer = await ow.put("packages", package, {"binding": {"namespace": "_", "name": provider}}, overwrite=True)
    expect_error(answer, 409, "Resource is a package and cannot be converted into a binding.")


@pytest.mark.parametrize("binding", ["text", 5, ["a"], {"name": "a$b", "namespace": "_"}, {"namespace": "_"}])
async def test_a_binding_that_is_none(ow: Workspace, binding: object) -> None:
    answer = await ow.put("packages", ow.name(), {"binding": binding})
    assert answer.status == 400, answer
    assert set(answer.json) == {"error", "code"}


async def test_a_binding_whose_provider_is_gone(ow: Workspace) -> None:
    provider = await make_package(ow)
    binding = await bind(ow, provider)
    expect_ok(await ow.delete("packages", provider))
    answer = await ow.get("packages", binding)
    assert answer.status in {403, 404}, answer
    expect_ok(await ow.delete("packages", binding))


async def test_binding_parameters_reach_only_its_calls(ow: Workspace) -> None:
    provider = await make_package(ow, parameters=pairs({"who": "package"}))
    await ow.action(name=f"{provider}/act")
    bindings = [await bind(ow, provider, parameters=pairs({"who": number})) for number in range(2)]
    assert [await ow.result(f"{binding}/act") for binding in bindings] == [{"who": 0}, {"who": 1}]
    assert await ow.result(f"{provider}/act") == {"who": "package"}


async def test_the_count_in_the_text_of_a_package_in_use(ow: Workspace) -> None:
    package = await make_package(ow)
    for number in range(3):
        await ow.action(name=f"{package}/a{number}")
    expect_error(await ow.delete("packages", package, force=False), 409, re.compile(r"Package not empty \(contains 3 "))
