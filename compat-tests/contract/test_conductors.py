"""Conductor actions: compositions decided at run time (contract 1.6)."""

from typing import Any

from blackbox.answer import expect_ok, key_values, pairs
from blackbox.workspace import Workspace

CONDUCTOR = pairs({"conductor": True})
INCREMENT = "function main(args) { return {n: (args.n || 0) + 1} }"


async def conductor(ow: Workspace, code: str, **fields: Any) -> str:
    return await ow.action(code, annotations=CONDUCTOR, **fields)


async def test_no_next_action_ends_it(ow: Workspace) -> None:
    name = await conductor(ow, "function main(args) { return args }")
    assert await ow.result(name, {"a": 1}) == {"a": 1}
    assert await ow.result(name, {"params": {"b": 2}}) == {"b": 2}


async def test_steps_with_state(ow: Workspace) -> None:
    increment = await ow.action(INCREMENT)
    code = f"""function main(args) {{
      const step = args.step || 0
      if (step < 3) return {{action: '/_/{increment}', params: {{n: args.n}}, state: {{step: step + 1}}}}
      return {{params: {{n: args.n, steps: step}}}} }}"""
    name = await conductor(ow, code)
    answered = expect_ok(await ow.invoke(name, {"n": 10}))
    assert answered["response"]["result"] == {"n": 13, "steps": 3}
    record = await ow.activation(answered["activationId"])
    annotations = key_values(record["annotations"])
    assert annotations["kind"] == "sequence"
    assert annotations["conductor"] is True
    assert annotations["topmost"] is True
    parts = [await ow.activation(each) for each in record["logs"]]
    assert [part["name"] for part in parts] == [name, increment] * 3 + [name]
    assert all(part["cause"] == record["activationId"] for part in parts)


async def test_a_name_relative_to_the_caller(ow: Workspace) -> None:
    increment = await ow.action(INCREMENT)
    code = f"function main(a) {{ return a.done ? a : {{action: '{increment}', params: a, state: {{done: 1}}}} }}"
    assert await ow.result(await conductor(ow, code), {"n": 1}) == {"n": 2, "done": 1}


async def test_values_that_are_no_objects_are_boxed(ow: Workspace, echo: str) -> None:
    ends = await conductor(ow, "function main() { return {params: 5} }")
    assert await ow.result(ends) == {"value": 5}
    code = f"""function main(a) {{ return 'state' in a ? {{params: a}} :
      {{action: '/_/{echo}', params: 'text', state: 7}} }}"""
    assert await ow.result(await conductor(ow, code)) == {"value": "text", "state": 7}


async def test_an_error_of_a_component_goes_to_the_conductor(ow: Workspace) -> None:
    fail = await ow.action("function main() { return {error: 'broken'} }")
    code = f"""function main(a) {{ if (a.error) return {{params: {{handled: a.error}}}}
      return {{action: '/_/{fail}', state: {{}}}} }}"""
    assert await ow.result(await conductor(ow, code)) == {"handled": "broken"}


async def handled(ow: Workspace, action: str) -> str:
    """The error that the conductor sees after it asked for `action` (a JavaScript expression)."""
    code = f"""function main(a) {{ return a.error ? {{params: {{saw: a.error}}}} : {{action: {action}}} }}"""
    return (await ow.result(await conductor(ow, code)))["saw"]


async def test_a_name_that_is_none(ow: Workspace) -> None:
    assert await handled(ow, "5") == "Failed to parse action name from json value 5 during composition."


async def test_an_action_that_is_missing(ow: Workspace) -> None:
    name = ow.name()
    text = f"Failed to resolve action with name '/{ow.namespace}/{name}' during composition."
    assert await handled(ow, f"'/_/{name}'") in {text, text.replace(f"/{ow.namespace}/", "/_/")}


async def test_an_action_of_another(ow: Workspace, ow2: Workspace) -> None:
    foreign = await ow2.action(INCREMENT)
    text = f"Failed entitlement check for action with name '/{ow2.namespace}/{foreign}' during composition."
    assert await handled(ow, f"'/{ow2.namespace}/{foreign}'") == text


async def test_too_many_steps(ow: Workspace, echo: str) -> None:
    name = await conductor(ow, f"function main() {{ return {{action: '/_/{echo}'}} }}")
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["result"] == {"error": "Too many actions in the composition."}
    assert record["response"]["status"] == "application error"


async def test_a_failing_conductor(ow: Workspace) -> None:
    name = await conductor(ow, "function main() { return {error: 'mine'} }")
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["result"] == {"error": "mine"}


async def test_a_sequence_as_a_component(ow: Workspace) -> None:
    increment = await ow.action(INCREMENT)
    twice = await ow.sequence(increment, increment)
    code = f"""function main(a) {{ if (a.end) return {{params: {{n: a.n}}}}
      return {{action: '/_/{twice}', params: a, state: {{end: 1}}}} }}"""
    assert await ow.result(await conductor(ow, code), {"n": 1}) == {"n": 3}
