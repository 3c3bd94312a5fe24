"""A real host program and the C function library of its own tests, built once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from argo_dev.hosts import built_functions, built_host


@pytest.fixture(scope="session")
def host_program() -> Path:
    return built_host()


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A function library that does what its parameters say: see the source for what that can be."""
    out = built_functions(tmp_path_factory.mktemp("fake"))
    out.chmod(0o755)
    for folder in (out.parent, out.parent.parent, out.parent.parent.parent):
        folder.chmod(0o755)
    return out


@pytest.fixture
def work() -> Iterator[Path]:
    """A short path: a unix socket's is at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="niuk-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
