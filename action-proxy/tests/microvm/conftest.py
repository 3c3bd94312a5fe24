"""A kernel, a host and QEMU: built or found once, required in CI."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from argo_dev.hosts import built_functions, built_host, lacking

import argo_proxy
from argo_proxy.builder.cache import default_root
from argo_proxy.builder.initramfs import pack
from argo_proxy.sandboxes.microvm.image import niuk_files
from argo_proxy.sandboxes.microvm.qemu import PROGRAM

BUILD_SECONDS = 1800


@pytest.fixture(scope="session")
def host_program() -> Path:
    return built_host()


@pytest.fixture(scope="session")
def probe_program(host_program: Path) -> Path:
    return host_program.with_name("niuk-kvm-probe")


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_functions(tmp_path_factory.mktemp("fake"))


@pytest.fixture(scope="session")
def kernel() -> Path:
    """Built where CI asks for it (three minutes); elsewhere the one that was built before."""
    if shutil.which(PROGRAM) is None:
        lacking(f"{PROGRAM} is not installed: apt-get install qemu-system-x86")
    built = sorted(default_root().glob("kernel-*/vmlinux"))
    if built and os.environ.get("CI") != "true":
        return built[-1]
    if os.environ.get("CI") != "true":
        pytest.skip("no kernel: python -m argo_proxy.builder kernel")
    command = [sys.executable, "-m", "argo_proxy.builder", "kernel"]
    environment = {**os.environ, "PYTHONPATH": str(Path(argo_proxy.__file__).parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def initramfs(host_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = tmp_path_factory.mktemp("image") / "niuk.cpio"
    image.write_bytes(pack(asyncio.run(niuk_files(host_program))))
    return image
