"""Each bench of the NIUk runs for real, quickly, and prints what `./dev bench NAME --json` promises."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from argo_proxy.builder.cache import default_root

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[3]
SECONDS = 3000  # where everything has to be built first
NAMES = ("startup", "footprint", "tail", "throughput", "communication", "isolates", "zygote")


def run_bench(name: str, pictures: Path) -> subprocess.CompletedProcess[str]:
    paths = (ROOT / part for part in ("provider/src", "action-proxy/src", "tools"))
    environment = {**os.environ, "PYTHONPATH": ":".join(map(str, paths)), "ARGO_CACHE": str(default_root())}
    command = [sys.executable, "-P", str(ROOT / f"provider/benches/{name}.py")]
    command += ["--json", "--quick", "--svg", str(pictures)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_bench_prints_results_ratios_targets_and_what_is_met(name: str, tmp_path: Path) -> None:
    if os.environ.get("CI") != "true" and not list(default_root().glob("java-function-*/function.so")):
        pytest.skip("no function library was built on this machine: python -m argo_proxy.builder toolchain")
    done = run_bench(name, tmp_path)
    if done.returncode == 1 and "fix: " in done.stderr and os.environ.get("CI") != "true":
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout)
    assert answer["bench"] == name
    assert answer["quick"] is True
    assert answer["results"], answer
    assert set(answer["targets"]) <= set(answer["ratios"])
    assert set(answer["met"]) == set(answer["targets"])
    for target in answer["met"]:
        assert answer["targets"][target]["measured"] == pytest.approx(answer["ratios"][target], rel=1e-3)
    assert ET.parse(tmp_path / f"{name}.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own picture
