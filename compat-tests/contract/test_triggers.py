"""Triggers (contract 3)."""

import json
import re
from typing import Any

import pytest
from blackbox.answer import expect_error, expect_ok, key_values, pairs
from blackbox.workspace import Workspace

MISSING = "The requested resource does not exist."


async def make_trigger(ow: Workspace, **body: Any) -> str:
    name = ow.name("trigger")
    expect_ok(await ow.put("triggers", name, body))
    return name


async def make_rule(ow: Workspace, trigger: str, action: str) -> str:
    name = ow.name("rule")
    expect_ok(await ow.put("rules", name, {"trigger": f"/_/{trigger}", "action": f"/_/{action}"}))
    return name


async def test_a_new_trigger(ow: Workspace) -> None:
    name = ow.name()
    stored = expect_ok(await ow.put("triggers", name, {"parameters": pairs({"a": 1}), "annotations": pairs({"b": 2})}))
    assert set(stored) == {
        "namespace", "name", "version", "publish", "updated", "annotations", "parameters", "limits",
    }  # fmt: skip
    assert stored["limits"] == {}
    assert (stored["namespace"], stored["name"], stored["version"]) == (ow.namespace, name, "0.0.1")
    assert stored["publish"] is False
    assert expect_ok(await ow.get("triggers", name)) == stored


async def test_its_rules_are_shown_once_it_had_one(ow: Workspace, echo: str) -> None:
    trigger = await make_trigger(ow)
    assert "rules" not in expect_ok(await ow.get("triggers", trigger))
    rule = await make_rule(ow, trigger, echo)
    shown = expect_ok(await ow.get("triggers", trigger))["rules"]
    assert shown == {f"{ow.namespace}/{rule}": {"action": {"path": ow.namespace, "name": echo}, "status": "active"}}
    expect_ok(await ow.delete("rules", rule))
    assert expect_ok(await ow.get("triggers", trigger)).get("rules", {}) == {}


async def test_an_update(ow: Workspace) -> None:
    trigger = await make_trigger(ow, parameters=pairs({"a": 1}), annotations=pairs({"b": 1}))
    stored = expect_ok(await ow.put("triggers", trigger, {"parameters": pairs({"c": 1})}, overwrite=True))
    assert key_values(stored["parameters"]) == {"c": 1}
    assert key_values(stored["annotations"]) == {"b": 1}


async def test_an_update_keeps_its_rules(ow: Workspace, echo: str) -> None:
    trigger = await make_trigger(ow)
    rule = await make_rule(ow, trigger, echo)
    expect_ok(await ow.put("triggers", trigger, {"parameters": pairs({"c": 1})}, overwrite=True))
    assert f"{ow.namespace}/{rule}" in expect_ok(await ow.get("triggers", trigger))["rules"]
    assert (await ow.post("triggers", trigger, {})).status == 202


@pytest.mark.parametrize("feed", ["", "a$b", 5, None, "/", "//a"])
async def test_a_feed_that_is_no_path(ow: Workspace, feed: Any) -> None:
    answer = await ow.put("triggers", ow.name(), {"annotations": pairs({"feed": feed})})
    expect_error(answer, 400, re.compile("(The request content was malformed:\n)?Feed name is not valid"))


async def test_a_feed_annotation_is_kept(ow: Workspace) -> None:
    stored = expect_ok(
        await ow.put("triggers", ow.name(), {"annotations": pairs({"feed": "/whisk.system/alarms/alarm"})})
    )
    assert key_values(stored["annotations"])["feed"] == "/whisk.system/alarms/alarm"


async def test_a_fire_without_rules(ow: Workspace) -> None:
    trigger = await make_trigger(ow)
    answer = await ow.post("triggers", trigger, {"a": 1})
    assert (answer.status, answer.body) == (204, b"")
    assert expect_ok(await ow.get("activations", name=trigger)) == []


async def test_a_fire_with_only_an_inactive_rule(ow: Workspace, echo: str) -> None:
    trigger = await make_trigger(ow)
    rule = await make_rule(ow, trigger, echo)
    assert (await ow.post("rules", rule, {"status": "inactive"})).status == 200
    answer = await ow.post("triggers", trigger, {"a": 1})
    assert (answer.status, answer.body) == (204, b"")


async def test_a_fire(ow: Workspace) -> None:
    action = await ow.action()
    trigger = await make_trigger(ow, parameters=pairs({"a": "trigger", "b": "trigger"}))
    rule = await make_rule(ow, trigger, action)
    path, headers = ow.path("triggers", trigger), {"X-Mine": "header"}
    answer = await ow.call("POST", path, json={"b": "payload"}, headers=headers)
    body = expect_ok(answer, 202)
    assert set(body) == {"activationId"}
    assert answer.headers["x-openwhisk-activation-id"] == body["activationId"]
    record = await ow.activation(body["activationId"])
    assert (record["name"], record["namespace"]) == (trigger, ow.namespace)
    assert "end" not in record
    assert "duration" not in record
    assert record["response"]["result"] == {"b": "payload"}
    (log,) = [json.loads(line) for line in record["logs"]]
    assert (log["statusCode"], log["success"]) == (0, True)
    assert (log["rule"], log["action"]) == (f"{ow.namespace}/{rule}", f"{ow.namespace}/{action}")
    invoked = await ow.activation(log["activationId"])
    assert invoked["cause"] == body["activationId"]
    result = invoked["response"]["result"]
    assert {key: result[key] for key in "ab"} == {"a": "trigger", "b": "payload"}
    sent = {name.lower(): value for name, value in result["__ow_headers"].items()}
    assert sent["x-mine"] == "header"


async def test_several_rules_of_one_trigger(ow: Workspace) -> None:
    actions = [await ow.action(f"function main() {{ return {{who: {n}}} }}") for n in range(2)]
    trigger = await make_trigger(ow)
    for action in actions:
        await make_rule(ow, trigger, action)
    idle = await make_rule(ow, trigger, actions[0])
    assert (await ow.post("rules", idle, {"status": "inactive"})).status == 200
    record = await ow.activation(expect_ok(await ow.post("triggers", trigger, {}), 202)["activationId"])
    logs = [json.loads(line) for line in record["logs"]]
    assert sorted(log["statusCode"] for log in logs) == [0, 0, 1]
    (refused,) = [log for log in logs if not log["success"]]
    full = f"{ow.namespace}/"
    assert refused["rule"] == full + idle
    assert refused["error"] == f"Rule '{full}{idle}' is inactive, action '{full}{actions[0]}' was not activated."
    results = [await ow.activation(log["activationId"]) for log in logs if log["success"]]
    assert sorted(each["response"]["result"]["who"] for each in results) == [0, 1]


async def test_a_fire_without_a_body(ow: Workspace, echo: str) -> None:
    trigger = await make_trigger(ow)
    await make_rule(ow, trigger, echo)
    assert (await ow.post("triggers", trigger)).status == 202


async def test_a_fire_for_an_action_that_is_gone(ow: Workspace) -> None:
    action = await ow.action()
    trigger = await make_trigger(ow)
    await make_rule(ow, trigger, action)
    expect_ok(await ow.delete("actions", action))
    record = await ow.activation(expect_ok(await ow.post("triggers", trigger, {}), 202)["activationId"])
    (log,) = [json.loads(line) for line in record["logs"]]
    assert log["success"] is False
    assert isinstance(log["error"], str)


async def test_delete(ow: Workspace) -> None:
    trigger = await make_trigger(ow)
    assert expect_ok(await ow.delete("triggers", trigger))["name"] == trigger
    expect_error(await ow.get("triggers", trigger), 404, MISSING)
    expect_error(await ow.post("triggers", trigger, {}), 404, MISSING)


async def test_rules_of_a_deleted_trigger(ow: Workspace, echo: str) -> None:
    trigger = await make_trigger(ow)
    rule = await make_rule(ow, trigger, echo)
    expect_ok(await ow.delete("triggers", trigger))
    assert expect_ok(await ow.get("rules", rule))["status"] == "inactive"
    answer = await ow.post("rules", rule, {"status": "active"})
    expect_error(answer, 404, "Only rules with existing triggers can be activated")


async def test_a_trigger_list_by_activation_name(ow: Workspace, echo: str) -> None:
    trigger = await make_trigger(ow)
    await make_rule(ow, trigger, echo)
    activation = expect_ok(await ow.post("triggers", trigger, {}), 202)["activationId"]
    await ow.activation(activation)
    (item,) = expect_ok(await ow.get("activations", name=trigger))
    assert item["activationId"] == activation
    assert not {"end", "duration"} & set(item)
