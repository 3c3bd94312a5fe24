"""Provisions each kind once, into the cache that the service uses, so that a second run of the tests starts at once."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from argo_proxy.runtimes import Catalogue, default_tools_directory, load_catalogue, runtimes_directory

from .languages import LANGUAGES, Language, jar_of
from .launched import Launched

PROVISION_SECONDS = 900


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@cache
def provisioned(kind: str) -> str:
    """ "" when the kind is ready here, else why not."""
    command = [str(runtimes_directory() / "provision"), "--tools", str(default_tools_directory()), kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PROVISION_SECONDS, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or done.stdout.strip()


def need(kind: str) -> None:
    """Skips on a laptop, fails in CI, where the kind cannot be made ready."""
    reason = provisioned(kind)
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def java_action(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Callable[[], str]:
    @cache
    def jar() -> str:
        runtime = catalogue.get("java:17")
        assert runtime is not None
        source = next(language.source for language in LANGUAGES if language.kind == "java:17")
        return jar_of(source, runtime.tool_directory(default_tools_directory()), tmp_path_factory.mktemp("jar"))

    return jar


@pytest.fixture
def work() -> Iterator[Path]:
    """A short path: a unix socket's is at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="argo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def launch(catalogue: Catalogue, work: Path) -> Iterator[Callable[..., Launched]]:
    """`launch(kind, NAME=value…)`: a fresh sandbox process, ended after the test."""
    running: list[Launched] = []

    def start(kind: str, *, address: str = "", **environment: str) -> Launched:
        need(kind)
        runtime = catalogue.get(kind)
        assert runtime is not None
        folder = work / str(len(running))
        folder.mkdir()
        launched = Launched(runtime, default_tools_directory(), folder, environment, address)
        running.append(launched.__enter__())
        return launched

    yield start
    for launched in running:
        launched.__exit__(None, None, None)


@pytest.fixture
def code_of(java_action: Callable[[], str]) -> Callable[[Language], str]:
    """What to send as `code`: text, or a jar for Java."""
    return lambda language: java_action() if language.kind == "java:17" else language.source
