"""Limits of actions, sizes of what is sent, and what a namespace may do (contract 0.9, 6)."""

import re
from typing import Any

import pytest
from blackbox.answer import expect_error, expect_ok, malformed, pairs
from blackbox.workspace import ECHO, NODE, Workspace

MB = 1024 * 1024
CODE = {"kind": NODE, "code": ECHO}


def within_malformed(text: str) -> re.Pattern[str]:
    return re.compile("(The request content was malformed:\n)?(requirement failed: )?" + text)


async def put_limits(ow: Workspace, **limits: Any) -> Any:
    return await ow.put("actions", ow.name(), {"exec": CODE, "limits": limits})


async def test_defaults(ow: Workspace) -> None:
    stored = expect_ok(await ow.put("actions", ow.name(), {"exec": CODE}))
    limits = {name: stored["limits"][name] for name in ("timeout", "memory", "logs", "concurrency")}
    assert limits == {"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1}


async def test_given_ones_are_kept(ow: Workspace) -> None:
    stored = expect_ok(await put_limits(ow, timeout=1234, memory=128, logs=0))
    assert (stored["limits"]["timeout"], stored["limits"]["memory"], stored["limits"]["logs"]) == (1234, 128, 0)


async def namespace_limits(ow: Workspace) -> dict[str, Any]:
    return expect_ok(await ow.call("GET", "/api/v1/namespaces/_/limits"))


async def test_the_namespaces_limits(ow: Workspace) -> None:
    limits = await namespace_limits(ow)
    for name in ("invocationsPerMinute", "concurrentInvocations", "firesPerMinute"):
        assert isinstance(limits[name], int), name
    for what in ("Memory", "Logs", "Timeout", "Concurrency"):
        assert limits[f"minAction{what}"] <= limits[f"maxAction{what}"], what
    assert limits["maxParameterSize"] == "1048576 B"
    assert "maxActionInstances" in limits


async def test_only_the_own_namespaces_limits(ow: Workspace, ow2: Workspace) -> None:
    answer = await ow.call("GET", f"/api/v1/namespaces/{ow2.namespace}/limits")
    assert answer.status == 403
    assert set(answer.json) == {"error", "code"}


async def test_namespaces_has_the_own_one(ow: Workspace) -> None:
    assert expect_ok(await ow.call("GET", "/api/v1/namespaces")) == [ow.namespace]


async def test_timeout_out_of_range(ow: Workspace) -> None:
    limits = await namespace_limits(ow)
    low, high = limits["minActionTimeout"], limits["maxActionTimeout"]
    text = f"duration {high + 1} milliseconds exceeds allowed threshold of {high} milliseconds"
    expect_error(await put_limits(ow, timeout=high + 1), 400, within_malformed(re.escape(text)))
    text = f"duration {low - 1} milliseconds below allowed threshold of {low} milliseconds"
    expect_error(await put_limits(ow, timeout=low - 1), 400, within_malformed(re.escape(text)))


@pytest.mark.parametrize(
    ("field", "limit", "what"), [("memory", "Memory", "memory size"), ("logs", "Logs", "log size")]
)
async def test_size_out_of_range(ow: Workspace, field: str, limit: str, what: str) -> None:
    limits = await namespace_limits(ow)
    low, high = limits[f"minAction{limit}"], limits[f"maxAction{limit}"]
    text = f"{what} {high + 1} MB exceeds allowed threshold of {high} MB"
    expect_error(await put_limits(ow, **{field: high + 1}), 400, within_malformed(re.escape(text)))
    if low > 0:
        text = f"{what} {low - 1} MB below allowed threshold of {low} MB"
        expect_error(await put_limits(ow, **{field: low - 1}), 400, within_malformed(re.escape(text)))


async def test_concurrency_out_of_range(ow: Workspace) -> None:
    limits = await namespace_limits(ow)
    low, high = limits["minActionConcurrency"], limits["maxActionConcurrency"]
    text = f"concurrency {high + 1} exceeds allowed threshold of {high}"
    expect_error(await put_limits(ow, concurrency=high + 1), 400, within_malformed(text))
    text = f"concurrency {low - 1} below allowed threshold of {low}"
    expect_error(await put_limits(ow, concurrency=low - 1), 400, within_malformed(text))


@pytest.mark.parametrize("value", [1000.5, "1000", True, [], {}])
async def test_a_limit_that_is_no_whole_number(ow: Workspace, value: Any) -> None:
    for field in ("timeout", "memory", "logs"):
        expect_error(await put_limits(ow, **{field: value}), 400, malformed(""))


async def test_the_text_for_a_fraction(ow: Workspace) -> None:
    expect_error(await put_limits(ow, timeout=1000.5), 400, malformed("time limit must be whole number"))


async def test_instances_above_the_namespaces_concurrency(ow: Workspace) -> None:
    allowed = (await namespace_limits(ow))["concurrentInvocations"]
    text = f"Max action instance concurrency must not exceed your namespace concurrency of {allowed}."
    expect_error(await put_limits(ow, instances=allowed + 1), 400, text)


@pytest.mark.parametrize("collection", ["actions", "packages", "triggers"])
@pytest.mark.parametrize("field", ["parameters", "annotations"])
async def test_parameters_and_annotations_above_1_mb(ow: Workspace, collection: str, field: str) -> None:
    body = {field: pairs({"a": "x" * MB})}
    if collection == "actions":
        body["exec"] = CODE
    answer = await ow.put(collection, ow.name(), body)
    expect_error(answer, 413, re.compile(rf"{field} larger than allowed: 10485\d\d > 1048576 bytes\."))


async def test_code_of_48_mb_and_one_byte(ow: Workspace) -> None:
    code = "//" + "x" * (48 * MB - 1)
    answer = await ow.put("actions", ow.name(), {"exec": {"kind": NODE, "code": code}})
    expect_error(answer, 413, re.compile(r"exec larger than allowed: 503316\d\d > 50331648 bytes\."))


async def test_a_body_above_50_mb(ow: Workspace) -> None:
    answer = await ow.put("actions", ow.name(), {"exec": {"kind": NODE, "code": "x" * (52 * MB)}})
    assert answer.status == 413
    assert "larger" in answer.json["error"].lower() or "exceed" in answer.json["error"].lower()


async def test_a_payload_above_1_mb(ow: Workspace, echo: str) -> None:
    wanted = re.compile(r"Request larger than allowed: \d+ > 1048576 bytes\.")
    expect_error(await ow.invoke(echo, {"a": "x" * MB}), 413, wanted)
    trigger = ow.name()
    expect_ok(await ow.put("triggers", trigger, {}))
    expect_error(await ow.post("triggers", trigger, {"a": "x" * MB}), 413, wanted)


async def test_a_payload_just_below_1_mb(ow: Workspace, echo: str) -> None:
    text = "x" * (MB - 64)
    assert await ow.result(echo, {"a": text}) == {"a": text}


async def test_a_payload_without_a_length(ow: Workspace, echo: str) -> None:
    """Sent in chunks, the payload is bounded all the same."""

    async def chunks():
        yield b'{"a": "'
        for _ in range(40):
            yield b"x" * (MB // 16)
        yield b'"}'

    headers = {"Content-Type": "application/json"}
    answer = await ow.call("POST", ow.path("actions", echo), data=chunks(), headers=headers)
    assert answer.status == 413, answer
    assert set(answer.json) == {"error", "code"}


async def test_a_result_above_1_mb_is_truncated(ow: Workspace) -> None:
    name = await ow.action("function main() { return { big: 'x'.repeat(2 * 1024 * 1024) } }")
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["status"] == "application error"
    text = record["response"]["result"]["error"]
    start = r"The action produced a response that exceeded the allowed length: \d+ > 1048576 bytes\. "
    assert re.match(start + r"The truncated response was: \{", text)
    assert len(text) < 1.1 * MB
