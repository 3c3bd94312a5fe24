"""A Docker engine for the time of a test run: the machine's own if one answers, else one that we start and stop."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60


@contextmanager
def docker_engine(cache: Path) -> Iterator[str]:
    """Yields why there is no engine, or "" with DOCKER_HOST pointing to one."""
    if _answers(os.environ.get("DOCKER_HOST")):
        yield ""
        return
    if os.geteuid() != 0:
        yield "no Docker engine answers, and starting one needs root"
        return
    if shutil.which("dockerd") is None:
        yield "no Docker engine answers, and dockerd is not installed (apt-get install docker.io)"
        return
    # What the engine's helpers leave in it while they end is no reason to fail a run whose tests have passed.
    with tempfile.TemporaryDirectory(prefix="argo-engine-", ignore_cleanup_errors=True) as folder:
        try:
            yield from _own_engine(Path(folder), cache / "docker")
        finally:
            _unmount_below(folder)


def _own_engine(folder: Path, data: Path) -> Iterator[str]:
    address = f"unix://{folder}/docker.sock"
    log = folder / "dockerd.log"
    command = [
        "dockerd",
        "--storage-driver=overlay2",
        "--iptables=false",
        "--ip6tables=false",
        f"--host={address}",
        f"--data-root={data}",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/docker.pid",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    before = os.environ.get("DOCKER_HOST")
    try:
        reason = _wait(process, address, log)
        if not reason:
            os.environ["DOCKER_HOST"] = address
        yield reason
    finally:
        _restore("DOCKER_HOST", before)
        _stop(process)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> str:
    """ "" once the engine answers, else what its log says."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(address):
            return ""
        time.sleep(0.2)
    last = [line for line in log.read_text(errors="replace").splitlines() if "failed" in line.lower()][-1:]
    return f"the Docker engine did not start: {last[0][-200:] if last else 'see dockerd'}"


def _answers(address: str | None) -> bool:
    if shutil.which("docker") is None:
        return False
    environment = os.environ if address is None else {**os.environ, "DOCKER_HOST": address}
    command = ["docker", "info", "--format", "{{.ServerVersion}}"]
    try:
        answer = subprocess.run(command, env=environment, capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


def _unmount_below(folder: str) -> None:
    """What a helper of the engine still has mounted, deepest first; once nobody uses it, it is gone."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)
