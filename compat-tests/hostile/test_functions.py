"""Functions that behave badly: a clear error, a fresh sandbox for the next call, and no one else harmed."""

import asyncio
from typing import Any

import pytest
from blackbox.answer import expect_ok
from blackbox.runtimes import Kinds
from blackbox.workspace import Workspace, eventually

pytestmark = pytest.mark.usefixtures("untouched")

MB = 1024 * 1024
GONE = "The action did not produce a valid response and exited unexpectedly."
NO_MEMORY = "The action exhausted its memory and was aborted."


def late(milliseconds: int) -> str:
    return f"The action exceeded its time limits of {milliseconds} milliseconds."


def node_code(bad: str) -> str:
    """A function that does `bad` when asked to, and else answers its state."""
    return f"""const fs = require('fs'), child = require('child_process')
    let calls = 0
    function main(args) {{ calls++; if (args.bad) {{ {bad} }} return {{calls}} }}"""


async def misbehave(ow: Workspace, code: str, kind: str = "nodejs:default", **fields: Any) -> tuple[str, Any]:
    """The action's name, and the `response` of the first call, in which it misbehaved."""
    name = await ow.action(code, kind=kind, **fields)
    answer = await ow.invoke(name, {"bad": 1})
    assert answer.status in {200, 502}, answer
    return name, answer.json["response"]


def expect_developer_error(response: Any, *texts: str) -> None:
    assert response["status"] == "action developer error", response
    assert response["success"] is False
    error = response["result"]["error"]
    assert isinstance(error, str)
    assert not texts or error in texts, error


async def expect_a_fresh_one(ow: Workspace, name: str) -> None:
    """The next call answers from the beginning: the sandbox was replaced."""
    assert await ow.result(name) == {"calls": 1}
    await expect_kept(ow, name)


async def expect_kept(ow: Workspace, name: str) -> None:
    """A sandbox serves again. Not always the next call: one whose logs are still being read is not free yet."""
    answers = [await ow.result(name)]
    while answers[-1]["calls"] == 1 and len(answers) < 10:
        answers.append(await ow.result(name))
    assert answers[-1] == {"calls": 2}, answers


async def expect_stopped_or_immune(ow: Workspace, name: str, response: Any, text: str) -> None:
    """A function that is process 1 of its sandbox cannot kill or stop itself: it has gone on."""
    if response["success"]:
        assert response["result"] == {"calls": 1}
        await expect_kept(ow, name)
    else:
        expect_developer_error(response, text)
        await expect_a_fresh_one(ow, name)


async def test_ending_the_process(ow: Workspace) -> None:
    name, response = await misbehave(ow, node_code("process.exit(0)"))
    expect_developer_error(response, GONE)
    await expect_a_fresh_one(ow, name)


async def test_killing_itself(ow: Workspace) -> None:
    name, response = await misbehave(ow, node_code("process.kill(process.pid, 'SIGKILL')"))
    await expect_stopped_or_immune(ow, name, response, GONE)


async def test_aborting(ow: Workspace) -> None:
    name, response = await misbehave(ow, node_code("process.abort()"))
    expect_developer_error(response, GONE)
    await expect_a_fresh_one(ow, name)


async def test_stopping_itself(ow: Workspace) -> None:
    patience = await ow.patience()
    name, response = await misbehave(
        ow, node_code("process.kill(process.pid, 'SIGSTOP')"), limits={"timeout": patience}
    )
    await expect_stopped_or_immune(ow, name, response, late(patience))


async def test_an_endless_loop_that_ignores_signals(ow: Workspace) -> None:
    bad = "process.on('SIGTERM', () => {}); process.on('SIGINT', () => {}); for (;;) {}"
    patience = await ow.patience()
    name, response = await misbehave(ow, node_code(bad), limits={"timeout": patience})
    expect_developer_error(response, late(patience))
    await expect_a_fresh_one(ow, name)


async def test_a_child_that_ignores_signals(ow: Workspace) -> None:
    bad = """const deaf = 'trap "" TERM INT HUP; while :; do sleep 1; done'
      child.spawn('sh', ['-c', deaf], {detached: true, stdio: 'inherit'})
      return new Promise(() => {})"""
    patience = await ow.patience()
    name, response = await misbehave(ow, node_code(bad), limits={"timeout": patience})
    expect_developer_error(response, late(patience))
    await expect_a_fresh_one(ow, name)


async def test_a_child_that_holds_the_streams(ow: Workspace) -> None:
    """The call has ended; its record does not wait for the child's output to end."""
    bad = "child.spawn('sleep', ['30'], {detached: true, stdio: 'inherit'}).unref(); console.log('said')"
    name, response = await misbehave(ow, node_code(bad))
    assert response["result"] == {"calls": 1}
    (record, *_) = await ow.activations_of(name, 1, 15)
    assert record["response"]["success"] is True


async def test_very_many_processes(ow: Workspace) -> None:
    """The number of processes is limited: two thousand are not to be had."""
    bad = """let started = 0, refused = 0
      for (let i = 0; i < 2000; i++) {
        try {
          const c = child.spawn('sleep', ['20'], {stdio: 'ignore'})
          c.on('error', () => refused++)
          c.pid ? started++ : refused++
        } catch (e) { refused++ }
        if (refused > 20) break
      }
      return new Promise(r => setTimeout(() => r({started, refused}), 200))"""
    name, response = await misbehave(ow, node_code(bad), limits={"timeout": 30_000})
    if response["success"]:
        assert response["result"]["started"] < 2000, response["result"]
    else:
        assert isinstance(response["result"]["error"], str)
    assert "calls" in await ow.result(name)


async def test_filling_the_disk(ow: Workspace) -> None:
    bad = """const block = Buffer.alloc(16 * 1024 * 1024, 1)
      let written = 0
      try { for (; written < 96; written++) fs.appendFileSync('/tmp/full', block) }
      catch (e) { return {written, code: e.code} }
      return {written}"""
    name, response = await misbehave(ow, node_code(bad), limits={"timeout": 60_000})
    if response["success"]:
        assert response["result"]["written"] < 96, "1.5 GB were written"
    assert "calls" in await ow.result(name)


async def test_a_hundred_megabytes_of_logs(ow: Workspace) -> None:
    bad = "const line = 'x'.repeat(1023) + '\\n'; for (let i = 0; i < 100 * 1024; i++) fs.writeSync(i % 2 + 1, line)"
    name = await ow.action(node_code(bad), limits={"timeout": 60_000, "logs": 1})
    answer = await ow.invoke(name, {"bad": 1})
    assert answer.status in {200, 502}, answer
    lines = await ow.log_lines(answer.json["activationId"])
    text = "Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes."
    assert any(text in line for line in lines[-3:]), lines[-3:]
    assert sum(len(line) for line in lines) < 1.5 * MB
    assert "calls" in await ow.result(name)


async def test_one_endless_line_of_logs(ow: Workspace) -> None:
    bad = "for (let i = 0; i < 256; i++) fs.writeSync(1, 'y'.repeat(65536))"
    name, response = await misbehave(ow, node_code(bad), limits={"logs": 1})
    assert response["result"] == {"calls": 1}
    (record, *_) = await ow.activations_of(name)
    assert sum(len(line) for line in record["logs"]) < 1.5 * MB
    await expect_kept(ow, name)


async def test_forged_sentinels(ow: Workspace) -> None:
    """Lines like those that end an activation's log do not mix the logs of two."""
    bad = "console.log('before'); console.log('XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX'); console.log('after')"
    name, response = await misbehave(ow, node_code(bad + "; console.error('also')"))
    assert response["result"] == {"calls": 1}
    second = expect_ok(await ow.invoke(name, {}))
    record = await ow.activation(second["activationId"])
    assert not any("before" in line or "after" in line for line in record["logs"]), record["logs"]


async def test_logs_that_are_no_text(ow: Workspace) -> None:
    bad = "fs.writeSync(1, Buffer.from([0xff, 0xfe, 0x00, 0x0a])); console.log('\\u001b[31mred\\u0007')"
    name, response = await misbehave(ow, node_code(bad))
    assert response["result"] == {"calls": 1}
    (record, *_) = await ow.activations_of(name)
    assert expect_ok(await ow.get("activations", f"{record['activationId']}/logs"))


async def test_closing_the_streams(ow: Workspace) -> None:
    name, response = await misbehave(ow, node_code("fs.closeSync(1); fs.closeSync(2)"))
    assert response["success"] or isinstance(response["result"]["error"], str)
    assert "calls" in await ow.result(name)


async def test_meddling_with_all_descriptors(ow: Workspace) -> None:
    bad = "for (let fd = 0; fd < 64; fd++) { try { fs.writeSync(fd, 'garbage\\n') } catch (e) {} }"
    name, response = await misbehave(ow, node_code(bad), limits={"timeout": 3000})
    assert response["success"] or isinstance(response["result"]["error"], str)
    assert "calls" in await ow.result(name)


async def test_too_much_memory(ow: Workspace) -> None:
    bad = "const kept = []; for (let i = 0; i < 64; i++) kept.push(Buffer.alloc(32 * 1024 * 1024, 1)); return {kept}"
    name, response = await misbehave(ow, node_code(bad), limits={"memory": 128})
    expect_developer_error(response, NO_MEMORY)
    await expect_a_fresh_one(ow, name)


async def test_too_much_memory_in_python(ow: Workspace, kinds: Kinds) -> None:
    kind = await kinds.ready("python:default")
    code = """calls = 0
def main(args):
    global calls
    calls += 1
    if "bad" in args:
        kept = []
        for _ in range(64):
            kept.append(bytearray(b"x" * (32 << 20)))
    return {"calls": calls}
"""
    name, response = await misbehave(ow, code, kind=kind, limits={"memory": 128})
    expect_developer_error(response, NO_MEMORY)
    await expect_a_fresh_one(ow, name)


@pytest.mark.parametrize(
    "bad",
    [
        "const o = {}; o.o = o; return o",
        "return {n: 1n}",
        "return {toJSON() { throw new Error('no') }}",
        "return new Proxy({}, {ownKeys() { throw new Error('no') }})",
        "return () => 1",
        "return Symbol('x')",
        "let o = {}; for (let i = 0; i < 200000; i++) o = {o}; return o",
    ],
)
async def test_results_that_are_none(ow: Workspace, bad: str) -> None:
    name, response = await misbehave(ow, node_code(bad))
    assert response["success"] or isinstance(response["result"]["error"], str)
    assert "calls" in await ow.result(name)


async def test_a_huge_result(ow: Workspace) -> None:
    name, response = await misbehave(
        ow, node_code("return {big: 'z'.repeat(100 * 1024 * 1024)}"), limits={"memory": 512}
    )
    assert response["success"] is False
    assert len(response["result"]["error"]) < 1.2 * MB
    assert "calls" in await ow.result(name)


async def test_dying_after_the_answer(ow: Workspace) -> None:
    """A sandbox that dies while idle is replaced unseen."""
    name, response = await misbehave(ow, node_code("setTimeout(() => process.exit(1), 50)"))
    assert response["result"] == {"calls": 1}
    await asyncio.sleep(0.5)
    assert await ow.result(name) == {"calls": 1}


async def test_an_error_after_the_answer(ow: Workspace) -> None:
    bad = "setTimeout(() => { throw new Error('late') }, 20); Promise.reject(new Error('unhandled'))"
    name, response = await misbehave(ow, node_code(bad))
    assert response["success"] or isinstance(response["result"]["error"], str)
    await asyncio.sleep(0.3)
    assert "calls" in await ow.result(name)


@pytest.mark.parametrize("bad", ["import os; os._exit(1)", "import sys; sys.exit(1)", "import os; os.abort()"])
async def test_python_that_ends(ow: Workspace, kinds: Kinds, bad: str) -> None:
    kind = await kinds.ready("python:default")
    code = f"def main(args):\n    if 'bad' in args:\n        {bad}\n    return {{'ok': True}}\n"
    name, response = await misbehave(ow, code, kind=kind)
    assert response["success"] is False
    assert isinstance(response["result"]["error"], str)
    assert await ow.result(name) == {"ok": True}


async def test_python_in_an_endless_loop(ow: Workspace, kinds: Kinds) -> None:
    kind = await kinds.ready("python:default")
    code = """import signal
def main(args):
    if "bad" in args:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            pass
    return {"ok": True}
"""
    patience = await ow.patience()
    name, response = await misbehave(ow, code, kind=kind, limits={"timeout": patience})
    expect_developer_error(response, late(patience))
    assert await ow.result(name) == {"ok": True}


async def test_initialisation_that_never_ends_and_then_does(ow: Workspace) -> None:
    name = await ow.action("for (;;) {}", limits={"timeout": 500})
    response = expect_ok(await ow.invoke(name), 502)["response"]
    expect_developer_error(response, "The action exceeded its time limits of 500 milliseconds during initialization.")
    expect_ok(
        await ow.put(
            "actions", name, {"exec": {"kind": "nodejs:default", "code": "function main() {}"}}, overwrite=True
        )
    )
    assert await ow.result(name) == {}


async def test_dying_during_initialisation(ow: Workspace) -> None:
    name = await ow.action("process.exit(1)")
    response = expect_ok(await ow.invoke(name), 502)["response"]
    expect_developer_error(response)
    error = response["result"]["error"]
    assert error.startswith(("The action did not initialize", "The action failed during initialization")), error


async def test_many_different_functions_at_once(ow: Workspace) -> None:
    """More than fit at once: they queue, and each is answered."""
    names = await asyncio.gather(*(ow.action(f"function main() {{ return {{n: {n}}} }}") for n in range(24)))
    assert await asyncio.gather(*(ow.result(name) for name in names)) == [{"n": n} for n in range(24)]


async def test_calling_itself(ow: Workspace) -> None:
    """An action may invoke through the API it is served by, with the key it asked for."""
    code = """function main(args) {
      if (!args.deep) return {bottom: true}
      const e = process.env
      const host = e.__OW_API_HOST.includes('://') ? e.__OW_API_HOST : 'https://' + e.__OW_API_HOST
      const action = e.__OW_ACTION_NAME.split('/').pop()
      const url = host.replace(/\\/$/, '') + `/api/v1/namespaces/_/actions/${action}?blocking=true&result=true`
      const options = {method: 'POST', auth: e.__OW_API_KEY, rejectUnauthorized: false,
        headers: {'Content-Type': 'application/json'}}
      return new Promise((resolve, reject) => {
        const request = require(host.split(':')[0]).request(url, options, answer => {
          let text = ''
          answer.on('data', data => { text += data })
          answer.on('end', () => resolve(JSON.parse(text)))
        })
        request.on('error', reject)
        request.end(JSON.stringify({deep: args.deep - 1}))
      })
    }"""
    annotations = [{"key": "provide-api-key", "value": True}]
    name = await ow.action(code, annotations=annotations)
    assert await ow.result(name, {"deep": 2}) == {"bottom": True}


async def test_other_calls_of_the_same_action_go_on(ow: Workspace) -> None:
    """One call that hangs does not hold up those beside it."""
    patience = await ow.patience() + 2000
    name = await ow.action(node_code("for (;;) {}"), limits={"timeout": patience})
    await ow.result(name)
    hanging = asyncio.create_task(ow.invoke(name, {"bad": 1}))

    async def answered() -> bool:
        return (await ow.invoke(name, {}, timeout=patience - 1000)).status == 200

    await eventually(answered, "a call beside the one that hangs", 10)
    response = expect_ok(await hanging, 502)["response"]
    expect_developer_error(response, late(patience))
