"""A backup is taken of a service under load, and another service goes on from it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from argo_dev.client import CallError, Client
from argo_dev.service import fresh_service

from argo_provider.invocation.journal import CUT_OFF

pytestmark = pytest.mark.end_to_end

CODE = "async function main(a) { await new Promise(r => setTimeout(r, 20)); return { n: a.n } }"
OPTIONS = ("--sandbox", "process", "--set", "runtimes.kinds=nodejs:20")
SECONDS = 120


class Load:
    """Accepted calls and made actions, as the service acknowledged them."""

    def __init__(self, client):
        self._client = client
        self.accepted = []
        self.made = {}
        self._over = threading.Event()

    def fire(self):
        while not self._over.is_set():
            self.accepted.append(self._client.call("POST", "actions/slow", {})["activationId"])

    def make(self):
        while not self._over.is_set():
            number = len(self.made)
            code = f"// {number}\n{CODE}"
            self._client.put_action(f"made{number}", {"kind": "nodejs:20", "code": code})
            self.made[f"made{number}"] = code

    def reaches(self, accepted, made):
        deadline = time.monotonic() + SECONDS
        while len(self.accepted) < accepted or len(self.made) < made:
            assert time.monotonic() < deadline, f"{len(self.accepted)} accepted, {len(self.made)} made"
            assert not self._over.wait(0.02)

    def end(self):
        self._over.set()


def ended(client, ids):
    """What became of each, once all have a record; those that have none in time are missing."""
    found = {}
    deadline = time.monotonic() + SECONDS
    while len(found) < len(ids) and time.monotonic() < deadline:
        for activation_id in ids:
            if activation_id not in found:
                with suppress(CallError):
                    response = client.call("GET", f"activations/{activation_id}")["response"]
                    found[activation_id] = "success" if response["success"] else response["result"]["error"]
    return found


def test_what_was_acknowledged_before_a_backup_is_in_it(tmp_path):
    target = tmp_path / "backup.tar"
    with fresh_service(*OPTIONS) as service, ThreadPoolExecutor() as pool:
        client = Client(service)
        client.put_action("slow", {"kind": "nodejs:20", "code": CODE})
        client.invoke_once_ready("slow", SECONDS)
        load = Load(client)
        running = [pool.submit(work) for work in (load.fire, load.fire, load.make)]
        try:
            load.reaches(40, 10)
            accepted, made = list(load.accepted), dict(load.made)
            service.argofn("backup", str(target))
            load.reaches(len(load.accepted) + 5, len(load.made) + 1)  # and it goes on serving
        finally:
            load.end()
        for each in running:
            each.result()

    data_dir = tmp_path / "restored"
    service.argofn("restore", str(target), data_dir=data_dir)
    with fresh_service(*OPTIONS, data_dir=data_dir) as again:
        client = Client(again)
        assert {name: client.call("GET", f"actions/{name}")["exec"]["code"] for name in made} == made
        found = ended(client, accepted)
    assert set(found) == set(accepted)
    assert set(found.values()) <= {"success", CUT_OFF}
