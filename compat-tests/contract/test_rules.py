"""Rules (contract 4)."""

import re
from typing import Any

import pytest
import pytest_asyncio
from blackbox.answer import expect_error, expect_ok, malformed, pairs
from blackbox.workspace import Workspace


@pytest_asyncio.fixture(loop_scope="session")
async def trigger(ow: Workspace) -> str:
    name = ow.name("trigger")
    expect_ok(await ow.put("triggers", name, {}))
    return name


def body(trigger: str, action: str) -> dict[str, Any]:
    return {"trigger": f"/_/{trigger}", "action": f"/_/{action}"}


async def make_rule(ow: Workspace, trigger: str, action: str) -> str:
    name = ow.name("rule")
    expect_ok(await ow.put("rules", name, body(trigger, action)))
    return name


async def status(ow: Workspace, rule: str) -> str:
    return expect_ok(await ow.get("rules", rule))["status"]


async def test_a_new_rule(ow: Workspace, trigger: str, echo: str) -> None:
    name = ow.name()
    sent = body(trigger, echo) | {"name": "ignored", "status": "", "annotations": pairs({"a": 1})}
    stored = expect_ok(await ow.put("rules", name, sent))
    wanted = {"namespace", "name", "status", "trigger", "action", "version", "publish", "annotations", "updated"}
    assert set(stored) == wanted
    assert (stored["namespace"], stored["name"], stored["status"]) == (ow.namespace, name, "active")
    assert stored["trigger"] == {"path": ow.namespace, "name": trigger}
    assert stored["action"] == {"path": ow.namespace, "name": echo}
    assert stored["annotations"] == pairs({"a": 1})
    assert expect_ok(await ow.get("rules", name)) == stored


async def test_other_spellings_of_a_name(ow: Workspace, trigger: str, echo: str) -> None:
    spellings = [
        {"trigger": f"/{ow.namespace}/{trigger}", "action": f"{ow.namespace}/{echo}"},
        {"trigger": {"path": ow.namespace, "name": trigger}, "action": {"path": ow.namespace, "name": echo}},
    ]
    for spelling in spellings:
        stored = expect_ok(await ow.put("rules", ow.name(), spelling))
        assert (stored["trigger"]["name"], stored["action"]["name"]) == (trigger, echo)


async def test_an_action_of_a_package(ow: Workspace, trigger: str) -> None:
    package = ow.name("package")
    expect_ok(await ow.put("packages", package, {}))
    await ow.action(name=f"{package}/act")
    stored = expect_ok(await ow.put("rules", ow.name(), body(trigger, f"{package}/act")))
    assert stored["action"] == {"path": f"{ow.namespace}/{package}", "name": "act"}
    activation = expect_ok(await ow.post("triggers", trigger, {"a": 1}), 202)["activationId"]
    record = await ow.activation(activation)
    assert f'"{ow.namespace}/{package}/act"' in record["logs"][0]


async def test_needs_a_trigger_and_an_action(ow: Workspace, trigger: str, echo: str) -> None:
    text = re.compile("(The request content was malformed:\n)?rule requires a valid trigger and a valid action")
    whole = body(trigger, echo)
    for sent in ({}, {"trigger": whole["trigger"]}, {"action": whole["action"]}):
        expect_error(await ow.put("rules", ow.name(), sent), 400, text)


async def test_of_what_is_missing(ow: Workspace, trigger: str, echo: str) -> None:
    gone = ow.name()
    full = f"/{ow.namespace}/{gone}"
    no_trigger = re.compile(f"trigger {re.escape(full)} does not exist")
    expect_error(await ow.put("rules", ow.name(), body(gone, echo)), 400, no_trigger)
    no_action = re.compile(f"action {re.escape(full)} does not exist")
    expect_error(await ow.put("rules", ow.name(), body(trigger, gone)), 400, no_action)


async def test_of_anothers_action(ow: Workspace, ow2: Workspace, trigger: str) -> None:
    foreign = await ow2.action()
    sent = {"trigger": f"/_/{trigger}", "action": f"/{ow2.namespace}/{foreign}"}
    assert (await ow.put("rules", ow.name(), sent)).status == 403


async def test_status(ow: Workspace, trigger: str, echo: str) -> None:
    rule = await make_rule(ow, trigger, echo)
    for wanted in ("inactive", "inactive", "active", "active"):
        answer = await ow.post("rules", rule, {"status": wanted, "trigger": None, "action": None})
        assert (answer.status, answer.media_type, answer.text) == (200, "text/plain", "OK")
        assert await status(ow, rule) == wanted


async def test_an_inactive_rule_does_nothing(ow: Workspace, trigger: str) -> None:
    action = await ow.action()
    rule = await make_rule(ow, trigger, action)
    await ow.post("rules", rule, {"status": "inactive"})
    assert (await ow.post("triggers", trigger, {})).status == 204
    await ow.post("rules", rule, {"status": "active"})
    assert (await ow.post("triggers", trigger, {})).status == 202
    await ow.activations_of(action, 1)
    assert len(await ow.activations_of(action)) == 1


@pytest.mark.parametrize("value", ["on", "", "ACTIVE", "deleting"])
async def test_a_status_that_is_none(ow: Workspace, trigger: str, echo: str, value: str) -> None:
    rule = await make_rule(ow, trigger, echo)
    text = f"requirement failed: {value} is not a recognized rule state"
    expect_error(await ow.post("rules", rule, {"status": value}), 400, malformed(text))


@pytest.mark.parametrize("sent", [{}, {"status": 5}, []])
async def test_a_status_body_that_is_none(ow: Workspace, trigger: str, echo: str, sent: Any) -> None:
    rule = await make_rule(ow, trigger, echo)
    expect_error(await ow.post("rules", rule, sent), 400, malformed(""))


async def test_an_update_keeps_the_status(ow: Workspace, trigger: str, echo: str) -> None:
    rule = await make_rule(ow, trigger, echo)
    await ow.post("rules", rule, {"status": "inactive"})
    other = await ow.action()
    stored = expect_ok(await ow.put("rules", rule, {"action": f"/_/{other}"}, overwrite=True))
    assert (stored["status"], stored["action"]["name"], stored["trigger"]["name"]) == ("inactive", other, trigger)
    assert stored["version"] == "0.0.2"


async def test_an_update_may_change_the_trigger(ow: Workspace, trigger: str, echo: str) -> None:
    rule = await make_rule(ow, trigger, echo)
    other = ow.name("trigger")
    expect_ok(await ow.put("triggers", other, {}))
    stored = expect_ok(await ow.put("rules", rule, body(other, echo), overwrite=True))
    assert (stored["status"], stored["trigger"]["name"]) == ("active", other)
    assert (await ow.post("triggers", trigger, {})).status == 204
    assert (await ow.post("triggers", other, {})).status == 202


async def test_delete(ow: Workspace, trigger: str, echo: str) -> None:
    rule = await make_rule(ow, trigger, echo)
    deleted = expect_ok(await ow.delete("rules", rule))
    assert (deleted["name"], deleted["status"]) == (rule, "inactive")
    expect_error(await ow.get("rules", rule), 404, "The requested resource does not exist.")
    assert (await ow.post("triggers", trigger, {})).status == 204


async def test_a_rule_twice(ow: Workspace, trigger: str, echo: str) -> None:
    rule = await make_rule(ow, trigger, echo)
    expect_error(await ow.put("rules", rule, body(trigger, echo)), 409, "resource already exists")


async def test_a_rule_may_run_a_sequence(ow: Workspace, trigger: str) -> None:
    last = await ow.action()
    sequence = await ow.sequence(last, last)
    await make_rule(ow, trigger, sequence)
    expect_ok(await ow.post("triggers", trigger, {"a": 1}), 202)
    (record,) = await ow.activations_of(sequence)
    assert record["response"]["result"]["a"] == 1
    assert len(record["logs"]) == 2
