"""The command line beside a running service: the real one, in a process of its own."""

import base64
import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing

import pytest
from argo_dev.service import ARGOFN, Service, environment_of_clone, fresh_service, tail

from argo_provider.cli.bootstrap import GUEST_KEY

pytestmark = pytest.mark.end_to_end
NOTICE_SECONDS = 20


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with fresh_service("--sandbox", "process", "--log-format", "json", "--set", "runtimes.provision=false") as running:
        yield running


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """To its end, without raising for its status."""
    environ = environment_of_clone()
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ)


def status(service: Service, path: str, key: str | None = None) -> int:
    headers = {} if key is None else {"Authorization": "Basic " + base64.b64encode(key.encode()).decode()}
    try:
        with urllib.request.urlopen(urllib.request.Request(service.url + path, headers=headers), timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def becomes(service: Service, key: str, wanted: int) -> bool:
    """Whether calls with `key` are answered `wanted` before long."""
    deadline = time.monotonic() + NOTICE_SECONDS
    while time.monotonic() < deadline:
        if status(service, "/api/v1/namespaces", key) == wanted:
            return True
        time.sleep(0.05)
    return False


def test_a_namespace_made_beside_the_service_can_call_it(service):
    key = service.new_namespace("beside")
    assert becomes(service, key, 200)


def test_a_rotated_key_stops_working_without_a_restart(service):
    old = service.new_namespace("rotated")
    assert becomes(service, old, 200)
    new = json.loads(service.argofn("namespace", "rotate", "rotated", "--json"))["auth"]
    assert becomes(service, old, 401)
    assert becomes(service, new, 200)


ECHO = "/api/v1/namespaces/whisk.system/actions/utils/echo"


class Caller(threading.Thread):
    """Calls on and on with `key`, which may be changed meanwhile; `answered` has each call's key and status."""

    def __init__(self, service, key):
        super().__init__()
        self.key, self.answered = key, []
        self._url, self._over = service.url + ECHO, threading.Event()

    def run(self):
        while not self._over.is_set():
            key = self.key
            auth = "Basic " + base64.b64encode(key.encode()).decode()
            headers = {"Authorization": auth, "Content-Type": "application/json"}
            request = urllib.request.Request(self._url, b"{}", headers)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    self.answered.append((key, answer.status))
            except urllib.error.HTTPError as error:
                self.answered.append((key, error.code))

    def calls_with(self, key, times):
        """Until so many calls with that key were answered."""
        deadline = time.monotonic() + 60
        wanted = sum(one == key for one, _ in list(self.answered)) + times
        while sum(one == key for one, _ in list(self.answered)) < wanted:
            assert time.monotonic() < deadline, self.answered[-5:]
            time.sleep(0.01)

    def end(self):
        self._over.set()
        self.join()


def test_a_key_is_changed_under_load_without_a_call_that_fails(service):
    old = service.new_namespace("changing")
    assert becomes(service, old, 200)
    callers = [Caller(service, old) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        for caller in callers:
            caller.calls_with(old, 5)
        new = json.loads(service.argofn("namespace", "add-key", "changing", "--json"))["auth"]
        assert becomes(service, new, 200)
        for caller in callers:
            caller.key = new
            caller.calls_with(new, 5)
        assert status(service, "/api/v1/namespaces", old) == 200, "both work until one is revoked"
        service.argofn("namespace", "revoke-key", "changing", old.partition(":")[0])
        assert becomes(service, old, 401)
        for caller in callers:
            caller.calls_with(new, 5)
    finally:
        for caller in callers:
            caller.end()
    assert {answered for caller in callers for _, answered in caller.answered} == {202}


def test_a_deleted_namespace_is_gone_for_the_service(service):
    key = service.new_namespace("deleted")
    assert becomes(service, key, 200)
    service.argofn("namespace", "delete", "deleted", "--yes")
    assert becomes(service, key, 401)


def test_metrics_and_status_are_for_this_machine_without_a_key(service):
    assert status(service, "/metrics") == 200
    assert status(service, "/api/v1/argo/status") == 200
    assert status(service, "/api/v1/namespaces") == 401


def test_the_doctor_asks_the_running_service(service):
    command = [*ARGOFN, "doctor", "--json", "--apihost", service.url]
    done = run(*command, "--data-dir", str(service.data_dir))
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert found["service"]["verdict"] == "good"
    assert "version" in found["service"]["detail"]
    assert found["keys"]["detail"].endswith("(loopback only)")


def test_the_log_holds_no_key(service):
    assert status(service, "/api/v1/namespaces", GUEST_KEY.text) == 200
    shown = "\n".join(line for line in tail(service.log, 1000).splitlines() if line.startswith("{"))
    assert '"event":"ready"' in shown
    assert GUEST_KEY.secret not in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0", "--guest-key"), "everybody knows"),
        (("--tls-cert", "/none"), "TLS needs both"),
        (("--set", "server.prot=1"), "did you mean server.port?"),
        (("--config", "/none.toml"), "cannot read the settings file"),
    ],
)
def test_a_start_that_must_not_be_says_why_and_what_to_type(tmp_path, options, said):
    command = [*ARGOFN, "serve", "--data-dir", str(tmp_path), "--port", "0"]
    done = run(*command, *options)
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert "next: " in done.stderr


def test_a_taken_port_is_said(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        command = [*ARGOFN, "serve", "--data-dir", str(tmp_path), "--port", port]
        done = run(*command)
    assert done.returncode == 1
    assert port in done.stderr
    assert "next: " in done.stderr
