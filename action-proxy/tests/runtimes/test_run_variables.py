"""What runs tell of themselves in the environment costs a sandbox no memory, however many there are."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from argo_proxy.runtimes import runtimes_directory

from .launched import Launched

PYTHON = runtimes_directory() / "python"
PLAIN_RUNS = 1000  # of the launcher; after them it keeps the values in memory of its own
SECONDS = 120
PRELUDE = """
import json, os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from argo_launcher import run_variables
variables = run_variables.RunVariables()
def publish(first, last):
    for run in range(first, last):
        message = {"activation_id": f"{run:032x}", "transaction_id": f"{run * 7:032x}", "deadline": str(run)}
        variables.publish(message)
def inherited(name):
    return subprocess.run(["printenv", name], capture_output=True, text=True).stdout.rstrip("\\n")
publish(0, run_variables.PLAIN_RUNS)
"""


def told(script: str) -> Any:
    """What the script prints last, as JSON: in a process of its own, whose memory and environment are nobody else's."""
    command = [sys.executable, "-c", f"{PRELUDE}{script}", str(PYTHON)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.contract
class TestRunVariables:
    def test_a_hundred_thousand_runs_leave_less_than_a_megabyte(self) -> None:
        kept = told("""
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
publish(0, 2_000)
before = resident()
publish(2_000, 102_000)
print(json.dumps(resident() - before))
""")
        assert kept < 1_000_000, f"{kept} bytes more; setenv keeps 27,000,000"

    def test_what_the_function_sets_stays_and_a_run_says_everything_anew(self) -> None:
        seen = told("""
os.environ["OWN"] = "stays"
os.environ["__OW_DEADLINE"] = "the function's"
del os.environ["__OW_TRANSACTION_ID"]
publish(5_000, 5_001)
names = ("OWN", "__OW_DEADLINE", "__OW_TRANSACTION_ID")
print(json.dumps([[os.environ[name], inherited(name)] for name in names]))
""")
        assert seen == [["stays"] * 2, ["5000"] * 2, [f"{35_000:032x}"] * 2]

    @pytest.mark.parametrize("size", [0, 1, 113, 114, 115, 5_000])
    def test_a_value_of_any_size_is_whole_and_so_is_the_next(self, size: int) -> None:
        seen = told(f"""
seen = []
for text in ("€" + "x" * {size}, "short", ""):
    variables.publish({{"namespace": text}})
    seen.append([os.environ["__OW_NAMESPACE"], inherited("__OW_NAMESPACE")])
print(json.dumps(seen))
""")
        assert seen == [[f"€{'x' * size}"] * 2, ["short"] * 2, ["", ""]]

    def test_a_function_with_a_ctypes_of_its_own_is_served_on(self) -> None:
        seen = told("""
variables = run_variables.RunVariables()
sys.modules["ctypes"] = json
publish(0, 2 * run_variables.PLAIN_RUNS)
print(json.dumps([os.environ["__OW_DEADLINE"], inherited("__OW_DEADLINE")]))
""")
        assert seen == ["1999", "1999"]

    def test_a_function_that_replaces_the_environment_gets_its_own_filled(self) -> None:
        seen = told("""
os.environ = {}
publish(3_000, 3_001)
print(json.dumps(os.environ["__OW_DEADLINE"]))
""")
        assert seen == "3000"


@pytest.mark.contract
@pytest.mark.integration
@pytest.mark.parametrize("concurrency", ["1", "2"])
def test_a_sandbox_of_many_runs_and_what_it_starts_see_each_run(
    launch: Callable[..., Launched], concurrency: str
) -> None:
    code = (
        "import os\ndef main(args):\n"
        "    started = os.popen('echo $__OW_ACTIVATION_ID').read().strip() if args else None\n"
        "    return {'own': os.environ['__OW_ACTIVATION_ID'], 'started': started}\n"
    )
    sandbox = launch("python:3.11", ARGO_CONCURRENCY=concurrency)
    assert sandbox.init(code, "main").status == 200
    connection = sandbox.connect()
    with connection.peer:
        for run in range(PLAIN_RUNS + 3):
            value = {"look": True} if run in {0, PLAIN_RUNS - 1, PLAIN_RUNS, PLAIN_RUNS + 2} else {}
            reply = connection.post("/run", {"value": value, "activation_id": f"{run:032x}"})
            assert reply is not None
            own = f"{run:032x}"
            assert reply.json == {"own": own, "started": own if value else None}
