"""Activation records: lists, their queries, result and logs (contract 5)."""

import re
import time

import pytest
from blackbox.answer import expect_error, expect_ok, key_values
from blackbox.workspace import Workspace

MISSING = "The requested resource does not exist."
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z *(stdout|stderr): (.*)")
TALKER = "function main(args) { console.log('to stdout', args.n); console.error('to stderr'); return args }"


async def test_a_record(ow: Workspace) -> None:
    name = await ow.action(TALKER, limits={"timeout": 5000, "memory": 128, "logs": 1})
    began = time.time() * 1000
    answered = expect_ok(await ow.invoke(name, {"n": 1}))
    record = await ow.activation(answered["activationId"])
    for field in ("activationId", "namespace", "name", "version", "subject", "start", "end", "duration", "response"):
        assert record[field] == answered[field], field
    assert record["name"] == name
    assert began - 5000 < record["start"] <= record["end"]
    assert record["duration"] >= 0
    assert record["response"]["size"] > 0
    annotations = key_values(record["annotations"])
    assert annotations["path"] == f"{ow.namespace}/{name}"
    assert annotations["kind"].startswith("nodejs:")
    assert annotations["timeout"] is False
    assert annotations["waitTime"] >= 0
    assert annotations["initTime"] > 0
    limits = annotations["limits"]
    assert (limits["timeout"], limits["memory"], limits["logs"], limits["concurrency"]) == (5000, 128, 1, 1)
    assert "causedBy" not in annotations


async def test_logs(ow: Workspace) -> None:
    name = await ow.action(TALKER)
    activation = expect_ok(await ow.invoke(name, {"n": 7}))["activationId"]
    lines = await ow.log_lines(activation, 2)
    parsed = {LOG_LINE.fullmatch(line).groups() for line in lines}
    assert parsed == {("stdout", "to stdout 7"), ("stderr", "to stderr")}
    assert all(line.index("std") == 31 for line in lines), "the time takes 30 columns"
    assert (await ow.activation(activation))["logs"] == lines
    assert not any("XXX_THE_END" in line for line in lines)


async def test_each_activation_has_its_own_logs(ow: Workspace) -> None:
    name = await ow.action(TALKER)
    for n in range(3):
        activation = expect_ok(await ow.invoke(name, {"n": n}))["activationId"]
        lines = await ow.log_lines(activation, 2)
        assert sorted(LOG_LINE.fullmatch(line)[2] for line in lines) == ["to stderr", f"to stdout {n}"]


async def test_no_logs_where_the_limit_is_0(ow: Workspace) -> None:
    name = await ow.action(TALKER, limits={"logs": 0})
    activation = expect_ok(await ow.invoke(name))["activationId"]
    assert (await ow.activation(activation))["logs"] == []


async def test_result_and_logs_have_routes(ow: Workspace, echo: str) -> None:
    activation = expect_ok(await ow.invoke(echo, {"a": 1}))["activationId"]
    await ow.activation(activation)
    result = expect_ok(await ow.get("activations", f"{activation}/result"))
    assert (result["result"], result["success"], result["status"]) == ({"a": 1}, True, "success")
    assert expect_ok(await ow.get("activations", f"{activation}/logs")) == {"logs": []}


@pytest.mark.parametrize("tail", ["", "/result", "/logs"])
async def test_an_unknown_activation(ow: Workspace, tail: str) -> None:
    expect_error(await ow.get("activations", "0" * 32 + tail), 404, MISSING)


async def test_another_namespaces_activation_is_unknown(ow: Workspace, ow2: Workspace, echo: str) -> None:
    activation = expect_ok(await ow.invoke(echo))["activationId"]
    await ow.activation(activation)
    expect_error(await ow2.get("activations", activation), 404, MISSING)
    answer = await ow2.call("GET", ow2.path("activations", activation, ow.namespace))
    assert answer.status == 403


@pytest.mark.parametrize("verb", ["PUT", "POST", "DELETE"])
async def test_records_are_only_read(ow: Workspace, verb: str) -> None:
    answer = await ow.call(verb, ow.path("activations", "0" * 32), json={} if verb != "DELETE" else None)
    assert answer.status in {404, 405}
    assert set(answer.json) == {"error", "code"}


async def test_a_list_by_name(ow: Workspace) -> None:
    name = await ow.action()
    ids = [expect_ok(await ow.invoke(name))["activationId"] for _ in range(3)]
    await ow.activations_of(name, 3)
    listed = expect_ok(await ow.get("activations", name=name))
    assert [item["activationId"] for item in listed] == ids[::-1], "the last to start comes first"
    item = listed[0]
    assert {"namespace", "name", "version", "publish", "annotations", "activationId", "start"} <= set(item)
    assert {"end", "duration", "statusCode"} <= set(item)
    assert not {"response", "logs"} & set(item)
    assert item["statusCode"] == 0
    assert expect_ok(await ow.get("activations", name=name, count=True)) == {"activations": 3}
    page = expect_ok(await ow.get("activations", name=name, limit=1, skip=1))
    assert [item["activationId"] for item in page] == [ids[1]]


async def test_a_list_with_whole_records(ow: Workspace) -> None:
    name = await ow.action(TALKER)
    activation = expect_ok(await ow.invoke(name, {"n": 1}))["activationId"]
    await ow.log_lines(activation, 2)
    (record,) = expect_ok(await ow.get("activations", name=name, docs=True))
    assert record["activationId"] == activation
    assert record["response"]["result"] == {"n": 1}
    assert len(record["logs"]) == 2


async def test_status_codes_of_a_list(ow: Workspace, reply: str) -> None:
    name = await ow.action("function main(a) { if (a.exit) process.exit(1); return a }")
    for payload in ({"error": "mine"}, {"exit": True}, {}):
        await ow.invoke(name, payload)
    await ow.activations_of(name, 3)
    listed = expect_ok(await ow.get("activations", name=name))
    assert [item["statusCode"] for item in listed] == [0, 2, 1]


async def test_since_and_upto_take_in_their_ends(ow: Workspace) -> None:
    name = await ow.action()
    starts = [expect_ok(await ow.invoke(name))["start"] for _ in range(3)]
    await ow.activations_of(name, 3)

    async def found(**query: int) -> list[int]:
        return sorted(item["start"] for item in expect_ok(await ow.get("activations", name=name, **query)))

    assert await found(since=starts[1]) == [s for s in sorted(starts) if s >= starts[1]]
    assert await found(upto=starts[1]) == [s for s in sorted(starts) if s <= starts[1]]
    assert await found(since=starts[0], upto=starts[2]) == sorted(starts)
    assert await found(since=starts[2] + 1) == []


async def test_a_list_by_packaged_name(ow: Workspace) -> None:
    package, binding = ow.name("package"), ow.name("binding")
    expect_ok(await ow.put("packages", package, {}))
    expect_ok(await ow.put("packages", binding, {"binding": {"namespace": "_", "name": package}}))
    name = await ow.action(name=f"{package}/act")
    direct = expect_ok(await ow.invoke(name))["activationId"]
    bound = expect_ok(await ow.invoke(f"{binding}/act"))["activationId"]
    by_binding = await ow.activations_of(f"{binding}/act")
    assert [item["activationId"] for item in by_binding] == [bound]
    assert direct in [item["activationId"] for item in await ow.activations_of(name)]
    annotations = key_values((await ow.activation(bound))["annotations"])
    assert annotations["path"] == f"{ow.namespace}/{name}"
    assert annotations["binding"] == f"{ow.namespace}/{binding}"


async def test_a_name_of_three_parts(ow: Workspace) -> None:
    answer = await ow.get("activations", name="a/b/c")
    assert answer.status == 400
    assert "Parameter may be a 'simple' name or 'package-name/simple' name: a/b/c" in answer.json["error"]


@pytest.mark.parametrize("parameter", ["since", "upto"])
async def test_a_time_that_is_none(ow: Workspace, parameter: str) -> None:
    answer = await ow.get("activations", **{parameter: "noon"})
    assert answer.status == 400
    assert "Parameter is not a valid value for epoch seconds: noon" in answer.json["error"]


async def test_docs_and_count_exclude_each_other(ow: Workspace) -> None:
    answer = await ow.get("activations", docs=True, count=True)
    expect_error(answer, 400, "The parameter 'docs' is not permitted with 'count'.")


async def test_log_limit(ow: Workspace) -> None:
    code = "function main() { for (let i = 0; i < 3000; i++) console.log('x'.repeat(1023)); return {} }"
    name = await ow.action(code, limits={"logs": 1})
    activation = expect_ok(await ow.invoke(name))["activationId"]
    lines = await ow.log_lines(activation, 2)
    text = "Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes."
    assert lines[-1].endswith(f"stderr: {text}")
    assert sum(len(line) for line in lines) < 1.3 * 1024 * 1024
    assert await ow.result(name) == {}, "the next call is fine"
