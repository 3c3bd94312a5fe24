"""The same function in every language: `do` says what it shall do. One table, so that one class of tests fits all."""

from __future__ import annotations

import base64
import io
import subprocess
import textwrap
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Language:
    """`failure`: the status of a function that throws, as OpenWhisk's runtime of the language has it."""

    kind: str
    source: str
    archive: Mapping[str, str] = field(
        default_factory=dict
    )  # a zip with the same function in it; {} where there is none
    main: str = "main"
    broken: str = "this is ) no program ("
    failure: int = 200
    failure_text: str = "deliberate"
    binary: bool = False
    can: frozenset[str] = frozenset()  # do: array, scalar, recurse, rendezvous, late, close, unknown_main


def dedent(text: str) -> str:
    return textwrap.dedent(text).lstrip()


NODEJS = dedent(
    """
    let waiting = [];
    function main(args) {
      switch (args.do) {
        case 'environment': return { init: process.env.INIT, id: process.env.__OW_ACTIVATION_ID, ns: process.env.__OW_NAMESPACE,
          name: process.env.__OW_ACTION_NAME, version: process.env.__OW_ACTION_VERSION, deadline: process.env.__OW_DEADLINE,
          key: process.env.__OW_API_KEY, tid: process.env.__OW_TRANSACTION_ID };
        case 'print': console.log('to stdout'); console.error('to stderr'); return {};
        case 'flood': for (let i = 0; i < 20000; i++) console.log('x'.repeat(99)); return {};
        case 'fail': throw new Error('deliberate');
        case 'exit': process.exit(3);
        case 'scalar': return 5;
        case 'array': return [1, 'two'];
        case 'large': return { text: 'x'.repeat(args.size) };
        case 'close': require('fs').closeSync(1); console.log = null; return { closed: true };
        case 'recurse': return main(args);
        case 'rendezvous': return new Promise((resolve) => {
          waiting.push(resolve);
          if (waiting.length === args.parties) { waiting.forEach((one) => one({ met: args.parties })); waiting = []; }
        });
        case 'reject': return Promise.reject(new TypeError('no'));
        case 'reject_nothing': return Promise.reject();
        case 'reject_text': return Promise.reject('plain text');
        case 'reject_object': return Promise.reject({ code: 7 });
        case 'nothing': return undefined;
        case 'null': return null;
        case 'circular': { const a = {}; a.self = a; return a; }
        case 'bigint': return { n: 1n };
        case 'async': return (async () => ({ later: true }))();
        case 'async_fail': return (async () => { throw new Error('in async'); })();
        case 'late_rejection': Promise.reject(new Error('too late')); return { ok: true };
        case 'late_throw': setImmediate(() => { throw new Error('too late'); }); return new Promise(() => {});
        default: return args;
      }
    }
    """
)

PYTHON = dedent(
    """
    import os, sys, threading, asyncio
    barrier = None
    lock = threading.Lock()
    def meet(parties):
        global barrier
        with lock:
            barrier = barrier or threading.Barrier(parties)
        barrier.wait(30)
    def main(args):
        global barrier
        do = args.get("do") if isinstance(args, dict) else None
        if do == "environment":
            names = dict(init="INIT", id="__OW_ACTIVATION_ID", ns="__OW_NAMESPACE", name="__OW_ACTION_NAME",
                         version="__OW_ACTION_VERSION", deadline="__OW_DEADLINE", key="__OW_API_KEY", tid="__OW_TRANSACTION_ID")
            return {short: os.environ[name] for short, name in names.items()}
        if do == "print":
            print("to stdout"); print("to stderr", file=sys.stderr); return {}
        if do == "flood":
            for _ in range(20000): print("x" * 99)
            return {}
        if do == "fail": raise ValueError("deliberate")
        if do == "exit": sys.exit(3)
        if do == "scalar": return 5
        if do == "array": return [1, "two"]
        if do == "large": return {"text": "x" * args["size"]}
        if do == "close":
            sys.stdout.close(); sys.stderr = None; return {"closed": True}
        if do == "recurse": return main(args)
        if do == "rendezvous":
            meet(args["parties"]); return {"met": args["parties"]}
        if do == "unprintable": return {"x": object()}
        if do == "nan": return {"x": float("nan")}
        return args
    async def later(args):
        await asyncio.sleep(0)
        return {"later": args}
    meeting = None
    async def gather(args):
        global meeting
        meeting = meeting or {"event": asyncio.Event(), "count": 0}
        meeting["count"] += 1
        if meeting["count"] == args["parties"]: meeting["event"].set()
        await asyncio.wait_for(meeting["event"].wait(), 30)
        return {"met": args["parties"]}
    if __name__ == "__main__":
        raise SystemExit("an action is not a script")
    """
)

RUBY = dedent(
    """
    $mutex = Mutex.new
    $arrived = 0
    $all = ConditionVariable.new
    def main(args)
      return args if args.is_a?(Array)
      case args['do']
      when 'environment'
        { init: ENV['INIT'], id: ENV['__OW_ACTIVATION_ID'], ns: ENV['__OW_NAMESPACE'], name: ENV['__OW_ACTION_NAME'],
          version: ENV['__OW_ACTION_VERSION'], deadline: ENV['__OW_DEADLINE'], key: ENV['__OW_API_KEY'], tid: ENV['__OW_TRANSACTION_ID'] }
      when 'print' then puts 'to stdout'; warn 'to stderr'; {}
      when 'flood' then 20000.times { puts 'x' * 99 }; {}
      when 'fail' then raise 'deliberate'
      when 'exit' then exit 3
      when 'scalar' then 5
      when 'array' then [1, 'two']
      when 'large' then { text: 'x' * args['size'] }
      when 'close' then STDOUT.close; { closed: true }
      when 'recurse' then main(args)
      when 'rendezvous'
        $mutex.synchronize do
          $arrived += 1
          $arrived == args['parties'] ? $all.broadcast : $all.wait($mutex, 30)
        end
        { met: args['parties'] }
      else args
      end
    end
    """
)

PHP = dedent(
    """
    <?php
    function main($args) {
        switch ($args['do'] ?? '') {
            case 'environment':
                return ['init' => getenv('INIT'), 'id' => getenv('__OW_ACTIVATION_ID'), 'ns' => $_ENV['__OW_NAMESPACE'],
                    'name' => getenv('__OW_ACTION_NAME'), 'version' => getenv('__OW_ACTION_VERSION'),
                    'deadline' => getenv('__OW_DEADLINE'), 'key' => getenv('__OW_API_KEY'), 'tid' => getenv('__OW_TRANSACTION_ID')];
            case 'print': echo "to stdout\\n"; file_put_contents('php://stderr', "to stderr\\n"); return [];
            case 'flood': for ($i = 0; $i < 20000; $i++) echo str_repeat('x', 99), "\\n"; return [];
            case 'fail': throw new Exception('deliberate');
            case 'exit': exit(3);
            case 'scalar': return 5;
            case 'array': return [1, 'two'];
            case 'large': return ['text' => str_repeat('x', $args['size'])];
            case 'close': fclose(STDOUT); return ['closed' => true];
            case 'memory': ini_set('memory_limit', '16M'); return ['text' => str_repeat('x', 64 << 20)];
            default: return $args;
        }
    }
    """
)

GO = dedent(
    """
    package main

    import (
        "fmt"
        "os"
        "strings"
    )

    func Main(args map[string]interface{}) map[string]interface{} {
        switch args["do"] {
        case "environment":
            return map[string]interface{}{"init": os.Getenv("INIT"), "id": os.Getenv("__OW_ACTIVATION_ID"),
                "ns": os.Getenv("__OW_NAMESPACE"), "name": os.Getenv("__OW_ACTION_NAME"), "version": os.Getenv("__OW_ACTION_VERSION"),
                "deadline": os.Getenv("__OW_DEADLINE"), "key": os.Getenv("__OW_API_KEY"), "tid": os.Getenv("__OW_TRANSACTION_ID")}
        case "print":
            fmt.Println("to stdout")
            fmt.Fprintln(os.Stderr, "to stderr")
        case "flood":
            for i := 0; i < 20000; i++ {
                fmt.Println(strings.Repeat("x", 99))
            }
        case "fail":
            panic("deliberate")
        case "exit":
            os.Exit(3)
        case "large":
            return map[string]interface{}{"text": strings.Repeat("x", int(args["size"].(float64)))}
        case "close":
            os.Stdout.Close()
            return map[string]interface{}{"closed": true}
        default:
            return args
        }
        return map[string]interface{}{}
    }

    func List(args []interface{}) []interface{} {
        return append(args, "more")
    }
    """
)

JAVA = dedent(
    """
    import com.google.gson.*;
    import java.util.concurrent.*;

    public class Action {
        private static CyclicBarrier barrier;

        private static synchronized CyclicBarrier barrier(int parties) {
            if (barrier == null) barrier = new CyclicBarrier(parties);
            return barrier;
        }

        public static JsonArray main(JsonArray args) { return args; }

        public static JsonElement pair(JsonObject args) {
            JsonArray list = new JsonArray();
            list.add(1);
            list.add("two");
            return list;
        }

        public static JsonObject main(JsonObject args) throws Exception {
            JsonObject answer = new JsonObject();
            switch (args.has("do") ? args.get("do").getAsString() : "") {
                case "environment":
                    answer.addProperty("init", System.getenv("INIT"));
                    answer.addProperty("id", System.getenv("__OW_ACTIVATION_ID"));
                    answer.addProperty("ns", System.getenv("__OW_NAMESPACE"));
                    answer.addProperty("name", System.getenv().get("__OW_ACTION_NAME"));
                    answer.addProperty("version", System.getenv("__OW_ACTION_VERSION"));
                    answer.addProperty("deadline", System.getenv("__OW_DEADLINE"));
                    answer.addProperty("key", System.getenv("__OW_API_KEY"));
                    answer.addProperty("tid", System.getenv("__OW_TRANSACTION_ID"));
                    return answer;
                case "print": System.out.println("to stdout"); System.err.println("to stderr"); return answer;
                case "flood": for (int i = 0; i < 20000; i++) System.out.println("x".repeat(99)); return answer;
                case "fail": throw new IllegalStateException("deliberate");
                case "exit": System.exit(3);
                case "scalar": return null;
                case "large": answer.addProperty("text", "x".repeat(args.get("size").getAsInt())); return answer;
                case "close": System.out.close(); answer.addProperty("closed", true); return answer;
                case "recurse": return main(args);
                case "rendezvous":
                    int parties = args.get("parties").getAsInt();
                    barrier(parties).await(30, TimeUnit.SECONDS);
                    answer.addProperty("met", parties);
                    return answer;
                default: return args;
            }
        }
    }
    """
)

BINARY = dedent(
    """
    #!/usr/bin/python3
    import json, os, sys
    args = json.loads(sys.stdin.read())
    do = args.get("do") if isinstance(args, dict) else None
    assert len(sys.argv) == 1 or json.loads(sys.argv[1]) == args
    names = dict(init="INIT", id="__OW_ACTIVATION_ID", ns="__OW_NAMESPACE", name="__OW_ACTION_NAME",
                 version="__OW_ACTION_VERSION", deadline="__OW_DEADLINE", key="__OW_API_KEY", tid="__OW_TRANSACTION_ID")
    if do == "environment": args = {short: os.environ[name] for short, name in names.items()}
    if do == "print": print("to stdout"); print("to stderr", file=sys.stderr); args = {}
    if do == "flood":
        for _ in range(20000): print("x" * 99)
        args = {}
    if do == "fail": raise ValueError("deliberate")
    if do == "scalar": args = 5
    if do == "array": args = [1, "two"]
    if do == "large": args = {"text": "x" * args["size"]}
    if do == "silent": sys.exit(0)
    if do == "background":
        args = {"left": os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "300")}
    if do == "two": print(json.dumps({"first": 1}))
    print(json.dumps(args))
    """
)


LANGUAGES = (
    Language(
        "nodejs:20",
        NODEJS,
        archive={"package.json": '{"main": "lib/start.js"}', "lib/start.js": NODEJS + "exports.main = main;"},
        failure=502,
        failure_text="An error has occurred: Error: deliberate",
        can=frozenset({"array", "scalar", "recurse", "rendezvous", "close", "unknown_main", "exit"}),
    ),
    Language(
        "python:3.11",
        PYTHON,
        archive={"__main__.py": "from helper import greeting\n" + PYTHON, "helper/__init__.py": "greeting = 'hi'\n"},
        can=frozenset({"array", "scalar", "recurse", "rendezvous", "close", "unknown_main", "exit"}),
    ),
    Language(
        "ruby:3.1",
        RUBY,
        archive={"main.rb": "require 'helper'\n" + RUBY, "helper.rb": "GREETING = 'hi'\n"},
        can=frozenset({"array", "scalar", "recurse", "rendezvous", "close", "unknown_main", "exit"}),
    ),
    Language(
        "php:8.2",
        PHP,
        archive={"index.php": PHP.replace("<?php", "<?php require 'helper.php';"), "helper.php": "<?php\n"},
        broken="<?php function (",
        failure=502,
        failure_text="An error occurred running the action.",
        can=frozenset({"array", "scalar", "close", "unknown_main", "exit"}),
    ),
    Language(
        "java:17",
        JAVA,
        main="Action",
        broken="bm90IGEgamFyISE=",
        binary=True,
        failure=502,
        failure_text="(see logs for details): java.lang.IllegalStateException: deliberate",
        can=frozenset({"recurse", "rendezvous", "close", "unknown_main", "exit"}),
    ),
    Language(
        "go:1.19",
        GO,
        archive={"main.go": GO, "helper.go": 'package main\n\nvar Greeting = "hi"\n'},
        can=frozenset({"close", "unknown_main", "exit"}),
    ),
    Language(
        "binary",
        BINARY,
        archive={"exec": BINARY, "data.txt": "x"},
        broken="UEsDBA==",  # the start of a zip, and no more
        failure=502,
        failure_text="The action did not return a dictionary or array.",
        can=frozenset({"array", "scalar"}),
    ),
)


def zipped(files: Mapping[str, str | bytes], *, executable: frozenset[str] = frozenset({"exec"})) -> str:
    """Base64 of an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(entry, content)
    return base64.b64encode(buffer.getvalue()).decode()


def jar_of(source: str, tool: Path, work: Path) -> str:
    """Compiles one Java class `Action`; base64 of its jar."""
    (work / "Action.java").write_text(source)
    classes = work / "classes"
    subprocess.run(
        ["javac", "-cp", f"{tool}/gson.jar:{tool}/launcher.jar", "-d", str(classes), str(work / "Action.java")],
        check=True,
        timeout=120,
    )
    return zipped({str(path.relative_to(classes)): path.read_bytes() for path in classes.rglob("*.class")})
