"""What one language does in its own way."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from argo_proxy.runtimes import default_tools_directory, load_catalogue

from .languages import BINARY, GO, JAVA, NODEJS, PYTHON, jar_of, zipped
from .launched import SENTINEL, Launched, Reply

pytestmark = pytest.mark.integration

Launch = Callable[..., Launched]


class TestNodejs:
    @pytest.fixture
    def sandbox(self, launch: Launch) -> Launched:
        sandbox = launch("nodejs:20")
        assert sandbox.init(NODEJS, "main").status == 200
        return sandbox

    def test_a_rejected_promise_is_an_application_error(self, sandbox: Launched) -> None:
        reply = sandbox.run({"do": "reject"})
        assert reply.status == 200
        error = reply.json["error"]
        assert (error["name"], error["message"]) == ("TypeError", "no")
        assert error["stack"].startswith("TypeError: no\n")

    @pytest.mark.parametrize(
        ("do", "answer"),
        [
            ("reject_nothing", {"error": {}}),
            ("reject_text", {"error": "plain text"}),
            ("reject_object", {"error": {"code": 7}}),
            ("nothing", {}),
            ("async", {"later": True}),
        ],
    )
    def test_what_a_promise_gives(self, sandbox: Launched, do: str, answer: Any) -> None:
        reply = sandbox.run({"do": do})
        assert (reply.status, reply.json) == (200, answer)

    def test_an_async_function_that_throws_rejects(self, sandbox: Launched) -> None:
        reply = sandbox.run({"do": "async_fail"})
        assert (reply.status, reply.json["error"]["message"]) == (200, "in async")

    @pytest.mark.parametrize("do", ["null", "circular", "bigint"])
    def test_what_is_no_json_object_is_an_error(self, sandbox: Launched, do: str) -> None:
        reply = sandbox.run({"do": do})
        assert reply.status == 502
        assert "error" in reply.json
        assert sandbox.run({"a": 1}).json == {"a": 1}

    def test_a_rejection_that_nobody_handles_is_logged_and_survived(self, sandbox: Launched) -> None:
        assert sandbox.run({"do": "late_rejection"}).json == {"ok": True}
        assert sandbox.run({"a": 1}).json == {"a": 1}
        assert "Unhandled rejection: Error: too late" in sandbox.printed()[1]

    def test_an_exception_outside_of_any_promise_ends_the_process_with_an_answer(self, sandbox: Launched) -> None:
        reply = sandbox.run({"do": "late_throw"})
        assert (reply.status, reply.json) == (502, {"error": "An error has occurred: Error: too late"})
        assert sandbox.wait() == 1
        out, err = sandbox.printed()
        assert "Uncaught exception: Error: too late" in err
        assert out.splitlines()[-1] == err.splitlines()[-1] == SENTINEL

    @pytest.mark.parametrize(
        ("code", "main"),
        [
            ("const main = async (a) => ({ got: a.a });", "main"),
            ("exports.main = (a) => ({ got: a.a });", "main"),
            ("const handlers = { hello: (a) => ({ got: a.a }) };", "handlers.hello"),
            ("module.exports = { hello: (a) => ({ got: a.a }) };", "hello"),
            ("export function main(a) { return { got: a.a }; }", "main"),
            ("import path from 'node:path'; export default { main: (a) => ({ got: a.a }) };", "main"),
            ("function main(a) { return { got: a.a } } // the last line is a comment", "main"),
        ],
    )
    def test_ways_to_define_the_handler(self, launch: Launch, code: str, main: str) -> None:
        sandbox = launch("nodejs:20")
        reply = sandbox.init(code, main)
        assert reply.status == 200, reply.body
        assert sandbox.run({"a": 1}).json == {"got": 1}

    @pytest.mark.parametrize(
        ("files", "main"),
        [
            ({"index.js": "exports.main = (a) => ({ got: a.a });"}, "main"),
            ({"package.json": '{"main":"x.js"}', "x.js": "exports.hello = (a) => ({ got: a.a });"}, "hello"),
            ({"package.json": '{"type":"module"}', "index.js": "export const main = (a) => ({ got: a.a });"}, "main"),
            ({"lib/deep.js": "exports.go = (a) => ({ got: a.a });", "package.json": "{}"}, "lib/deep.go"),
            (
                {
                    "index.js": "exports.main = require('dep');",
                    "node_modules/dep/index.js": "module.exports = (a) => ({ got: a.a });",
                },
                "main",
            ),
        ],
    )
    def test_ways_to_lay_out_an_archive(self, launch: Launch, files: dict[str, str], main: str) -> None:
        sandbox = launch("nodejs:20")
        reply = sandbox.init(zipped(files), main, binary=True)
        assert reply.status == 200, reply.body
        assert sandbox.run({"a": 1}).json == {"got": 1}

    def test_an_archive_needs_an_entry(self, launch: Launch) -> None:
        reply = launch("nodejs:20").init(zipped({"a.js": ""}), "main", binary=True)
        text = "Zipped actions must contain either package.json or index.js at the root."
        assert reply.json == {"error": f"Initialization has failed due to: {text}"}

    def test_a_handler_must_be_a_function(self, launch: Launch) -> None:
        reply = launch("nodejs:20").init("const main = 5;", "main")
        assert reply.json == {"error": "Initialization has failed due to: Action entrypoint 'main' is not a function."}

    def test_a_source_action_may_require_the_openwhisk_client(self, launch: Launch) -> None:
        sandbox = launch("nodejs:20")
        code = "const openwhisk = require('openwhisk'); function main() { return { type: typeof openwhisk }; }"
        assert sandbox.init(code, "main").status == 200
        assert sandbox.run({}).json == {"type": "function"}

    @pytest.mark.parametrize("kind", ["nodejs:18", "nodejs:22"])
    def test_other_versions_run_the_same_launcher(self, launch: Launch, kind: str) -> None:
        sandbox = launch(kind)
        assert sandbox.init("function main() { return { version: process.version }; }", "main").status == 200
        assert sandbox.run({}).json["version"].startswith(f"v{kind.partition(':')[2]}.")


class TestPython:
    def test_coroutines_share_one_event_loop(self, launch: Launch) -> None:
        sandbox = launch("python:3.11")
        code = (
            "import asyncio\nloops = []\nasync def main(args):\n    loops.append(asyncio.get_running_loop())\n"
            "    await asyncio.sleep(0)\n    return {'loops': len(set(map(id, loops))), 'runs': len(loops)}\n"
        )
        assert sandbox.init(code, "main").status == 200
        assert [sandbox.run({}).json for _ in range(2)] == [{"loops": 1, "runs": 1}, {"loops": 1, "runs": 2}]

    def test_overlapping_coroutines_meet(self, launch: Launch) -> None:
        sandbox = launch("python:3.11", ARGO_CONCURRENCY="3")
        assert sandbox.init(PYTHON, "gather").status == 200
        replies: list[Reply] = []
        threads = [threading.Thread(target=lambda: replies.append(sandbox.run({"parties": 3}))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [reply.json for reply in replies] == [{"met": 3}] * 3

    def test_runs_in_the_main_thread_unless_runs_overlap(self, launch: Launch) -> None:
        sandbox = launch("python:3.11")
        code = "import signal\ndef main(args):\n    signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n    return {'set': True}\n"
        assert sandbox.init(code, "main").status == 200
        assert sandbox.run({}).json == {"set": True}

    @pytest.mark.parametrize("do", ["unprintable", "nan"])
    def test_what_is_no_json_is_an_error(self, launch: Launch, do: str) -> None:
        sandbox = launch("python:3.11")
        assert sandbox.init(PYTHON, "main").status == 200
        reply = sandbox.run({"do": do})
        assert reply.status == 502
        assert reply.json["error"].startswith("The action did not return a dictionary or array.")

    def test_a_virtualenv_in_the_archive_is_used(self, launch: Launch, tmp_path: Path) -> None:
        environment = tmp_path / "virtualenv"
        python = str(default_tools_directory() / "python-3.11/bin/python3")
        sandbox = launch("python:3.11")
        subprocess.run([python, "-m", "venv", "--without-pip", str(environment)], check=True, timeout=120)
        packages = next(environment.glob("lib/python3*/site-packages"))
        (packages / "only_here.py").write_text("VALUE = 42\n")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("__main__.py", "import only_here\ndef main(args): return {'value': only_here.VALUE}\n")
            for path in environment.rglob("*"):
                if path.is_symlink():
                    entry = zipfile.ZipInfo(str(path.relative_to(tmp_path)))
                    entry.create_system, entry.external_attr = 3, 0o120777 << 16
                    archive.writestr(entry, str(path.readlink()))
                elif path.is_file():
                    archive.write(path, path.relative_to(tmp_path))
        reply = sandbox.init(base64.b64encode(buffer.getvalue()).decode(), "main", binary=True)
        assert reply.status == 200, reply.body
        assert sandbox.run({}).json == {"value": 42}

    def test_activate_this_is_run_where_there_is_one(self, launch: Launch) -> None:
        files = {
            "virtualenv/bin/activate_this.py": "import os, sys\nsys.path.insert(0, os.path.dirname(__file__) + '/../lib')\n",
            "virtualenv/lib/only_here.py": "VALUE = 7\n",
            "__main__.py": "import only_here\ndef main(args): return {'value': only_here.VALUE}\n",
        }
        sandbox = launch("python:3.11")
        assert sandbox.init(zipped(files), "main", binary=True).status == 200
        assert sandbox.run({}).json == {"value": 7}

    def test_an_empty_virtualenv_is_explained(self, launch: Launch) -> None:
        reply = launch("python:3.11").init(zipped({"virtualenv/x": "", "__main__.py": ""}), "main", binary=True)
        assert "Invalid virtualenv" in reply.json["error"]

    def test_the_launcher_is_not_in_the_way_of_imports(self, launch: Launch) -> None:
        code = "def main(args):\n    try:\n        import launcher\n    except ImportError:\n        return {'found': False}\n"
        sandbox = launch("python:3.11")
        assert sandbox.init(code, "main").status == 200
        assert sandbox.run({}).json == {"found": False}


class TestRuby:
    def test_rubygems_comes_when_it_is_needed(self, launch: Launch) -> None:
        sandbox = launch("ruby:3.1")
        code = "def main(_) = { early: Object.autoload?(:Gem).nil?, gem: Gem::Version.new('1.2').to_s }"
        assert sandbox.init(code, "main").status == 200
        assert sandbox.run({}).json == {"early": False, "gem": "1.2"}

    def test_a_library_that_does_not_exist_is_a_load_error(self, launch: Launch) -> None:
        reply = launch("ruby:3.1").init("require 'no_such_library'", "main")
        assert "LoadError" in reply.json["error"]
        assert "no_such_library" in reply.json["error"]


class TestPhp:
    def test_a_fatal_error_still_gets_an_answer(self, launch: Launch) -> None:
        from .languages import PHP

        sandbox = launch("php:8.2")
        assert sandbox.init(PHP, "main").status == 200
        reply = sandbox.run({"do": "memory"})
        assert (reply.status, reply.json) == (502, {"error": "An error occurred running the action."})
        assert sandbox.wait() == 255
        out, err = sandbox.printed()
        assert "memory" in err
        assert out.splitlines()[-1] == err.splitlines()[-1] == SENTINEL


class TestJava:
    @pytest.fixture
    def jar(self, launch: Launch, tmp_path: Path) -> Callable[[str], str]:
        def make(source: str) -> str:
            launch("java:17")  # skips where there is none
            runtime = load_catalogue().get("java:17")
            assert runtime is not None
            return jar_of(source, runtime.tool_directory(default_tools_directory()), tmp_path)

        return make

    def test_main_may_name_a_method(self, launch: Launch, jar: Callable[[str], str]) -> None:
        sandbox = launch("java:17")
        assert sandbox.init(jar(JAVA), "Action#pair", binary=True).status == 200
        assert sandbox.run({}).json == [1, "two"]

    def test_arrays_go_to_the_method_that_takes_them(self, launch: Launch, jar: Callable[[str], str]) -> None:
        sandbox = launch("java:17")
        assert sandbox.init(jar(JAVA), "Action", binary=True).status == 200
        assert sandbox.run([1, {"a": None}]).json == [1, {"a": None}]
        assert sandbox.run({"a": 1}).json == {"a": 1}

    def test_null_is_no_result(self, launch: Launch, jar: Callable[[str], str]) -> None:
        sandbox = launch("java:17")
        assert sandbox.init(jar(JAVA), "Action", binary=True).status == 200
        reply = sandbox.run({"do": "scalar"})
        assert reply.status == 502
        assert "The action returned null" in reply.json["error"]

    def test_a_class_without_the_signature_is_explained(self, launch: Launch, jar: Callable[[str], str]) -> None:
        code = jar("public class Action { public static String main(String x) { return x; } }")
        reply = launch("java:17").init(code, "Action", binary=True)
        assert "public static JsonObject main(JsonObject)" in reply.json["error"]

    @pytest.mark.parametrize("told", [0, 128])
    def test_a_heap_made_before_the_limit_was_known_keeps_to_it(
        self, launch: Launch, jar: Callable[[str], str], told: int
    ) -> None:
        """Much that lives for a while: in the end only what the heap is allowed to hold bounds it."""
        code = jar(CHURN)
        sandbox = launch("java:17", ARGO_MEMORY_MB="512", ARGO_MEMORY_LATER="1")
        if told:
            beside(sandbox).write_text(f"{told}\n")
        assert sandbox.init(code, "Action", binary=True).status == 200
        found = sandbox.run({"megabytes": 3000, "kept": 36}).json
        assert found["kept"] == 36
        assert (found["peak_mb"] < 128) is bool(told), found

    def test_a_memory_limit_that_is_none_is_an_error(self, launch: Launch, jar: Callable[[str], str]) -> None:
        code = jar(CHURN)
        sandbox = launch("java:17", ARGO_MEMORY_MB="512", ARGO_MEMORY_LATER="1")
        beside(sandbox).write_text("much")
        assert "memory limit" in sandbox.init(code, "Action", binary=True).json["error"]


def beside(sandbox: Any) -> Path:
    """Where the driver tells the launcher its memory limit."""
    return Path(sandbox.address.removeprefix("unix:")).with_name("memory_mb")


CHURN = """
import com.google.gson.JsonObject;
import java.nio.file.*;
import java.util.*;

public class Action {
    public static JsonObject main(JsonObject args) throws Exception {
        int kept = args.get("kept").getAsInt();
        byte[][] window = new byte[kept * 16][];
        Random random = new Random(1);
        for (int n = 0; n < args.get("megabytes").getAsInt() * 16; n++) {
            window[n < window.length ? n : random.nextInt(window.length)] = new byte[64 * 1024];
        }
        JsonObject found = new JsonObject();
        found.addProperty("kept", window.length / 16);
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                found.addProperty("peak_mb", Integer.parseInt(line.replaceAll("[^0-9]", "")) / 1024);
            }
        }
        return found;
    }
}
"""


class TestGo:
    def test_a_handler_of_another_name_and_type(self, launch: Launch) -> None:
        sandbox = launch("go:1.19")
        assert sandbox.init(GO, "list").status == 200
        assert sandbox.run(["a"]).json == ["a", "more"]

    def test_the_compiler_speaks_to_the_author(self, launch: Launch) -> None:
        reply = launch("go:1.19").init("package main\nfunc Main() { undefinedThing() }\n", "main")
        assert "undefinedThing" in reply.json["error"]

    def test_an_executable_that_speaks_the_action_loop(self, launch: Launch) -> None:
        loop = (
            "#!/usr/bin/python3\nimport json, os, sys\nout = os.fdopen(3, 'w', buffering=1)\nprint('{\"ok\":true}', file=out)\n"
            "for line in sys.stdin:\n    print(json.dumps({'got': json.loads(line)['value']}), file=out)\n"
        )
        sandbox = launch("go:1.19")
        reply = sandbox.init(zipped({"exec": loop}), "main", binary=True)
        assert reply.status == 200, reply.body
        assert sandbox.run({"a": "€"}).json == {"got": {"a": "€"}}

    def test_an_executable_that_does_not_is_refused(self, launch: Launch) -> None:
        reply = launch("go:1.19").init(zipped({"exec": "#!/bin/sh\necho hello\n"}), "main", binary=True)
        assert "did not acknowledge" in reply.json["error"]


class TestBinary:
    def test_a_shell_script(self, launch: Launch) -> None:
        sandbox = launch("binary")
        code = '#!/bin/sh\necho "to the log"\necho "{\\"id\\": \\"$__OW_ACTIVATION_ID\\", \\"args\\": $1}"\n'
        assert sandbox.init(code, "main").status == 200
        assert sandbox.run({"a": 1}, activation_id="abc").json == {"id": "abc", "args": {"a": 1}}
        assert sandbox.printed()[0].splitlines() == ["to the log", SENTINEL]

    def test_a_compiled_program(self, launch: Launch) -> None:
        sandbox = launch("binary")
        program = base64.b64encode(Path("/usr/bin/printf").read_bytes()).decode()
        assert sandbox.init(program, "main", binary=True).status == 200
        assert sandbox.run({"a": 1}).json == {"a": 1}  # printf prints its argument

    def test_the_last_line_is_the_result(self, launch: Launch) -> None:
        sandbox = launch("binary")
        assert sandbox.init(BINARY, "main").status == 200
        assert sandbox.run({"do": "two"}).json == {"do": "two"}
        assert json.loads(sandbox.printed()[0].splitlines()[0]) == {"first": 1}

    def test_silence_is_no_result(self, launch: Launch) -> None:
        sandbox = launch("binary")
        assert sandbox.init(BINARY, "main").status == 200
        reply = sandbox.run({"do": "silent"})
        assert (reply.status, reply.json) == (502, {"error": "The action did not return a dictionary or array."})

    def test_what_it_leaves_in_the_background_does_not_hold_up_the_answer(self, launch: Launch) -> None:
        sandbox = launch("binary")
        assert sandbox.init(BINARY, "main").status == 200
        left = sandbox.run({"do": "background"}).json["left"]
        os.kill(left, signal.SIGKILL)

    def test_arguments_longer_than_the_kernel_takes_come_on_stdin_alone(self, launch: Launch) -> None:
        sandbox = launch("binary")
        assert sandbox.init(BINARY, "main").status == 200
        value = {"text": "x" * 900_000}
        assert sandbox.run(value).json == value
