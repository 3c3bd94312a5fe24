"""A real host program and the C function library of its own tests, built once."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from argo_proxy.sandboxes.niuk.binary import HostBuildError, build_host, source_folder


def _lacking(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def host_program() -> Path:
    try:
        return asyncio.run(build_host())
    except HostBuildError as error:
        _lacking(str(error))
        raise


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A function library that does what its parameters say: see the source for what that can be."""
    if shutil.which("cc") is None:
        _lacking("no C compiler")
    out = tmp_path_factory.mktemp("fake") / "fake_function.so"
    source = source_folder() / "tests" / "fake" / "fake_function.c"
    include = source_folder().parent / "include"
    command = ["cc", "-shared", "-fPIC", "-O1", "-pthread", "-I", str(include), str(source), "-o", str(out)]
    subprocess.run(command, check=True, timeout=60)
    out.chmod(0o755)
    for folder in (out.parent, out.parent.parent, out.parent.parent.parent):
        folder.chmod(0o755)
    return out


@pytest.fixture
def work() -> Iterator[Path]:
    """A short path: a unix socket's is at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="niuk-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
