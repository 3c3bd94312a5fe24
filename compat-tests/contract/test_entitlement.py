"""What one namespace may do in another (contract 0.5)."""

import asyncio

import pytest
from blackbox.answer import Answer, expect_error, expect_ok, key_values, pairs
from blackbox.workspace import NODE, Workspace

CODE = {"kind": NODE, "code": "function main(args) { return args }"}


def expect_forbidden(answer: Answer, resource: str) -> None:
    text = f"The supplied authentication is not authorized to access '{resource}'."
    expect_error(answer, 403, text)


async def publish(ow: Workspace, publish: bool) -> str:
    """A package with the action `act`."""
    name = ow.name("package")
    expect_ok(await ow.put("packages", name, {"publish": publish, "parameters": pairs({"from": "package"})}))
    await ow.action(name=f"{name}/act")
    return name


async def test_anothers_action_in_the_default_package(ow: Workspace, ow2: Workspace) -> None:
    name = await ow.action()
    for verb, body in (("GET", None), ("PUT", {"exec": CODE}), ("POST", {}), ("DELETE", None)):
        answer = await ow2.call(verb, ow2.path("actions", name, ow.namespace), json=body)
        expect_forbidden(answer, f"{ow.namespace}/{name}")
    expect_ok(await ow.get("actions", name))


async def test_a_missing_action_of_another_looks_the_same(ow: Workspace, ow2: Workspace) -> None:
    name = ow.name()
    answer = await ow2.call("GET", ow2.path("actions", name, ow.namespace))
    expect_forbidden(answer, f"{ow.namespace}/{name}")


@pytest.mark.parametrize("collection", ["actions", "triggers", "rules", "activations"])
async def test_anothers_lists(ow: Workspace, ow2: Workspace, collection: str) -> None:
    answer = await ow2.call("GET", ow2.path(collection, namespace=ow.namespace))
    assert answer.status == 403
    assert set(answer.json) == {"error", "code"}


@pytest.mark.parametrize("collection", ["triggers", "rules"])
async def test_anothers_triggers_and_rules(ow: Workspace, ow2: Workspace, collection: str) -> None:
    trigger, rule, action = ow.name("trigger"), ow.name("rule"), await ow.action()
    expect_ok(await ow.put("triggers", trigger, {}))
    expect_ok(await ow.put("rules", rule, {"trigger": f"/_/{trigger}", "action": f"/_/{action}"}))
    name = {"triggers": trigger, "rules": rule}[collection]
    for verb, body in (("GET", None), ("PUT", {}), ("POST", {}), ("DELETE", None)):
        answer = await ow2.call(verb, ow2.path(collection, name, ow.namespace), json=body)
        expect_forbidden(answer, f"{ow.namespace}/{name}")


async def test_a_published_package(ow: Workspace, ow2: Workspace) -> None:
    package = await publish(ow, True)
    shown = expect_ok(await ow2.call("GET", ow2.path("packages", package, ow.namespace)))
    assert [action["name"] for action in shown["actions"]] == ["act"]
    expect_ok(await ow2.call("GET", ow2.path("actions", f"{package}/act", ow.namespace)))
    assert await ow2.result(f"/{ow.namespace}/{package}/act", {"a": 1}) == {"from": "package", "a": 1}
    listed = expect_ok(await ow2.call("GET", ow2.path("actions", f"{package}/", ow.namespace)))
    assert [item["name"] for item in listed] == ["act"]


async def test_a_published_package_is_not_changed_by_others(ow: Workspace, ow2: Workspace) -> None:
    package = await publish(ow, True)
    for name, collection in ((package, "packages"), (f"{package}/act", "actions")):
        for verb, body in (("PUT", {"exec": CODE}), ("DELETE", None)):
            answer = await ow2.call(
                verb, ow2.path(collection, name, ow.namespace), query={"overwrite": True} if body else None, json=body
            )
            assert answer.status == 403, f"{verb} {collection}: {answer}"


async def test_an_invocation_of_anothers_action_is_the_callers(ow: Workspace, ow2: Workspace) -> None:
    package = await publish(ow, True)
    record = expect_ok(await ow2.invoke(f"/{ow.namespace}/{package}/act"))
    assert record["namespace"] == ow2.namespace
    stored = await ow2.activation(record["activationId"])
    assert key_values(stored["annotations"])["path"] == f"{ow.namespace}/{package}/act"
    assert (await ow.get("activations", record["activationId"])).status == 404


async def test_a_private_package(ow: Workspace, ow2: Workspace) -> None:
    package = await publish(ow, False)
    expect_forbidden(await ow2.call("GET", ow2.path("packages", package, ow.namespace)), f"{ow.namespace}/{package}")
    for verb, body in (("GET", None), ("POST", {})):
        answer = await ow2.call(verb, ow2.path("actions", f"{package}/act", ow.namespace), json=body)
        assert answer.status == 403, answer


async def test_a_missing_package(ow: Workspace, ow2: Workspace) -> None:
    name = ow.name()
    expect_error(await ow.get("packages", name), 404, "The requested resource does not exist.")
    expect_forbidden(await ow2.call("GET", ow2.path("packages", name, ow.namespace)), f"{ow.namespace}/{name}")


async def test_the_packages_that_others_see(ow: Workspace, ow2: Workspace) -> None:
    public, private = await publish(ow, True), await publish(ow, False)
    binding = ow.name("binding")
    body = {"binding": {"namespace": "_", "name": public}, "publish": True}
    expect_ok(await ow.put("packages", binding, body))
    path = ow2.path("packages", namespace=ow.namespace)
    seen = {item["name"] for item in expect_ok(await ow2.call("GET", path, query={"limit": 0}))}
    assert public in seen
    assert not {private, binding} & seen
    own = {item["name"] for item in expect_ok(await ow.get("packages", limit=0))}
    assert {public, private, binding} <= own


async def test_a_binding_to_anothers_published_package(ow: Workspace, ow2: Workspace) -> None:
    package = await publish(ow, True)
    binding = ow2.name("binding")
    target = {"namespace": ow.namespace, "name": package}
    expect_ok(await ow2.put("packages", binding, {"binding": target, "parameters": pairs({"bound": 1})}))
    assert await ow2.result(f"{binding}/act") == {"from": "package", "bound": 1}
    expect_ok(await ow.put("packages", package, {"publish": False}, overwrite=True))
    assert (await ow2.get("packages", binding)).status == 403, "the provider is private now"
    assert (await ow2.invoke(f"{binding}/act")).status == 403


async def test_a_binding_to_anothers_private_package(ow: Workspace, ow2: Workspace) -> None:
    package = await publish(ow, False)
    answer = await ow2.put("packages", ow2.name(), {"binding": {"namespace": ow.namespace, "name": package}})
    assert answer.status == 403


async def test_anothers_binding_is_not_readable(ow: Workspace, ow2: Workspace) -> None:
    package, binding = await publish(ow, True), ow.name("binding")
    body = {"binding": {"namespace": "_", "name": package}, "publish": True}
    expect_ok(await ow.put("packages", binding, body))
    assert (await ow2.call("GET", ow2.path("packages", binding, ow.namespace))).status == 403


async def test_a_sequence_needs_the_right_to_every_component(ow: Workspace, ow2: Workspace) -> None:
    foreign, public = await ow.action(), await publish(ow, True)
    for component, status in ((foreign, 403), (f"{public}/act", 200)):
        body = {"exec": {"kind": "sequence", "components": [f"/{ow.namespace}/{component}"]}}
        answer = await ow2.put("actions", ow2.name(), body)
        assert answer.status == status, answer


async def test_equal_names_in_two_namespaces_are_two_things(ow: Workspace, ow2: Workspace) -> None:
    name = ow.name("same")
    await ow.action("let n = 0; function main() { return {first: ++n} }", name=name)
    await ow2.action("let n = 0; function main() { return {second: ++n} }", name=name)
    answers = await asyncio.gather(ow.result(name), ow2.result(name))
    assert answers == [{"first": 1}, {"second": 1}]
    expect_ok(await ow2.delete("actions", name))
    assert "first" in await ow.result(name)
