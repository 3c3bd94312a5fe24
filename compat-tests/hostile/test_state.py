"""Results, parameters and moments that are odd: no JSON, names no environment takes, changes during a run."""

import asyncio
from typing import Any

import pytest
from blackbox.answer import expect_ok
from blackbox.runtimes import Kinds
from blackbox.workspace import ECHO, NODE, Workspace

PYTHON_VALUES = (
    "{'n': float('nan')}",
    "{'n': float('inf')}",
    "{'s': {1, 2}}",
    "{'b': b'x'}",
    "{(1, 2): 3}",
    "object()",
    "None",
    "'text'",
    "{'t': '\\ud800'}",
    "{'big': 10 ** 400}",
)


@pytest.mark.parametrize("value", PYTHON_VALUES)
async def test_python_results_that_are_no_json(ow: Workspace, kinds: Kinds, value: str) -> None:
    code = f"def main(args):\n    return {value} if 'bad' in args else {{'ok': True}}\n"
    name = await ow.action(code, kind=await kinds.ready("python:default"))
    answer = await ow.invoke(name, {"bad": 1})
    assert answer.status in {200, 502}, answer
    response = answer.json["response"]
    assert response["success"] or isinstance(response["result"]["error"], str)
    assert await ow.result(name) == {"ok": True}


async def test_python_that_is_too_deep(ow: Workspace, kinds: Kinds) -> None:
    code = """def main(args):
    value = {}
    for _ in range(100_000 if "bad" in args else 1):
        value = {"v": value}
    return value
"""
    name = await ow.action(code, kind=await kinds.ready("python:default"))
    response = (await ow.invoke(name, {"bad": 1})).json["response"]
    assert response["success"] is False
    assert await ow.result(name) == {"v": {}}


async def test_python_that_closes_its_streams(ow: Workspace, kinds: Kinds) -> None:
    code = """import os, sys
def main(args):
    if "bad" in args:
        sys.stdout.close()
        os.close(2)
    return {"ok": True}
"""
    name = await ow.action(code, kind=await kinds.ready("python:default"))
    response = (await ow.invoke(name, {"bad": 1})).json["response"]
    assert response["success"] or isinstance(response["result"]["error"], str)
    assert await ow.result(name) == {"ok": True}


async def test_names_that_no_environment_takes(ow: Workspace) -> None:
    """Init parameters of such names are left out or refused; the others arrive."""
    odd = ["A=B", "A\0B", "", "a-b", "ä", "=", "__proto__", "x" * 100_000]
    parameters = [{"key": key, "value": "v", "init": True} for key in [*odd, "FINE"]]
    name = ow.name("action")
    code = "function main() { return {fine: process.env.FINE, path: typeof process.env.PATH} }"
    answer = await ow.put("actions", name, {"exec": {"kind": NODE, "code": code}, "parameters": parameters})
    if answer.status == 200:
        answer = await ow.invoke(name)
        assert answer.status in {200, 502}, answer
        result = answer.json["response"]["result"]
        assert result["fine"] == "v" if answer.status == 200 else isinstance(result["error"], str)
    else:
        assert answer.status == 400, answer


async def test_a_large_init_parameter(ow: Workspace) -> None:
    parameters = [{"key": "LARGE", "value": "x" * 600_000, "init": True}]
    name = await ow.action("function main() { return {n: process.env.LARGE.length} }", parameters=parameters)
    assert await ow.result(name) == {"n": 600_000}


async def test_a_large_argument_for_an_executable(ow: Workspace, kinds: Kinds) -> None:
    """Above what one argument of a process may hold: an error or an answer, in time."""
    execution = await kinds.skeleton() | {"code": '#!/bin/sh\necho "{\\"n\\": ${#1}}"\n'}
    name = ow.name("native")
    expect_ok(await ow.put("actions", name, {"exec": execution}))
    answer = await ow.invoke(name, {"a": "x" * 400_000})
    assert answer.status in {200, 502}, answer
    assert expect_ok(await ow.invoke(name, {"a": "x"}))["response"]["success"] is True


async def test_parameters_that_would_change_the_runtime(ow: Workspace) -> None:
    bad = {"NODE_OPTIONS": "--require /no/such/file", "LD_PRELOAD": "/no/such/library", "PATH": "", "HOME": "/no/such"}
    parameters = [{"key": key, "value": value, "init": True} for key, value in bad.items()]
    name = await ow.action("function main() { return {home: process.env.HOME} }", parameters=parameters)
    assert await ow.result(name) == {"home": "/no/such"}


async def test_prototypes_are_not_polluted(ow: Workspace) -> None:
    name = await ow.action("function main(args) { return {polluted: ({}).polluted === 1} }")
    payload = '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}'
    path = ow.path("actions", name) + "?blocking=true&result=true"
    answer = await ow.call("POST", path, data=payload, headers={"Content-Type": "application/json"})
    assert expect_ok(answer) == {"polluted": False}
    assert await ow.result(name) == {"polluted": False}


async def test_deleting_what_runs(ow: Workspace) -> None:
    """The call that runs ends as it would have; the next finds nothing."""
    name = await ow.action("function main() { return new Promise(r => setTimeout(() => r({n: 1}), 800)) }")
    running = asyncio.create_task(ow.invoke(name))
    await asyncio.sleep(0.3)
    expect_ok(await ow.delete("actions", name))
    assert (await ow.invoke(name)).status == 404
    answer = await running
    assert answer.status == 200, answer
    assert answer.json["response"]["result"] == {"n": 1}


async def test_updating_what_runs(ow: Workspace) -> None:
    """Calls before the update end with the old code; calls after it have the new."""
    slow = "function main() { return new Promise(r => setTimeout(() => r({v: VERSION}), 400)) }"
    name = await ow.action(slow.replace("VERSION", "1"))
    before = [asyncio.create_task(ow.result(name)) for _ in range(4)]
    await asyncio.sleep(0.2)
    execution = {"kind": NODE, "code": slow.replace("VERSION", "2")}
    expect_ok(await ow.put("actions", name, {"exec": execution}, overwrite=True))
    assert await asyncio.gather(*(ow.result(name) for _ in range(4))) == [{"v": 2}] * 4
    assert {each["v"] for each in await asyncio.gather(*before)} <= {1, 2}


async def test_changing_back_and_forth(ow: Workspace) -> None:
    name = await ow.action()
    for version in range(6):
        execution: dict[str, Any] = {"kind": NODE, "code": f"function main() {{ return {{v: {version}}} }}"}
        expect_ok(await ow.put("actions", name, {"exec": execution}, overwrite=True))
        assert await ow.result(name) == {"v": version}


async def test_a_sequence_that_feeds_itself_through_an_update(ow: Workspace) -> None:
    """A component becomes the sequence that holds it: refused, or ended; never without end."""
    first = await ow.action(ECHO)
    inner, outer = await ow.sequence(first), ow.name("outer")
    await ow.sequence(inner, name=outer)
    body = {"exec": {"kind": "sequence", "components": [f"/_/{outer}"]}}
    assert (await ow.put("actions", inner, body, overwrite=True)).status == 400
    assert await ow.result(outer, {"a": 1}) == {"a": 1}


async def test_a_trigger_that_fires_itself(ow: Workspace) -> None:
    """A rule whose action fires the trigger again, three times: each run has its record."""
    code = """function main(args) {
      if (!args.left) return {end: true}
      const e = process.env
      const host = e.__OW_API_HOST.includes('://') ? e.__OW_API_HOST : 'https://' + e.__OW_API_HOST
      const options = {method: 'POST', auth: e.__OW_API_KEY, rejectUnauthorized: false,
        headers: {'Content-Type': 'application/json'}}
      return new Promise((resolve, reject) => {
        const url = host + '/api/v1/namespaces/_/triggers/' + args.trigger
        const request = require(host.split(':')[0]).request(url, options, answer => {
          answer.resume()
          answer.on('end', () => resolve({fired: answer.statusCode}))
        })
        request.on('error', reject)
        request.end(JSON.stringify({left: args.left - 1, trigger: args.trigger}))
      })
    }"""
    name = await ow.action(code, annotations=[{"key": "provide-api-key", "value": True}])
    trigger = ow.name("trigger")
    expect_ok(await ow.put("triggers", trigger, {}))
    expect_ok(await ow.put("rules", ow.name("rule"), {"trigger": f"/_/{trigger}", "action": f"/_/{name}"}))
    expect_ok(await ow.post("triggers", trigger, {"left": 2, "trigger": trigger}), 202)
    records = await ow.activations_of(name, 3)
    assert [each["response"]["result"] for each in records] == [{"end": True}, {"fired": 202}, {"fired": 202}]
