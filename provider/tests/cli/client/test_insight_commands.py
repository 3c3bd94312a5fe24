"""Argo's own commands against a running service; and logs that are followed over its restart."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from argo_dev.service import ARGOFN, environment_of_clone, free_port

from argo_provider.cli.bootstrap import GUEST_KEY

pytestmark = pytest.mark.end_to_end
PATIENCE_SECONDS = 120


def test_where_functions_run_and_why(argofn, hello):
    assert argofn("tiers").startswith("FUNCTION")
    tier = argofn.json("why", hello)
    told = argofn("why", hello)
    assert tier["reason"] in told
    assert tier["next"] in told
    assert "did you mean hello?" in argofn.fail(148, "why", "helo")


def test_top_once(argofn, hello):
    assert hello in argofn("top", "--once")
    found = argofn.json("top", "--once")
    assert hello in [each["name"] for each in found["functions"]]
    assert found["machine"]["cpus"] > 0


def test_builds(argofn):
    assert argofn("builds").startswith("ID")
    argofn.fail(148, "builds", "--log", "none")


def test_past_logs_and_their_filters(argofn, hello):
    argofn("action", "invoke", hello, "-r", "-p", "name", "lately")
    assert "called by lately" in argofn("logs", hello, "--since", "5m", "--grep", "lately")
    assert "lately" not in argofn("logs", hello, "--failed")
    assert argofn("logs", "--grep", "lately", "--strip").splitlines()[-1] == "called by lately"
    argofn.fail(2, "logs", "--since", "soon")


def test_bench(argofn, hello):
    found = argofn.json("bench", hello, "-n", "5", "-c", "2")
    assert (found["calls"], found["errors"]) == (5, 0)
    assert found["total"]["p50"] >= found["run"]["p50"] > 0
    argofn.fail(1, "bench", hello, "-n", "2", "-p", "fail", "true")


def test_new_functions_run_as_they_are(argofn, hello, monkeypatch):
    monkeypatch.chdir(argofn.folder)
    argofn("new", "fresh")
    argofn("action", "create", "fresh", "fresh.js")
    assert json.loads(argofn("action", "invoke", "fresh", "-r", "-p", "name", "N")) == {"greeting": "Hello N"}
    argofn.fail(2, "new", "fresh")
    argofn.fail(2, "new", "other", "--kind", "cobol")


def test_dev_deploys_what_is_saved(argofn, hello):
    file = argofn.folder / "edited.js"
    file.write_text("function main() { return { edition: 1 } }")
    with running(argofn, "dev", str(file)) as (process, lines):
        assert "deployed edited" in until(lines, "deployed edited")
        assert json.loads(argofn("action", "invoke", "edited", "-r")) == {"edition": 1}
        file.write_text("function main() { console.log('second'); return { edition: 22 } }")
        assert "deployed edited" in until(lines, "deployed edited")
        assert json.loads(argofn("action", "invoke", "edited", "-r")) == {"edition": 22}
        assert "second" in until(lines, "second")
        annotations = {each["key"]: each["value"] for each in argofn.json("action", "get", "edited")["annotations"]}
        assert annotations["argo.warm"] == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 130
    annotations = {each["key"]: each["value"] for each in argofn.json("action", "get", "edited")["annotations"]}
    assert "argo.warm" not in annotations


def test_followed_logs_miss_nothing_over_a_restart(argofn, tmp_path):
    port, data = free_port(), tmp_path / "data"
    there = ("--apihost", f"http://127.0.0.1:{port}", "--auth", GUEST_KEY.text)
    service = served(port, data)
    try:
        argofn("action", "create", "told", str(write_told(tmp_path)), *there)
        with running(argofn, "logs", "-f", "told", *there) as (_, lines):
            call_until_seen(argofn, lines, there)
            end(service)
            service = served(port, data)
            for number in range(3):
                invoke(argofn, there, f"after-{number}")
            seen = [until(lines, "stdout-of after-") for _ in range(3)]
            assert sorted(line.split()[-1] for line in seen) == ["after-0", "after-1", "after-2"]
            invoke(argofn, there, "last")
            assert "after" not in until(lines, "stdout-of")
    finally:
        end(service)


def write_told(folder):
    file = folder / "told.js"
    file.write_text("function main(args) { console.log('stdout-of', args.name); return {} }")
    return file


def invoke(argofn, there, name: str) -> None:
    """Until the runtime is there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while argofn.run("action", "invoke", "told", "-r", "-p", "name", name, *there).exit_code != 0:
        assert time.monotonic() < deadline


def call_until_seen(argofn, lines, there) -> None:
    """A follower tells what comes after it began; when that was is seen by what it tells."""
    for number in range(PATIENCE_SECONDS):
        invoke(argofn, there, f"before-{number}")
        if until(lines, "stdout-of before-", seconds=1.0):
            break
    invoke(argofn, there, "mark")
    assert until(lines, "stdout-of mark")


def served(port: int, data) -> subprocess.Popen[bytes]:
    options = ("--guest-key", "--sandbox", "process", "--set", "runtimes.kinds=nodejs:20")
    command = [*ARGOFN, "serve", "--port", str(port), "--data-dir", str(data), *options]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment_of_clone(), start_new_session=True)
    deadline = time.monotonic() + PATIENCE_SECONDS
    import urllib.request

    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2).close()
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(PATIENCE_SECONDS)


@contextmanager
def running(argofn, *words: str) -> Iterator[tuple[subprocess.Popen[str], queue.Queue[str]]]:
    """A command in a process of its own, and the lines it prints."""
    process = subprocess.Popen(
        [*ARGOFN, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment_of_clone(), **argofn.environ},
    )
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in process.stdout:
            lines.put(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        process.stdout.close()


def until(lines: queue.Queue[str], wanted: str, seconds: float = PATIENCE_SECONDS) -> str:
    """The next line that holds `wanted`; "" if none comes in time."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            break
        if wanted in line:
            return line
    return ""
