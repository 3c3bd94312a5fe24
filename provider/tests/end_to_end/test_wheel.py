"""The wheel is whole: installed where nothing of this clone is, its command serves a function."""

import os
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import pytest
from argo_dev.client import Client
from argo_dev.service import GUEST_KEY, Service, free_port, stop

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[3]
READY_SECONDS = 300


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=READY_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(ROOT / "dev", "package", folder)
    (made,) = folder.glob("argofn-*.whl")
    return made


@pytest.fixture(scope="module")
def argofn(wheel, tmp_path_factory):
    """The command in an environment of its own; what the wheel needs is lent by the one of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)}, scheme="venv")
    Path(paths["purelib"], "lent.pth").write_text(sysconfig.get_paths()["purelib"])
    run(sys.executable, "-m", "pip", "-q", "--python", folder, "install", "--no-deps", "--no-index", wheel)
    return folder / "bin" / "argofn"


def test_it_carries_page_launchers_native_runtime_and_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "argo_provider/dashboard_page/index.html" in names
    for part in ("runtimes_data/provision", "runtimes_data/nodejs/", "niuk_runtime/host/Cargo.lock"):
        assert any(name.startswith(f"argo_proxy/{part}") for name in names), part
    assert any(name.endswith("licenses/THIRD_PARTY_LICENSES.md") for name in names)


def test_its_service_runs_a_function(argofn, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    port = free_port()
    command = [argofn, "serve", "--port", str(port), "--data-dir", tmp_path / "data", "--guest-key"]
    command += ["--sandbox", "process", "--set", "runtimes.kinds=python:3.11"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        service = Service(f"http://127.0.0.1:{port}", GUEST_KEY.text, process.pid, tmp_path, tmp_path / "log", 0.0)
        client = Client(service)
        until(lambda: client.call("GET", "limits"))
        client.put_action("hello", {"kind": "python:3.11", "code": "def main(args):\n    return args"})
        client.invoke_once_ready("hello", READY_SECONDS)
    finally:
        stop(process)


def until(ask):
    """Ask until it answers: the service is coming up."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return ask()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
