"""A jar becomes a function library, and the library does in its isolates what HotSpot does, or says why not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from argo_proxy.builder import java_function
from argo_proxy.builder.errors import UserCodeError
from argo_proxy.builder.sources import niuk_runtime
from argo_proxy.builder.workshop import Workshop

from . import library as abi
from .conftest import made
from .library import Isolate, Library

pytestmark = pytest.mark.integration

HEAP = 64 << 20
MISCHIEF = niuk_runtime() / "adapter/tests/fixtures/Mischief.java"


@pytest.fixture(scope="module")
def mischief(jar: Callable[..., Path]) -> Path:
    return jar(MISCHIEF, files={"data.txt": "resource of the jar"})


@pytest.fixture(scope="module")
def functions(workshop: Workshop, mischief: Path) -> Library:
    return Library(made(java_function.build(workshop, mischief, "Mischief")))


@pytest.fixture
def isolate(functions: Library) -> Iterator[Isolate]:
    one = functions.isolate()
    assert one.init(name="mischief", env={"ME": "me"}, heap=HEAP).status == abi.OK
    yield one
    one.cancel(0)
    assert one.tear_down() == 0


def test_it_tells_what_it_is(isolate: Isolate) -> None:
    assert isolate.version() == 1
    assert isolate.describe().reply["kind"] == "java"
    assert isolate.describe().reply["main"] == "Mischief#main"


def test_it_greets_and_keeps_its_state_between_runs(isolate: Isolate) -> None:
    assert isolate.run({"name": "Zoë 🚀"}).reply == {"greeting": "Hello Zoë 🚀!", "calls": 1}
    assert isolate.run({}).reply == {"greeting": "Hello stranger!", "calls": 2}


def test_isolates_share_nothing(functions: Library, isolate: Isolate) -> None:
    isolate.run({})
    other = functions.isolate()
    other.init(name="other")
    assert other.run({}).reply["calls"] == 1
    assert other.tear_down() == 0


def test_output_comes_with_its_invocation_and_stream(isolate: Isolate) -> None:
    isolate.run({}, invocation=7)
    isolate.run({}, invocation=8)
    assert isolate.text(1, 7) == "out 1\n"
    assert isolate.text(1, 8) == "out 2\n"
    assert isolate.text(2, 8) == "err"


def test_an_exception_is_the_developers_error_with_its_trace_in_the_log(isolate: Isolate) -> None:
    answer = isolate.run({"mode": "throw"}, invocation=5)
    words = (
        "An error has occured while invoking the action (see logs for details): java.lang.IllegalStateException: boom"
    )
    assert (answer.status, answer.reply) == (abi.DEVELOPER_ERROR, {"error": words})
    assert "at Mischief.perform" in isolate.text(2, 5)
    assert isolate.run({}).status == abi.OK


@pytest.mark.parametrize(("mode", "code"), [("exit", 3), ("halt", 4)])
def test_ending_the_process_ends_the_invocation(isolate: Isolate, mode: str, code: int) -> None:
    answer = isolate.run({"mode": mode})
    assert (answer.status, answer.reply["exit"]) == (abi.EXITED, code)


def test_recursion_without_end_is_an_error_and_the_isolate_lives_on(isolate: Isolate) -> None:
    answer = isolate.run({"mode": "recurse"})
    assert answer.status == abi.DEVELOPER_ERROR
    assert "java.lang.StackOverflowError" in answer.reply["error"]
    assert isolate.run({}).status == abi.OK


@pytest.mark.parametrize(
    "params", [{"mode": "array", "bytes": 1 << 30}, {"mode": "arrays"}, {"mode": "small"}], ids=str
)
def test_the_heap_limit_holds(isolate: Isolate, params: dict[str, object]) -> None:
    answer = isolate.run(params)
    assert (answer.status, answer.reply) == (abi.OUT_OF_MEMORY, {"error": "The action ran out of memory."})
    assert isolate.memory()["peak"] < 2.5 * HEAP


def test_garbage_beyond_the_limit_is_collected(isolate: Isolate) -> None:
    assert isolate.run({"mode": "garbage", "times": 100}).reply["bytes"] == 100 * (4 << 20)
    assert isolate.memory()["collections"] > 0


def test_memory_of_large_arrays_is_used_again_and_as_new(isolate: Isolate) -> None:
    assert isolate.run({"mode": "again", "times": 1000}).reply["dirty"] == 0


def test_what_was_collected_goes_back_to_the_system(isolate: Isolate) -> None:
    isolate.run({"mode": "again", "times": 100})
    assert isolate.collect() == 0
    assert isolate.memory()["committed"] < 8 << 20
    assert isolate.run({}).status == abi.OK


def test_a_compiled_function_is_alone_in_its_isolate(isolate: Isolate) -> None:
    assert isolate.place(1) == 1
    assert isolate.run({}).status == abi.OK


@pytest.mark.parametrize("mode", ["loop", "stubborn", "sleep"])
def test_a_running_invocation_can_be_cancelled(isolate: Isolate, mode: str) -> None:
    canceller = threading.Thread(target=_cancel_when_running, args=(isolate, 9))
    canceller.start()
    answer = isolate.run({"mode": mode}, invocation=9)
    canceller.join(10)
    assert (answer.status, answer.reply) == (abi.CANCELLED, {"error": "The invocation was cancelled."})


def _cancel_when_running(isolate: Isolate, invocation: int) -> None:
    deadline = time.monotonic() + 10
    while isolate.cancel(invocation) != 0 and time.monotonic() < deadline:
        pass


def test_cancelling_what_does_not_run_says_so(isolate: Isolate) -> None:
    assert isolate.cancel(12) == 1


def test_a_thread_left_behind_is_counted_and_ends_with_the_isolate(isolate: Isolate) -> None:
    before = isolate.memory()["threads"]
    assert isolate.run({"mode": "thread"}).status == abi.OK
    assert isolate.memory()["threads"] == before + 1


def test_the_environment_is_the_functions_own(isolate: Isolate) -> None:
    answer = isolate.run({"mode": "env"}, environment={"__OW_ACTIVATION_ID": "abc"})
    assert answer.reply["env"] == "me/null/abc"
    assert isolate.run({"mode": "env"}).reply["env"] == "me/null/null"


def test_resources_of_the_jar_are_there(isolate: Isolate) -> None:
    assert isolate.run({"mode": "resource", "path": "/data.txt"}).reply["text"] == "resource of the jar"
    assert isolate.run({"mode": "resource", "path": "/none"}).reply["text"] == "none"


def test_a_class_that_no_runtime_has_is_the_functions_own_error(isolate: Isolate) -> None:
    answer = isolate.run({"mode": "forName", "class": "no.Such"})
    assert answer.status == abi.DEVELOPER_ERROR
    assert isolate.run({"mode": "quiet", "class": "no.Such"}).reply["found"] == "none"


@pytest.mark.parametrize(
    ("params", "kind", "name"),
    [
        ({"mode": "forName", "class": "Mischief$Hidden"}, "class", "Mischief$Hidden"),
        ({"mode": "quiet", "class": "javax.swing.JFrame"}, "class", "javax.swing.JFrame"),
        ({"mode": "reflect"}, "method", "Mischief$Hidden#getDeclaredFields"),
        ({"mode": "proxy", "class": "callable"}, "proxy", "java.util.concurrent.Callable,java.lang.Comparable"),
    ],
)
def test_what_only_the_closed_world_lacks_is_named(
    isolate: Isolate, params: dict[str, str], kind: str, name: str
) -> None:
    answer = isolate.run(params)
    assert answer.status == abi.MISSING
    assert {"kind": kind, "name": name} in answer.reply["missing"]
    assert isolate.run({}).status == abi.OK


def test_another_action_can_be_called(isolate: Isolate) -> None:
    answer = isolate.run({"mode": "invoke", "action": "pkg/next"})
    assert answer.reply["answer"]["from"] == "pkg/next"
    assert isolate.invoked == [("pkg/next", {"mode": "invoke", "action": "pkg/next"})]
    failed = isolate.run({"mode": "invoke", "action": "failing"})
    assert failed.status == abi.DEVELOPER_ERROR
    assert "it failed" in failed.reply["error"]


def test_the_hosts_own_mistakes_are_told(functions: Library) -> None:
    one = functions.isolate()
    assert one.run({}).status == abi.BAD_REQUEST
    assert one.init(name="x").status == abi.OK
    assert one.init(name="x").status == abi.BAD_REQUEST
    assert one.run(b"{cut", environment=None).status == abi.DEVELOPER_ERROR
    assert one.tear_down() == 0


def test_building_again_finds_what_is_built(workshop: Workshop, mischief: Path) -> None:
    first = made(java_function.build(workshop, mischief, "Mischief"))
    assert made(java_function.build(workshop, mischief, "Mischief#main")) == first


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ("Absent", "java.lang.ClassNotFoundException: Absent"),
        ("Mischief#notJson", "java.lang.NoSuchMethodException: notJson"),
    ],
)
def test_a_jar_without_the_main_is_the_developers_fault(
    workshop: Workshop, mischief: Path, main: str, words: str
) -> None:
    before = set(workshop.cache.root.glob("java-function-*[!k]"))
    with pytest.raises(UserCodeError) as caught:
        made(java_function.build(workshop, mischief, main))
    assert words in caught.value.reason
    assert set(workshop.cache.root.glob("java-function-*[!k]")) <= before
