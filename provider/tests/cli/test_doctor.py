"""The checks of the doctor, over real sockets, files and services."""

import json
import os
import socket
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from argo_provider.cli.bootstrap import GUEST_KEY
from argo_provider.cli.doctor import examine, mend
from argo_provider.cli.findings import Finding, Verdict, good, problem
from argo_provider.cli.machine_checks import clock, data_folder, disk, memory, port, tls
from argo_provider.cli.main import app
from argo_provider.cli.service_checks import Unreachable, ask, keys, service_checks
from argo_provider.model.identity import NamespaceRecord
from argo_provider.settings import ServerSettings, Settings

STATUS = {
    "version": "0.1.0",
    "draining": False,
    "sandboxes": [
        {"kind": "process", "available": True, "reason": "", "degraded": ["no cgroup"], "fix": "run as root"},
        {"kind": "container", "available": False, "reason": "no engine", "degraded": [], "fix": "start one"},
    ],
    "runtimes": [
        {"sandbox": "process", "kind": "nodejs:20", "ready": True, "step": "ready", "error": ""},
        {"sandbox": "process", "kind": "php:8.2", "ready": False, "step": "installing", "error": ""},
        {"sandbox": "process", "kind": "go:1.19", "ready": False, "step": "", "error": "no go"},
    ],
    "native": [
        {"part": "niuk-host", "state": "ready", "step": "", "error": ""},
        {"part": "native-image", "state": "failed", "step": "", "error": "no source packages"},
        {"part": "javascript-engine", "state": "preparing", "step": "[2/8] analysis", "error": ""},
        {"part": "java-agent", "state": "absent", "step": "", "error": ""},
    ],
}


def at(port_number: int, **server) -> Settings:
    return Settings(server=ServerSettings(port=port_number, **server))


@contextmanager
def answering(answers: dict[str, bytes]):
    """A real HTTP server that has these paths."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(timeout=5)


def test_a_finding_has_a_fix_exactly_when_something_is_wrong():
    with pytest.raises(ValueError, match="has a fix"):
        Finding("x", Verdict.PROBLEM, "broken")
    with pytest.raises(ValueError, match="has a fix"):
        Finding("x", Verdict.GOOD, "fine", "type this")
    assert good("x", "fine").fix == ""


def test_a_port_that_another_program_has_is_a_problem_with_its_fix():
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        number = taken.getsockname()[1]
        finding = port(at(number))
        assert finding.verdict is Verdict.PROBLEM
        assert f"--port {number + 1}" in finding.fix
    assert port(at(number)).verdict is Verdict.GOOD


def test_an_address_of_another_machine_is_a_problem():
    assert "--host" in port(at(0, host="192.0.2.1")).fix


def test_a_data_folder_is_for_its_owner_only(tmp_path):
    folder = tmp_path / "data"
    assert "first start" in data_folder(folder).detail
    folder.mkdir(mode=0o700)
    assert data_folder(folder).verdict is Verdict.GOOD
    (folder / "argo.db").touch(mode=0o600)
    assert data_folder(folder).verdict is Verdict.GOOD
    (folder / "argo.db").chmod(0o640)
    assert data_folder(folder).verdict is Verdict.WARNING
    folder.chmod(0o755)
    assert "chmod -R go=" in data_folder(folder).fix


def test_a_full_disk_and_a_clock_that_went_back_are_found(tmp_path, monkeypatch):
    assert disk(tmp_path / "not" / "yet").detail.endswith(f"free on the disk of {tmp_path / 'not' / 'yet'}")
    monkeypatch.setattr("shutil.disk_usage", lambda _: os.terminal_size((0, 0)) and type("U", (), {"free": 1 << 20}))
    assert disk(tmp_path).verdict is Verdict.PROBLEM
    ahead = time.time() + 3600
    os.utime(tmp_path, (ahead, ahead))
    assert clock(tmp_path).verdict is Verdict.PROBLEM


def test_a_pool_larger_than_the_machine_is_a_warning():
    settings = Settings()
    assert memory(replace(settings, pool=replace(settings.pool, memory_mb=10**9))).verdict is Verdict.WARNING
    assert "never fits" in memory(replace(settings, pool=replace(settings.pool, memory_mb=100))).detail


def test_a_certificate_that_is_none_is_a_problem(tmp_path):
    (tmp_path / "cert").write_text("no certificate")
    (tmp_path / "key").write_text("no key")
    (finding,) = tls(at(0, tls_cert=tmp_path / "cert", tls_key=tmp_path / "key"))
    assert finding.verdict is Verdict.PROBLEM
    assert list(tls(at(0))) == []


def test_a_running_service_tells_of_itself():
    with answering({"/ping": b"pong", "/api/v1/argo/status": json.dumps(STATUS).encode()}) as url:
        found = {finding.subject: finding for finding in service_checks(url, ask(url))}
    assert found["service"].verdict is Verdict.GOOD
    assert found["process sandbox"].fix == "run as root"
    assert found["container sandbox"].verdict is Verdict.GOOD, "one way to isolate is enough"
    assert found["nodejs:20 as process"].verdict is Verdict.GOOD
    assert "installing" in found["php:8.2 as process"].detail
    assert found["go:1.19 as process"].detail == "no go"
    assert found["native: niuk-host"].verdict is found["native: java-agent"].verdict is Verdict.GOOD
    assert found["native: native-image"].detail == "no source packages"
    assert "[2/8] analysis" in found["native: javascript-engine"].detail


def test_without_any_isolation_there_is_a_problem():
    status = {**STATUS, "sandboxes": [STATUS["sandboxes"][1]]}
    assert Verdict.PROBLEM in [finding.verdict for finding in service_checks("http://x", status)]


@pytest.mark.parametrize("answers", [{}, {"/ping": b"pong"}, {"/ping": b"pong", "/api/v1/argo/status": b"<html>"}])
def test_another_program_at_the_address_is_not_taken_for_the_service(answers):
    with answering(answers) as url, pytest.raises(Unreachable):
        ask(url)


def test_a_service_that_was_asked_for_and_is_not_there_is_a_problem(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    found = next(examine(Settings(data_dir=tmp_path), url))
    assert (found.subject, found.verdict, found.fix) == ("service", Verdict.PROBLEM, "argofn serve")


def test_the_public_key_on_an_open_address_is_a_problem():
    record = NamespaceRecord("guest", "guest", GUEST_KEY.id, GUEST_KEY.secret_sha256, 0)
    assert keys([record], Settings()).verdict is Verdict.GOOD
    finding = keys([record], at(0, host="0.0.0.0"))
    assert (finding.verdict, finding.fix) == (Verdict.PROBLEM, "argofn namespace rotate guest")


@pytest.mark.integration
def test_the_command_prints_findings_with_their_fixes(tmp_path: Path):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        number = taken.getsockname()[1]
        environ = {"ARGO_SERVER_PORT": str(number), "ARGO_CACHE": str(tmp_path / "cache")}
        done = CliRunner().invoke(app, ["doctor", "--data-dir", str(tmp_path / "data"), "--json"], env=environ)
    assert done.exit_code == 1
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert found["port"]["verdict"] == "problem"
    assert found["nodejs:20"]["verdict"] == "warning", "nothing is provisioned in an empty cache"
    assert {"data folder", "disk", "memory", "clock", "system", "keys"} <= set(found)


def test_what_can_be_mended_is_mended_after_a_yes(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    finding = data_folder(folder)
    assert finding.verdict is Verdict.WARNING
    assert mend([finding, good("other", "fine")], yes=True)
    assert data_folder(folder).verdict is Verdict.GOOD


def test_what_cannot_be_run_or_fails_is_said(capsys):
    broken = problem("a", "bad", "do it by hand", ("false",))
    missing = problem("b", "bad", "do it by hand", ("/nowhere/tool",))
    assert not mend([broken, missing, problem("c", "bad", "by hand only")], yes=True)
    said = capsys.readouterr().err
    assert "it ended with status 1; next: do it by hand" in said
    assert "it could not be run" in said


def test_without_a_yes_nothing_is_run(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    done = CliRunner().invoke(app, ["doctor", "--fix", "--data-dir", str(folder)], input="n\n" * 9)
    assert "data folder: run chmod -R go=" in done.output
    assert data_folder(folder).verdict is Verdict.WARNING
