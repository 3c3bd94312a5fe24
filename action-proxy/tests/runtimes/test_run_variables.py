"""What runs tell of themselves in the environment costs a sandbox no memory, however many there are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from argo_proxy.runtimes import default_tools_directory, runtimes_directory

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


IN_PYTHON = """
import os
def main(args):
    started = os.popen('echo $__OW_ACTIVATION_ID').read().strip() if args else None
    return {'own': os.environ['__OW_ACTIVATION_ID'], 'started': started}
"""
IN_RUBY = """
def main(args)
  { own: ENV['__OW_ACTIVATION_ID'], started: args.empty? ? nil : `echo $__OW_ACTIVATION_ID`.strip }
end
"""
RUBY_KEPT = """
require "#{ARGV[0]}/run_variables"
variables = RunVariables.new
publish = lambda do |first, last|
  (first...last).each do |run|
    variables.publish('activation_id' => format('%032x', run), 'transaction_id' => format('%032x', run * 7), 'deadline' => run.to_s)
  end
end
resident = -> { GC.start; Integer(File.read('/proc/self/statm').split[1]) * 4096 }
publish.call(0, 10_000)
before = resident.call
publish.call(10_000, 110_000)
raise 'not what was published' unless ENV['__OW_DEADLINE'] == '109999' && `printenv __OW_DEADLINE` == "109999\n"
variables.publish('namespace' => long = "€#{'x' * 5000}")
raise 'not the long one' unless ENV['__OW_NAMESPACE'] == long && `printenv __OW_NAMESPACE` == "#{long}\n"
puts resident.call - before
"""


@pytest.mark.contract
@pytest.mark.integration
@pytest.mark.parametrize("concurrency", ["1", "2"])
@pytest.mark.parametrize(("kind", "code"), [("python:3.11", IN_PYTHON), ("ruby:3.1", IN_RUBY)])
def test_a_sandbox_of_many_runs_and_what_it_starts_see_each_run(
    launch: Callable[..., Launched], kind: str, code: str, concurrency: str
) -> None:
    sandbox = launch(kind, ARGO_CONCURRENCY=concurrency)
    assert sandbox.init(code, "main").status == 200
    connection = sandbox.connect()
    with connection.peer:
        for run in range(PLAIN_RUNS + 3):
            value = {"look": True} if run in {0, PLAIN_RUNS - 1, PLAIN_RUNS, PLAIN_RUNS + 2} else {}
            reply = connection.post("/run", {"value": value, "activation_id": f"{run:032x}"})
            assert reply is not None
            own = f"{run:032x}"
            assert reply.json == {"own": own, "started": own if value else None}


@pytest.mark.contract
@pytest.mark.integration
def test_a_hundred_thousand_runs_leave_ruby_less_than_four_megabytes(launch: Callable[..., Launched]) -> None:
    launch("ruby:3.1")  # so that it is there
    ruby = str(default_tools_directory() / "ruby-3.1/bin/ruby")
    command = [ruby, "--disable=gems", "-e", RUBY_KEPT, str(runtimes_directory() / "ruby")]
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 4_000_000, f"{done.stdout.strip()} bytes more; setenv keeps 27,000,000"
