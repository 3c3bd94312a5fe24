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
NODEJS = ("nodejs:18", "nodejs:20", "nodejs:22")
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
IN_NODEJS = """
function main(args) {
  const started = args.look && require('child_process').execSync('echo $__OW_ACTIVATION_ID').toString().trim();
  return { own: process.env.__OW_ACTIVATION_ID, started: started || null };
}
"""
LOOKING_AROUND = """
const { execSync } = require('child_process');
const { readdirSync, readlinkSync } = require('fs');
const { Worker } = require('worker_threads');
const inspect = require('util').inspect;
const cached = process.env;

function inThread(options) {
  const code = "require('worker_threads').parentPort.postMessage(process.env.__OW_ACTIVATION_ID)";
  return new Promise((resolve, reject) => new Worker(code, { eval: true, ...options }).on('message', resolve).on('error', reject));
}

function target(fd) {
  try { return readlinkSync(`/proc/self/fd/${fd}`); } catch { return ''; }
}

async function main(args) {
  if (!args.look) return { own: process.env.__OW_ACTIVATION_ID };
  process.env.NUMBER = 1;
  process.env.TZ = 'Asia/Tokyo';
  const japanese = new Date(0).getHours();
  process.env.TZ = 'UTC';
  const inherited = (env) => execSync('echo $__OW_ACTIVATION_ID', env && { env }).toString().trim();
  return {
    number: process.env.NUMBER,
    zone: [japanese, new Date(0).getHours()],
    own: [
      cached.__OW_ACTIVATION_ID, { ...process.env }.__OW_ACTIVATION_ID, Object.entries(process.env).find(([name]) => name === '__OW_ACTIVATION_ID')[1],
      JSON.parse(JSON.stringify(process.env)).__OW_ACTIVATION_ID, /__OW_ACTIVATION_ID: '(.*)'/.exec(inspect(process.env))[1],
      inherited(), inherited({ ...process.env }), await inThread({}), await inThread({ env: require('worker_threads').SHARE_ENV }),
    ],
    writtenOver: readdirSync('/proc/self/fd').filter((fd) => /\\/mem$/.test(target(fd))).length > 0,
    once: Object.keys(process.env).filter((name) => name === '__OW_ACTIVATION_ID').length,
    gone: [delete process.env.__OW_ACTIVATION_ID, process.env.__OW_ACTIVATION_ID === undefined, '__OW_ACTIVATION_ID' in process.env],
    replaced: [process.env.__OW_DEADLINE = 'its own', execSync('echo $__OW_DEADLINE').toString().trim()],
  };
}
"""
NODEJS_KEPT = """
const { readFileSync } = require('fs');
const { execSync } = require('child_process');
const { findPlace } = require(`${process.argv[1]}/variable_place.js`);
const fail = (what) => { throw new Error(what); };
const resident = () => { gc(); return Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]) * 4096; };
const place = findPlace('__OW_DEADLINE') || fail('there is no place for it');
const write = (first, last) => { for (let run = first; run < last; run++) place.write(`${1e30 + run} ${run}`) || fail(`not written: ${run}`); };
write(0, 100000);
const before = resident();
write(100000, 500000);
const kept = resident() - before;
for (const text of ['', 'x'.repeat(128), '€'.repeat(42)]) {
  if (!place.write(text) || execSync('printenv __OW_DEADLINE').toString() !== `${text}\\n`) fail(`not whole: ${text}`);
}
if (place.write('x'.repeat(129)) || place.write('€'.repeat(43))) fail('written beyond its end');
process.env.__OW_DEADLINE = 'its own';
if (place.write('another') || process.env.__OW_DEADLINE !== 'its own') fail('it is said to be shown');
console.log(kept);
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
@pytest.mark.parametrize(
    ("kind", "code"), [("python:3.11", IN_PYTHON), ("ruby:3.1", IN_RUBY), *((kind, IN_NODEJS) for kind in NODEJS)]
)
def test_a_sandbox_of_many_runs_and_what_it_starts_see_each_run(
    launch: Callable[..., Launched], kind: str, code: str, concurrency: str
) -> None:
    sandbox = launch(kind, ARGO_CONCURRENCY=concurrency)
    assert sandbox.init(code, "main").status == 200
    connection = sandbox.connect()
    with connection.peer:
        for run in range(PLAIN_RUNS + 5):
            value = {"look": True} if run in {0, PLAIN_RUNS - 1} or run >= PLAIN_RUNS else {}
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


@pytest.mark.contract
@pytest.mark.integration
@pytest.mark.parametrize("kind", NODEJS)
class TestNodejs:
    def test_a_variable_that_is_written_over_leaves_nothing_and_is_whole(
        self, launch: Callable[..., Launched], kind: str
    ) -> None:
        launch(kind)  # so that it is there
        node = str(default_tools_directory() / kind.replace(":", "-") / "bin/node")
        command = [node, "--expose-gc", "-e", NODEJS_KEPT, str(runtimes_directory() / "nodejs")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) < 12_000_000, f"{done.stdout.strip()} bytes more; setenv keeps 36,000,000"

    def test_a_function_sees_its_environment_as_ever_before_and_after(
        self, launch: Callable[..., Launched], kind: str
    ) -> None:
        sandbox = launch(kind)
        assert sandbox.init(LOOKING_AROUND, "main").status == 200
        connection = sandbox.connect()
        with connection.peer:
            for run in range(PLAIN_RUNS + 12):
                look = run in {1, PLAIN_RUNS + 9, PLAIN_RUNS + 11}
                own = f"{run:032x}"
                message = {"value": {"look": look}, "activation_id": own, "deadline": str(run)}
                reply = connection.post("/run", message)
                assert reply is not None
                seen = EVERYTHING | {"own": [own] * 9, "writtenOver": run > PLAIN_RUNS}
                assert reply.json == (seen if look else {"own": own}), f"run {run}"


EVERYTHING = {
    "number": "1",
    "zone": [9, 0],
    "once": 1,
    "gone": [True, True, False],
    "replaced": ["its own", "its own"],
}
