"""For tests: the host of a NIUk, and the functions of its own tests. What is missing is a skip, in CI a failure."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from argo_proxy.sandboxes.niuk.binary import HostBuildError, build_host, source_folder


def lacking(reason: str) -> NoReturn:
    """End the test: this machine cannot run it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def built_host() -> Path:
    """The host's program, of the checkout's sources."""
    try:
        return asyncio.run(build_host())
    except HostBuildError as error:
        lacking(str(error))


def built_functions(folder: Path) -> Path:
    """A library in `folder` whose functions do what their parameters say: see the source for what that can be."""
    if shutil.which("cc") is None:
        lacking("no C compiler")
    out = folder / "fake_function.so"
    source = source_folder() / "tests" / "fake" / "fake_function.c"
    include = source_folder().parent / "include"
    command = ["cc", "-shared", "-fPIC", "-O1", "-pthread", "-I", str(include), str(source), "-o", str(out)]
    subprocess.run(command, check=True, timeout=60)
    return out
