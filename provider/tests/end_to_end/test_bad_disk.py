"""The service over a small disk that fills up: it says so, keeps what it promised, and goes on when there is room."""

import itertools
import secrets
import sqlite3
import subprocess
import time
from contextlib import closing, suppress

import pytest
from argo_dev.client import CallError, Client
from argo_dev.disks import fill
from argo_dev.service import ARGOFN, environment_of_clone, fresh_service

pytestmark = pytest.mark.end_to_end

ECHO = "/api/v1/namespaces/whisk.system/actions/utils/echo"
OPTIONS = ("--sandbox", "process", "--set", "runtimes.provision=false")
SECONDS = 60


@pytest.fixture
def disk(mounted, tmp_path):
    """A file system of 24 MB and 300 files."""
    return mounted(tmp_path / "disk", "size=24m,nr_inodes=300")


def fill_files(folder):
    """Take all files; those to delete."""
    made = []
    with suppress(OSError):
        for number in itertools.count():
            path = folder / f"file{number}"
            path.touch()
            made.append(path)
    return made


def put_code(client):
    client.put_action("a", {"kind": "nodejs:20", "code": secrets.token_hex(100_000)})


def accept(client):
    return client.call("POST", ECHO, {"text": secrets.token_hex(10_000)})["activationId"]


def until_refused(work):
    """What was answered before, and the refusal."""
    answered = []
    for _ in range(2000):
        try:
            answered.append(work())
        except CallError as error:
            return answered, error
    pytest.fail(f"{len(answered)} calls were taken on a full disk")


def recovered(client):
    """Until something new can be written again: the next writes find the room by themselves."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return put_code(client)
        except CallError as error:
            if error.status != 503 or time.monotonic() > deadline:
                raise


def without_record(client, ids):
    """Those that still have none after a while."""
    deadline = time.monotonic() + SECONDS
    left = set(ids)
    while left and time.monotonic() < deadline:
        for each in list(left):
            with suppress(CallError):
                client.call("GET", f"activations/{each}")
                left.remove(each)
    return left


def test_a_full_disk_is_said_and_nothing_promised_is_lost(disk):
    data = disk / "data"
    with fresh_service(*OPTIONS, data_dir=data) as service:
        client = Client(service)
        put_code(client)
        kept = client.call("GET", "actions/a")
        ballast = disk / "ballast"
        fill(ballast)
        with pytest.raises(CallError, match="full") as refused:
            put_code(client)
        assert refused.value.status == 503
        accepted, error = until_refused(lambda: accept(client))
        assert (error.status, "full" in str(error)) == (503, True), error
        assert client.call("GET", "actions/a") == kept
        answer = client.call("POST", f"{ECHO}?blocking=true", {"n": 1})
        assert answer["response"]["result"] == {"n": 1}, "what need not be written first is still done"
        ballast.unlink()
        recovered(client)
        assert without_record(client, [*accepted, answer["activationId"], accept(client)]) == set()
    with closing(sqlite3.connect(data / "argo.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_disk_without_room_for_another_file_is_told_apart(disk):
    with fresh_service(*OPTIONS, data_dir=disk / "data") as service:
        client = Client(service)
        files = fill_files(disk)
        with pytest.raises(CallError, match="inodes") as refused:
            put_code(client)
        assert refused.value.status == 503
        client.call("PUT", "triggers/t", {})  # the database has its files
        assert without_record(client, [accept(client)]) == set()
        for each in files:
            each.unlink()
        recovered(client)


def test_a_start_on_a_full_disk_is_refused_with_the_reason(disk):
    fill_files(disk)
    command = [*ARGOFN, "serve", "--port", "0", *OPTIONS, "--data-dir", str(disk / "data")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False, env=environment_of_clone()
    )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
