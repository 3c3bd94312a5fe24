"""A function that idles hibernates, and its next caller finds it as it was."""

import os
import time
from pathlib import Path

import pytest
from argo_dev.client import Client
from argo_dev.service import fresh_service

pytestmark = pytest.mark.end_to_end

SECONDS = 120
CODE = """
held, calls = bytes(range(256)) * (8 << 12), 0
def main(args):
    global calls
    calls += 1
    return {"calls": calls, "held": sum(held[255::4096]) // 255}
"""
AT_ONCE = ("optimizer.keep_alive_least_seconds=0", "optimizer.wake_ms=0", "optimizer.wake_cpu_ms=0")


def states(client: Client) -> list[tuple[str, int]]:
    listed = client.call("GET", "/api/v1/argo/sandboxes")["sandboxes"]
    return [(each["state"], each["memoryMb"]) for each in listed if each["name"] == "holder"]


def await_sleep(client: Client) -> None:
    deadline = time.monotonic() + SECONDS
    while [state for state, _ in states(client)] != ["hibernated"]:
        assert time.monotonic() < deadline, states(client)
        time.sleep(0.1)


def test_what_idles_hibernates_and_wakes_up_as_it_was():
    told = ("hibernation.swap_mb=256", "optimizer.enabled=true", "runtimes.kinds=python:3.11", *AT_ONCE)
    with fresh_service("--sandbox", "process", *(word for each in told for word in ("--set", each))) as service:
        client = Client(service)
        if missing := client.status()["hibernation"]:
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        client.put_action(
            "holder",
            {"kind": "python:3.11", "code": CODE},
            annotations=[{"key": "argo.tier", "value": "ordinary"}],
        )
        assert client.invoke_once_ready("holder", SECONDS)["response"]["result"] == {"calls": 1, "held": 8 << 8}
        for calls in (2, 3):
            await_sleep(client)
            ((_, memory_mb),) = states(client)
            assert memory_mb < 64
            activation = client.invoke("holder")
            assert activation["response"]["result"] == {"calls": calls, "held": 8 << 8}
            assert "initTime" not in {each["key"] for each in activation["annotations"]}, "it was not started anew"
    assert str(service.data_dir) not in Path("/proc/swaps").read_text()


def test_without_swap_the_service_says_so_and_serves():
    with fresh_service("--set", "hibernation.enabled=false", "--set", "runtimes.provision=false") as service:
        assert Client(service).status()["hibernation"] == "hibernation.enabled is false"
