"""The engine gives Node's answers, byte for byte, and keeps a function that misbehaves in its isolate."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from argo_proxy.builder import javascript_engine
from argo_proxy.builder.javascript_checker import check_source
from argo_proxy.builder.sources import niuk_runtime
from argo_proxy.builder.workshop import Workshop

from . import library as abi
from .conftest import made
from .library import Answer, Isolate, Library

pytestmark = pytest.mark.integration

HEAP = 256 << 20
CORPUS = niuk_runtime() / "engine/tests/corpus"
FEWEST_PAIRS = 300


@pytest.fixture(scope="module")
def engine(workshop: Workshop) -> Library:
    return Library(made(javascript_engine.build(workshop)))


@pytest.fixture(scope="module")
def corpus() -> list[dict[str, Any]]:
    if shutil.which("node") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Node.js is not installed")
        pytest.skip("Node.js is not installed: there is nothing to compare with")
    environment = {**os.environ, "TZ": "UTC"}
    done = subprocess.run(
        ["node", str(CORPUS / "list.js")], capture_output=True, env=environment, timeout=120, check=True
    )
    pairs: list[dict[str, Any]] = json.loads(done.stdout)
    return pairs


@pytest.fixture
def isolate(engine: Library) -> Iterator[Isolate]:
    one = engine.isolate()
    yield one
    assert one.tear_down() == 0


def run(isolate: Isolate, code: str, params: dict[str, Any] | None = None, **request: Any) -> Answer:
    """init and one run; init's answer where it fails."""
    loaded = isolate.init(code.encode(), name="f", heap=HEAP, **request)
    return loaded if loaded.status != abi.OK else isolate.run(params or {})


def test_the_corpus_has_the_same_bytes_as_under_node(engine: Library, corpus: list[dict[str, Any]]) -> None:
    assert len(corpus) >= FEWEST_PAIRS
    different = []
    for pair in corpus:
        assert check_source(pair["code"]) == [], pair["name"]
        one = engine.isolate()
        answer = one.init(pair["code"].encode(), name="f", heap=HEAP)
        if answer.status == abi.OK:
            answer = one.run(pair["params"].encode())
        expected = abi.OK if pair["status"] == 200 else abi.DEVELOPER_ERROR
        if (answer.status, answer.raw) != (expected, pair["body"].encode()):
            different.append((pair["name"], pair["params"], pair["body"][:300], answer.raw[:300]))
        assert one.tear_down() == 0
    assert different == []


def test_it_tells_what_it_is(isolate: Isolate) -> None:
    assert isolate.version() == 1
    assert isolate.describe().reply["kind"] == "javascript"


def test_output_and_environment_belong_to_the_invocation(isolate: Isolate) -> None:
    code = "function main(p) { console.log('n', p, [1]); console.error('bad'); return { e: process.env.__OW_X, k: process.env.K } }"
    isolate.init(code.encode(), name="f", env={"K": "v"})
    answer = isolate.run({"a": 1}, invocation=3, environment={"__OW_X": "x"})
    assert answer.reply == {"e": "x", "k": "v"}
    assert isolate.text(1, 3) == "n { a: 1 } [ 1 ]\n"
    assert isolate.text(2, 3) == "bad\n"


def test_modules_of_a_zip_are_loaded_from_memory(isolate: Isolate) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("package.json", '{"main": "lib/start.js"}')
        archive.writestr(
            "lib/start.js",
            "const dep = require('dep'); exports.main = async (p) => ({ v: dep(p.n), j: require('../d.json') });",
        )
        archive.writestr("d.json", '{"x": 1}')
        archive.writestr("node_modules/dep/index.js", "module.exports = require('./twice');")
        archive.writestr("node_modules/dep/twice.js", "module.exports = (n) => n * 2;")
    assert isolate.init(data.getvalue(), name="f", binary=True).status == abi.OK
    assert isolate.run({"n": 21}).reply == {"v": 42, "j": {"x": 1}}


@pytest.mark.parametrize("data", [b"", b"no zip", base64.b64decode("UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==")])
def test_an_archive_that_is_none_is_the_developers_error(isolate: Isolate, data: bytes) -> None:
    answer = isolate.init(data or b"\0", name="f", binary=True)
    assert answer.status == abi.DEVELOPER_ERROR
    assert answer.reply["error"].startswith("Initialization has failed due to: ")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("function main( {", "SyntaxError"),
        ("throw new Error('at load')", "at load"),
        ("function other() {}", "Action entrypoint 'main' is not a function."),
    ],
)
def test_code_that_does_not_load_is_the_developers_error(isolate: Isolate, code: str, words: str) -> None:
    answer = run(isolate, code)
    assert answer.status == abi.DEVELOPER_ERROR
    assert answer.reply["error"].startswith("Initialization has failed due to: ")
    assert words in answer.reply["error"]


@pytest.mark.parametrize(
    "code", ["for (;;) {}", "while (true) { try { for (;;); } catch {} }", "return new Promise(() => {})"]
)
def test_a_running_invocation_can_be_cancelled(isolate: Isolate, code: str) -> None:
    assert isolate.init(f"function main() {{ {code} }}".encode(), name="f").status == abi.OK
    canceller = threading.Thread(target=_cancel_when_running, args=(isolate, 4))
    canceller.start()
    answer = isolate.run({}, invocation=4)
    canceller.join(10)
    assert answer.status == abi.CANCELLED


def _cancel_when_running(isolate: Isolate, invocation: int) -> None:
    deadline = time.monotonic() + 10
    while isolate.cancel(invocation) != 0 and time.monotonic() < deadline:
        pass


@pytest.mark.parametrize(
    "code",
    [
        "const a = []; for (;;) a.push({ x: a.length })",
        "let s = 'x'; for (;;) s += s + Math.random()",
        "const a = []; for (;;) a.push(new Uint8Array(1 << 24))",
    ],
)
def test_the_heap_limit_holds(isolate: Isolate, code: str) -> None:
    answer = run(isolate, f"function main() {{ {code} }}")
    assert answer.status in (
        abi.OUT_OF_MEMORY,
        abi.DEVELOPER_ERROR,
    )  # a string too long is a RangeError first, as under Node
    assert isolate.memory()["peak"] < 2.5 * HEAP


def test_recursion_without_end_is_a_range_error(isolate: Isolate) -> None:
    code = "function f(n) { return f(n + 1) + 1 } function main() { try { f(0) } catch (e) { return { is: e instanceof RangeError, m: e.message } } }"
    assert run(isolate, code).reply == {"is": True, "m": "Maximum call stack size exceeded"}
    assert isolate.run({}).status == abi.OK


def test_ending_the_process_ends_the_invocation(isolate: Isolate) -> None:
    answer = run(isolate, "function main() { try { process.exit(7) } catch (e) { return { caught: true } } }")
    assert (answer.status, answer.reply["exit"]) == (abi.EXITED, 7)


def test_a_module_that_the_engine_lacks_is_named_even_when_the_function_goes_on(isolate: Isolate) -> None:
    answer = run(isolate, "function main() { try { require('f' + 's') } catch (e) { return { code: e.code } } }")
    assert answer.status == abi.UNSUPPORTED
    assert answer.reply["unsupported"] == [{"module": "fs", "file": "/tmp/action.js", "line": 0}]


@pytest.mark.parametrize("name", ["Java", "Polyglot", "Graal", "load", "print", "java", "Packages"])
def test_the_hosts_own_doors_are_closed(isolate: Isolate, name: str) -> None:
    assert run(isolate, f"function main() {{ return {{ type: typeof {name} }} }}").reply == {"type": "undefined"}


def test_another_action_can_be_called(isolate: Isolate) -> None:
    code = "async function main(p) { try { return await argo.invoke(p.name, { n: 1 }) } catch (e) { return { message: e.message, result: e.result } } }"
    assert run(isolate, code, {"name": "next"}).reply == {"from": "next", "params": {"n": 1}}
    assert isolate.run({"name": "failing"}).reply == {"message": "it failed", "result": {"error": "it failed"}}


def test_an_exception_in_a_timer_is_the_functions_error(isolate: Isolate) -> None:
    answer = run(
        isolate, "function main() { return new Promise(() => setTimeout(() => { throw new Error('late') }, 1)) }"
    )
    assert (answer.status, answer.reply) == (abi.DEVELOPER_ERROR, {"error": "An error has occurred: Error: late"})


def test_functions_in_places_share_nothing(isolate: Isolate) -> None:
    code = "globalThis.seen = (globalThis.seen || 0) + %d; Array.prototype.own = %d; console.log('loads %d'); function main() { return { seen: globalThis.seen++, own: [].own, k: process.env.K } }"
    for number in (1, 2):
        assert isolate.place(number) == 0
        source = code % (number * 10, number, number)
        assert isolate.init(source.encode(), name="f", heap=HEAP, env={"K": f"v{number}"}).status == abi.OK
    for turn in range(3):
        for number in (1, 2):
            assert isolate.place(number) == 0
            assert isolate.run({}).reply == {"seen": number * 10 + turn, "own": number, "k": f"v{number}"}
    assert isolate.text(1) == "loads 1\nloads 2\n"


def test_a_place_that_was_left_is_made_anew(isolate: Isolate) -> None:
    for turn in range(2):
        assert isolate.place(7) == 0
        assert isolate.init(b"let n = 0; function main() { return { n: n++ } }", name="f").status == abi.OK
        assert [isolate.run({}).reply["n"] for _ in range(2)] == [0, 1]
        assert isolate.init(b"", name="f").status == abi.BAD_REQUEST, turn
        assert isolate.leave(7) == 0
        assert isolate.leave(7) == 1
    assert isolate.place(7) == 0
    assert isolate.run({}).status == abi.BAD_REQUEST


def test_a_further_function_in_an_isolate_costs_little(isolate: Isolate) -> None:
    """A context of the engine that is there already: its code and shapes are common."""

    def load(number: int) -> None:
        assert isolate.place(number) == 0
        assert isolate.init(f"function main() {{ return {{ n: {number} }} }}".encode(), name="f").status == abi.OK
        assert isolate.run({}).reply == {"n": number}

    load(1)
    isolate.collect()
    first = isolate.memory()["committed"]
    for number in range(2, 22):
        load(number)
    isolate.collect()
    assert (isolate.memory()["committed"] - first) / 20 < 1 << 20


def test_what_was_collected_goes_back_to_the_system(isolate: Isolate) -> None:
    code = "function main() { let n = 0; for (let i = 0; i < 200; i++) n += JSON.stringify(new Array(5000).fill(i)).length; return { n } }"
    assert run(isolate, code).status == abi.OK
    before = isolate.memory()["committed"]
    assert isolate.collect() == 0
    after = isolate.memory()
    assert after["committed"] < min(before, 8 << 20)
    assert isolate.run({}).status == abi.OK
