"""What only some kinds have: promises, other mains, modules, jars with arrays, executables (contract 9, 10)."""

import asyncio
import base64
import os
from typing import Any

import pytest
from blackbox.answer import expect_ok, key_values
from blackbox.archives import jar, source, zipped
from blackbox.runtimes import Kinds
from blackbox.workspace import Workspace


async def result_of(ow: Workspace, execution: dict[str, Any], payload: Any = None) -> Any:
    name = ow.name("kind")
    expect_ok(await ow.put("actions", name, {"exec": execution}))
    return await ow.result(name, payload)


@pytest.mark.parametrize(
    "code",
    [
        "async function main(args) { await null; return {n: args.n} }",
        "function main(args) { return new Promise(r => setTimeout(() => r({n: args.n}), 5)) }",
        "const main = async ({n}) => ({n})",
        "const p = require('node:path'); exports.main = a => Promise.resolve({n: a.n, p: undefined})",
        "function main(args) { return Promise.resolve(args) }; exports.other = 1",
    ],
)
async def test_node_promises(ow: Workspace, node: str, code: str) -> None:
    assert await result_of(ow, {"kind": node, "code": code}, {"n": 5}) == {"n": 5}


async def test_node_array_from_a_promise(ow: Workspace, node: str) -> None:
    assert await result_of(ow, {"kind": node, "code": "async function main() { return [1, 2] }"}) == [1, 2]


async def test_node_rejection(ow: Workspace, node: str) -> None:
    name = await ow.action("async function main() { throw new Error('rejected') }", kind=node)
    record = expect_ok(await ow.invoke(name), 502)
    assert "rejected" in str(record["response"]["result"]["error"])


async def test_node_rejection_with_an_error_object(ow: Workspace, node: str) -> None:
    name = await ow.action("function main() { return Promise.reject({error: {code: 7}}) }", kind=node)
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["success"] is False


async def test_node_another_main(ow: Workspace, node: str) -> None:
    code = "function hello() { return {who: 'hello'} }"
    assert await result_of(ow, {"kind": node, "code": code, "main": "hello"}) == {"who": "hello"}


async def test_node_missing_main(ow: Workspace, node: str) -> None:
    name = await ow.action("function other() {}", kind=node)
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["status"] == "action developer error"


async def test_node_zip_without_a_package_file(ow: Workspace, node: str) -> None:
    code = zipped({"index.js": "exports.main = () => ({who: 'index'})"})
    assert await result_of(ow, {"kind": node, "code": code}) == {"who": "index"}


async def test_node_zip_with_modules_and_data(ow: Workspace, node: str) -> None:
    files = {
        "package.json": '{"main": "main.js"}',
        "main.js": "const d = require('./data.json'), m = require('mine');\n"
        "const file = require('fs').readFileSync(__dirname + '/x.txt', 'utf8');\n"
        "exports.hello = a => ({data: d.value, module: m(a.n), file})",
        "data.json": '{"value": 1}',
        "x.txt": "text",
        "node_modules/mine/package.json": '{"name": "mine", "main": "lib.js"}',
        "node_modules/mine/lib.js": "module.exports = n => n + 1",
    }
    execution = {"kind": node, "code": zipped(files), "main": "hello"}
    assert await result_of(ow, execution, {"n": 1}) == {"data": 1, "module": 2, "file": "text"}


async def test_node_zip_of_some_megabytes(ow: Workspace, node: str) -> None:
    noise = os.urandom(6 * 1024 * 1024)
    code = zipped(
        {"index.js": "exports.main = () => ({n: require('fs').statSync(__dirname + '/noise').size})", "noise": noise}
    )
    assert await result_of(ow, {"kind": node, "code": code}) == {"n": len(noise)}


async def test_python_another_main(ow: Workspace, kinds: Kinds) -> None:
    kind = await kinds.ready("python:default")
    code = "def hello(args):\n    return {'who': 'hello'}\n"
    assert await result_of(ow, {"kind": kind, "code": code, "main": "hello"}) == {"who": "hello"}


async def test_python_state_between_calls(ow: Workspace, kinds: Kinds) -> None:
    kind = await kinds.ready("python:default")
    code = "n = 0\ndef main(args):\n    global n\n    n += 1\n    return {'n': n}\n"
    name = await ow.action(code, kind=kind)
    assert [await ow.result(name) for _ in range(2)] == [{"n": 1}, {"n": 2}]


async def test_python_virtualenv(ow: Workspace, kinds: Kinds) -> None:
    kind = await kinds.ready("python:3.11")
    activate = (
        "import os, sys\n"
        "base = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\n"
        "sys.path.insert(0, os.path.join(base, 'lib', 'python3.11', 'site-packages'))\n"
    )
    files = {
        "__main__.py": "import shipped\ndef main(args):\n    return {'n': shipped.N}\n",
        "virtualenv/bin/activate_this.py": activate,
        "virtualenv/lib/python3.11/site-packages/shipped.py": "N = 7\n",
    }
    assert await result_of(ow, {"kind": kind, "code": zipped(files)}) == {"n": 7}


async def test_python_large_integers_and_floats(ow: Workspace, kinds: Kinds) -> None:
    kind = await kinds.ready("python:default")
    payload = {"n": 9223372036854775807, "f": 0.1}
    assert await result_of(ow, {"kind": kind, "code": "def main(a):\n    return a\n"}, payload) == payload


async def test_java_arrays(ow: Workspace, kinds: Kinds, reply: str) -> None:
    kind = await kinds.ready("java:default")
    name = ow.name("java")
    expect_ok(await ow.put("actions", name, {"exec": {"kind": kind, "code": jar(), "main": "All$Lists"}}))
    sequence = await ow.sequence(reply, name)
    assert await ow.result(sequence, {"reply": ["a"]}) == ["a", "java"]


async def test_java_main_that_is_missing(ow: Workspace, kinds: Kinds) -> None:
    kind = await kinds.ready("java:default")
    name = ow.name("java")
    expect_ok(await ow.put("actions", name, {"exec": {"kind": kind, "code": jar(), "main": "Nothing"}}))
    record = expect_ok(await ow.invoke(name), 502)
    assert record["response"]["status"] == "action developer error"


@pytest.mark.parametrize("form", ["text", "zip"])
async def test_an_executable(ow: Workspace, kinds: Kinds, form: str) -> None:
    script = source("native/all.sh")
    code = script if form == "text" else zipped({"exec": script}, frozenset({"exec"}))
    name = ow.name("native")
    parameters = [{"key": "TEXT", "value": "init", "init": True}]
    expect_ok(
        await ow.put("actions", name, {"exec": {**await kinds.skeleton(), "code": code}, "parameters": parameters})
    )
    record = expect_ok(await ow.invoke(name, {"a": {"b": "ä"}}))
    assert record["response"]["result"] == {"greeting": "Hello native", "got": {"a": {"b": "ä"}}}
    assert key_values(record["annotations"])["kind"] == "blackbox"
    lines = [line.split(" ", 1)[1].strip() for line in await ow.log_lines(record["activationId"], 2)]
    assert sorted(lines) == ["stderr: err said", "stdout: out said"]
    assert await ow.result(name, {"env": 1}) == {"value": "init"}
    assert await ow.result(name, {"list": 1}) == [1, 2, "native"]
    failed = expect_ok(await ow.invoke(name, {"fail": 1}), 502)
    assert failed["response"]["success"] is False
    assert (await ow.result(name))["greeting"] == "Hello native", "the next call is fine"


async def test_an_executable_in_base64(ow: Workspace, kinds: Kinds) -> None:
    code = base64.b64encode(
        source("native/all.sh").encode() + b"\n" * (-len(source("native/all.sh").encode()) % 3)
    ).decode()
    assert (await result_of(ow, {**await kinds.skeleton(), "code": code}))["greeting"] == "Hello native"


async def test_concurrent_calls_in_one_sandbox(ow: Workspace, node: str) -> None:
    """Where the service allows it, `limits.concurrency` lets calls overlap in one sandbox."""
    limits = expect_ok(await ow.call("GET", "/api/v1/namespaces/_/limits"))
    if limits["maxActionConcurrency"] < 4:
        pytest.skip(f"maxActionConcurrency is {limits['maxActionConcurrency']}")
    code = """let busy = 0, most = 0
    function main() {
      most = Math.max(most, ++busy)
      return new Promise(r => setTimeout(() => { busy--; r({most}) }, 300)) }"""
    name = await ow.action(code, kind=node, limits={"concurrency": 4})
    await ow.result(name)
    answers = await asyncio.gather(*(ow.result(name) for _ in range(4)))
    assert max(each["most"] for each in answers) > 1
