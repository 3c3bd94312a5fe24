"""Sequences (contract 1.5)."""

import pytest
from blackbox.answer import expect_error, expect_ok, key_values, malformed, pairs
from blackbox.workspace import Workspace

ADD = "function main(args) { return {n: (args.n || 0) + (args.by || 1)} }"
MISSING = "Sequence component does not exist."


async def test_a_new_sequence(ow: Workspace, echo: str) -> None:
    name = ow.name()
    body = {"exec": {"kind": "sequence", "components": [f"/_/{echo}", f"{ow.namespace}/{echo}"]}}
    stored = expect_ok(await ow.put("actions", name, body | {"parameters": pairs({"dropped": 1})}))
    full = f"/{ow.namespace}/{echo}"
    assert stored["exec"] == {"kind": "sequence", "components": [full, full]}
    assert stored["parameters"] == [{"key": "_actions", "value": [full, full]}]
    assert key_values(stored["annotations"])["exec"] == "sequence"
    assert expect_ok(await ow.get("actions", name))["exec"] == stored["exec"]


async def test_results_are_handed_on(ow: Workspace) -> None:
    add = await ow.action(ADD)
    by_ten = await ow.action(ADD, parameters=pairs({"by": 10}))
    name = await ow.sequence(add, by_ten, add)
    assert await ow.result(name, {"n": 100}) == {"n": 112}


async def test_the_records(ow: Workspace) -> None:
    first, second = await ow.action(ADD), await ow.action(ADD)
    expect_ok(await ow.put("actions", second, {"limits": {"memory": 512}}, overwrite=True))
    name = await ow.sequence(first, second)
    answered = expect_ok(await ow.invoke(name, {"n": 1}))
    record = await ow.activation(answered["activationId"])
    assert record["response"]["result"] == answered["response"]["result"] == {"n": 3}
    annotations = key_values(record["annotations"])
    assert annotations["kind"] == "sequence"
    assert annotations["topmost"] is True
    assert annotations["path"] == f"{ow.namespace}/{name}"
    assert annotations["limits"]["memory"] == 512, "the largest of the components'"
    assert "causedBy" not in annotations
    assert len(record["logs"]) == 2
    parts = [await ow.activation(each) for each in record["logs"]]
    assert [part["name"] for part in parts] == [first, second]
    for part in parts:
        assert part["cause"] == record["activationId"]
        assert key_values(part["annotations"])["causedBy"] == "sequence"
    assert record["duration"] == sum(part["duration"] for part in parts)


async def test_an_error_stops_it(ow: Workspace) -> None:
    fail = await ow.action("function main() { return {error: 'stop here'} }")
    never = await ow.action("function main() { return {reached: true} }")
    name = await ow.sequence(fail, never)
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["result"] == {"error": "stop here"}
    assert record["response"]["status"] == "application error"
    stored = await ow.activation(record["activationId"])
    assert len(stored["logs"]) == 1
    assert expect_ok(await ow.get("activations", name=never)) == []


async def test_an_error_in_the_first_payload_does_not_stop_it(ow: Workspace) -> None:
    fine = await ow.action("function main(args) { return {saw: args.error} }")
    assert await ow.result(await ow.sequence(fine), {"error": "only a word"}) == {"saw": "only a word"}


async def test_a_developer_error_stops_it(ow: Workspace, echo: str) -> None:
    broken = await ow.action("function main() { process.exit(1) }")
    record = expect_ok(await ow.invoke(await ow.sequence(broken, echo)), 502)
    assert record["response"]["success"] is False
    assert "exited unexpectedly" in record["response"]["result"]["error"]


async def test_an_array_is_handed_on(ow: Workspace, reply: str) -> None:
    last = await ow.action("function main(args) { return {array: Array.isArray(args), args} }")
    name = await ow.sequence(reply, last)
    assert await ow.result(name, {"reply": [1, 2]}) == {"array": True, "args": [1, 2]}


async def test_nested_sequences(ow: Workspace) -> None:
    add = await ow.action(ADD)
    inner = await ow.sequence(add, add)
    outer = await ow.sequence(add, inner)
    answered = expect_ok(await ow.invoke(outer, {"n": 0}))
    assert answered["response"]["result"] == {"n": 3}
    record = await ow.activation(answered["activationId"])
    nested = await ow.activation(record["logs"][1])
    annotations = key_values(nested["annotations"])
    assert annotations["kind"] == "sequence"
    assert annotations["causedBy"] == "sequence"
    assert annotations.get("topmost", False) is False
    assert len(nested["logs"]) == 2


async def test_components_of_packages_and_bindings(ow: Workspace) -> None:
    package, binding = ow.name("package"), ow.name("binding")
    expect_ok(await ow.put("packages", package, {}))
    bound = {"binding": {"namespace": "_", "name": package}, "parameters": pairs({"by": 5})}
    expect_ok(await ow.put("packages", binding, bound))
    await ow.action(ADD, name=f"{package}/add")
    name = await ow.sequence(f"/_/{package}/add", f"/_/{binding}/add")
    assert await ow.result(name, {"n": 0}) == {"n": 6}


async def test_the_last_result_only(ow: Workspace, reply: str) -> None:
    name = await ow.sequence(reply)
    answer = await ow.invoke(name, {"reply": {"a": 1}}, result=True)
    assert expect_ok(answer) == {"a": 1}
    assert answer.headers["x-openwhisk-activation-id"]


async def test_without_waiting(ow: Workspace, echo: str) -> None:
    name = await ow.sequence(echo, echo)
    activation = expect_ok(await ow.invoke(name, {"a": 1}, blocking=False), 202)["activationId"]
    assert (await ow.activation(activation))["response"]["result"] == {"a": 1}


async def put_sequence(ow: Workspace, name: str, components: list[str], overwrite: bool = False):
    body = {"exec": {"kind": "sequence", "components": components}}
    return await ow.put("actions", name, body, overwrite=overwrite)


async def test_too_long(ow: Workspace, echo: str) -> None:
    answer = await put_sequence(ow, ow.name(), [f"/_/{echo}"] * 51)
    expect_error(answer, 400, "Too many actions in the sequence.")


async def test_too_long_when_nested(ow: Workspace, echo: str) -> None:
    inner = await ow.sequence(*[echo] * 26)
    answer = await put_sequence(ow, ow.name(), [f"/_/{inner}"] * 2)
    expect_error(answer, 400, "Too many actions in the sequence.")


async def test_of_nothing(ow: Workspace) -> None:
    expect_error(await put_sequence(ow, ow.name(), []), 400, "No component specified for the sequence.")


async def test_of_something_missing(ow: Workspace) -> None:
    expect_error(await put_sequence(ow, ow.name(), [f"/_/{ow.name()}"]), 400, MISSING)


async def test_of_itself(ow: Workspace, echo: str) -> None:
    text = "Sequence may not refer to itself."
    inner = await ow.sequence(echo)
    outer = await ow.sequence(inner)
    expect_error(await put_sequence(ow, inner, [f"/_/{inner}"], overwrite=True), 400, text)
    expect_error(await put_sequence(ow, inner, [f"/_/{outer}"], overwrite=True), 400, text)


@pytest.mark.parametrize("components", ["a", [1], [{"a": 1}], None, {}])
async def test_components_that_are_none(ow: Workspace, components: object) -> None:
    body = {"exec": {"kind": "sequence", "components": components}}
    expect_error(await ow.put("actions", ow.name(), body), 400, malformed(""))


async def test_a_component_that_is_gone(ow: Workspace, echo: str) -> None:
    gone = await ow.action(ADD)
    name = await ow.sequence(echo, gone)
    expect_ok(await ow.delete("actions", gone))
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["result"] == {"error": MISSING}
    assert record["response"]["status"] == "application error"
