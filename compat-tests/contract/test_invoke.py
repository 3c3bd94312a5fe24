"""Invocations: waiting or not, results, errors, argument merge, the reserved and final ones (contract 1.4, 5, 9)."""

import asyncio
import re
from typing import Any

import pytest
from blackbox.answer import expect_error, expect_ok, key_values, malformed, pairs
from blackbox.workspace import Workspace

RESERVED = "Request defines parameters that are not allowed (e.g., reserved properties)."
ID = re.compile(r"[0-9a-f]{32}\Z")


async def test_without_waiting(ow: Workspace, echo: str) -> None:
    answer = await ow.invoke(echo, {"a": 1}, blocking=False)
    body = expect_ok(answer, 202)
    assert set(body) == {"activationId"}
    assert ID.match(body["activationId"])
    assert answer.headers["x-openwhisk-activation-id"] == body["activationId"]
    record = await ow.activation(body["activationId"])
    assert record["response"]["result"] == {"a": 1}


async def test_result_without_blocking_is_without_waiting(ow: Workspace, echo: str) -> None:
    assert set(expect_ok(await ow.invoke(echo, {}, blocking=False, result=True), 202)) == {"activationId"}


async def test_waiting_answers_the_record(ow: Workspace, echo: str) -> None:
    answer = await ow.invoke(echo, {"a": 1})
    record = expect_ok(answer)
    wanted = {"namespace", "name", "version", "subject", "activationId", "start", "end", "duration", "response"}
    assert wanted | {"logs", "annotations", "publish"} <= set(record)
    assert answer.headers["x-openwhisk-activation-id"] == record["activationId"]
    response = record["response"]
    assert (response["status"], response["success"], response["result"]) == ("success", True, {"a": 1})
    assert "statusCode" not in response
    assert record["logs"] == []
    assert (record["namespace"], record["name"], record["publish"]) == (ow.namespace, echo, False)


async def test_waiting_for_the_result(ow: Workspace, echo: str) -> None:
    answer = await ow.invoke(echo, {"a": {"b": [1, "ä", None]}}, result=True)
    assert expect_ok(answer) == {"a": {"b": [1, "ä", None]}}
    assert ID.match(answer.headers["x-openwhisk-activation-id"])


async def test_the_query_may_be_spelled_out(ow: Workspace, echo: str) -> None:
    answer = await ow.call("POST", ow.path("actions", echo) + "?blocking=true&result=true", json={"x": 1})
    assert expect_ok(answer) == {"x": 1}


@pytest.mark.parametrize("value", ["yes", "1x", ""])
async def test_a_query_that_is_no_boolean(ow: Workspace, echo: str, value: str) -> None:
    answer = await ow.call("POST", ow.path("actions", echo), query={"blocking": value}, json={})
    assert answer.status in {202, 400}, "a 400 as of OpenWhisk, or taken as false; never a wait or a crash"


async def test_a_wait_that_expires(ow: Workspace) -> None:
    name = await ow.action("function main() { return new Promise(r => setTimeout(() => r({late: 1}), 2500)) }")
    answer = await ow.invoke(name, {}, timeout=300)
    body = expect_ok(answer, 202)
    assert set(body) == {"activationId"}
    assert answer.seconds < 2.5
    assert (await ow.activation(body["activationId"]))["response"]["result"] == {"late": 1}


@pytest.mark.parametrize("wait", ["0", "60001", "-1", "soon", "1.5"])
async def test_a_wait_out_of_range(ow: Workspace, echo: str, wait: str) -> None:
    text = "Timeout must be number of milliseconds up to 60000."
    answer = await ow.invoke(echo, {}, timeout=wait)
    assert answer.status == 400
    assert text in answer.json["error"]
    assert "malformed" in answer.json["error"]


async def test_no_body_is_an_empty_one(ow: Workspace, echo: str) -> None:
    answer = await ow.call("POST", ow.path("actions", echo) + "?blocking=true&result=true")
    assert expect_ok(answer) == {}


@pytest.mark.parametrize("payload", [[1, 2], "text", 5, False])
async def test_a_payload_that_is_no_object(ow: Workspace, echo: str, payload: Any) -> None:
    answer = await ow.call("POST", ow.path("actions", echo), json=payload)
    expect_error(answer, 400, malformed("JSON object expected" if payload == [1, 2] else ""))


async def test_a_malformed_payload(ow: Workspace, echo: str) -> None:
    headers = {"Content-Type": "application/json"}
    expect_error(await ow.call("POST", ow.path("actions", echo), data="{", headers=headers), 400, malformed(""))


async def test_arguments_merge_from_the_package_inwards(ow: Workspace) -> None:
    package, binding = ow.name("package"), ow.name("binding")
    expect_ok(await ow.put("packages", package, {"parameters": pairs(dict.fromkeys("abcd", "package"))}))
    bound = {"binding": {"namespace": "_", "name": package}, "parameters": pairs(dict.fromkeys("bcd", "binding"))}
    expect_ok(await ow.put("packages", binding, bound))
    await ow.action(name=f"{package}/echo", parameters=pairs(dict.fromkeys("cd", "action")))
    through_binding = await ow.result(f"{binding}/echo", {"d": "payload"})
    assert through_binding == {"a": "package", "b": "binding", "c": "action", "d": "payload"}
    direct = await ow.result(f"{package}/echo", {"d": "payload"})
    assert direct == {"a": "package", "b": "package", "c": "action", "d": "payload"}
    shown = key_values(expect_ok(await ow.get("actions", f"{binding}/echo"))["parameters"])
    assert shown == {"a": "package", "b": "binding", "c": "action", "d": "action"}


async def test_final_parameters_cannot_be_given(ow: Workspace) -> None:
    name = await ow.action(parameters=pairs({"fixed": 1}), annotations=pairs({"final": True}))
    expect_error(await ow.invoke(name, {"fixed": 2}), 400, RESERVED)
    assert await ow.result(name, {"free": 2}) == {"fixed": 1, "free": 2}


@pytest.mark.parametrize(
    ("code", "result", "status"),
    [
        ("function main() { return {error: 'mine'} }", {"error": "mine"}, "application error"),
        ("function main() { return Promise.reject({code: 7}) }", None, None),
        ("function main() { throw new Error('thrown') }", None, None),
    ],
)
async def test_an_error_of_the_action(ow: Workspace, code: str, result: Any, status: str | None) -> None:
    name = await ow.action(code)
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["success"] is False
    assert record["response"]["status"] in ({status} if status else {"application error", "action developer error"})
    assert result in (None, record["response"]["result"])
    only = await ow.invoke(name, result=True)
    assert expect_ok(only, 502) == record["response"]["result"]
    assert "error" in only.json


async def test_code_that_does_not_initialise(ow: Workspace) -> None:
    name = await ow.action("function main( {")
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["status"] == "action developer error"
    assert isinstance(record["response"]["result"]["error"], str)


@pytest.mark.parametrize("value", ["'text'", "5", "true"])
async def test_a_result_that_is_neither_object_nor_array(ow: Workspace, value: str) -> None:
    name = await ow.action(f"function main() {{ return {value} }}")
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["status"] == "action developer error"
    assert isinstance(record["response"]["result"]["error"], str)


async def test_no_result_is_an_empty_one(ow: Workspace) -> None:
    assert await ow.result(await ow.action("function main() { }")) == {}


async def test_an_array_is_answered_bare(ow: Workspace, reply: str) -> None:
    for query in ({}, {"result": True}):
        assert expect_ok(await ow.invoke(reply, {"reply": [1, {"a": 2}]}, **query)) == [1, {"a": 2}]


async def test_the_time_limit(ow: Workspace) -> None:
    code = "function main() { return new Promise(() => setInterval(() => {}, 1000)) }"
    patience = await ow.patience()
    name = await ow.action(code, limits={"timeout": patience})
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["status"] == "action developer error"
    text = f"The action exceeded its time limits of {patience} milliseconds."
    assert record["response"]["result"] == {"error": text}
    assert key_values(record["annotations"])["timeout"] is True


async def test_the_time_limit_of_initialisation(ow: Workspace) -> None:
    name = await ow.action("while (true) {}; function main() {}", limits={"timeout": 500})
    record = expect_ok(await ow.invoke(name), 502)
    text = "The action exceeded its time limits of 500 milliseconds during initialization."
    assert record["response"]["result"] == {"error": text}
    assert record["response"]["status"] == "action developer error"


async def test_a_process_that_exits(ow: Workspace) -> None:
    name = await ow.action("function main() { process.exit(3) }")
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["status"] == "action developer error"
    text = "The action did not produce a valid response and exited unexpectedly."
    assert record["response"]["result"] == {"error": text}


async def test_one_sandbox_stays_warm(ow: Workspace) -> None:
    name = await ow.action("let calls = 0; function main() { return {calls: ++calls} }")
    first, second = [expect_ok(await ow.invoke(name)) for _ in range(2)]
    assert (first["response"]["result"], second["response"]["result"]) == ({"calls": 1}, {"calls": 2})
    assert "initTime" in key_values(first["annotations"])
    assert "initTime" not in key_values(second["annotations"])


async def test_many_at_once(ow: Workspace) -> None:
    name = await ow.action()
    answers = await asyncio.gather(*(ow.result(name, {"n": n}) for n in range(16)))
    assert answers == [{"n": n} for n in range(16)]


async def test_one_call_at_a_time_in_a_sandbox(ow: Workspace) -> None:
    code = """let busy = 0
    function main() { const seen = ++busy; return new Promise(r => setTimeout(() => { busy--; r({seen}) }, 50)) }"""
    name = await ow.action(code, limits={"concurrency": 1})
    answers = await asyncio.gather(*(ow.result(name) for _ in range(6)))
    assert answers == [{"seen": 1}] * 6


async def test_init_parameters_are_environment_and_not_arguments(ow: Workspace) -> None:
    parameters = [
        {"key": "TEXT", "value": "v", "init": True},
        {"key": "NOTHING", "value": None, "init": True},
        {"key": "NUMBER", "value": 5, "init": True},
        {"key": "FLAG", "value": True, "init": True},
        {"key": "OBJECT", "value": {"a": [1, 2]}, "init": True},
        {"key": "plain", "value": "w"},
    ]
    code = """function main(args) { const e = process.env; return { args,
      env: [e.TEXT, e.NOTHING, e.NUMBER, e.FLAG, e.OBJECT], plain: e.plain === undefined } }"""
    name = await ow.action(code, parameters=parameters)
    answer = await ow.result(name, {"given": 1})
    assert answer == {
        "args": {"plain": "w", "given": 1},
        "env": ["v", "", "5", "true", '{"a":[1,2]}'],
        "plain": True,
    }


async def test_what_an_action_finds_in_its_environment(ow: Workspace) -> None:
    code = """function main() { const e = process.env, out = {};
      for (const k of Object.keys(e)) if (k.startsWith('__OW_')) out[k] = e[k]; return out }"""
    name = await ow.action(code)
    answer = await ow.invoke(name)
    record = expect_ok(answer)
    env = record["response"]["result"]
    assert env["__OW_NAMESPACE"] == ow.namespace
    assert env["__OW_ACTION_NAME"] == f"/{ow.namespace}/{name}"
    assert env["__OW_ACTION_VERSION"] == "0.0.1"
    assert env["__OW_ACTIVATION_ID"] == record["activationId"]
    assert env["__OW_TRANSACTION_ID"] == answer.headers["X-Request-ID"]
    assert 0 < int(env["__OW_DEADLINE"]) - record["start"] < 180_000
    assert env["__OW_API_HOST"]
    assert "__OW_API_KEY" not in env


async def test_the_key_is_given_where_the_annotation_says_so(ow: Workspace) -> None:
    code = "function main() { return {key: process.env.__OW_API_KEY} }"
    name = await ow.action(code, annotations=pairs({"provide-api-key": True}))
    assert await ow.result(name) == {"key": ow.key}


async def test_an_image_that_cannot_be_had(ow: Workspace) -> None:
    name = ow.name()
    body = {"exec": {"kind": "blackbox", "image": "no-such-registry.invalid/no/image:1"}}
    expect_ok(await ow.put("actions", name, body))
    answer = await ow.invoke(name)
    assert answer.status in {500, 502, 503}, answer
    if answer.status == 503:
        assert set(answer.json) == {"error", "code"}, "no engine for images at all"
    else:
        assert isinstance(answer.json["response"]["result"]["error"], str)
    expect_ok(await ow.delete("actions", name))


async def test_bodies_are_objects_with_deep_values(ow: Workspace, echo: str) -> None:
    deep: Any = "end"
    for _ in range(40):
        deep = {"d": [deep]}
    assert await ow.result(echo, {"deep": deep}) == {"deep": deep}


async def test_numbers_and_text_come_back_as_they_went(ow: Workspace, echo: str) -> None:
    payload = {"big": 9007199254740991, "small": -1.5e-7, "text": '\u0000\u2028\U0001f680\\"', "": "empty key"}
    assert await ow.result(echo, payload) == payload
