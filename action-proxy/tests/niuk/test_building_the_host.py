"""The host's program is built like everything else that is built beside a service; here a stand-in for cargo does it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from argo_proxy.sandboxes.niuk.binary import HostBuildError, build_host, find_host

pytestmark = pytest.mark.unit

_CARGO = """#!/bin/sh
case $ARGO_TEST_CARGO in fails) echo 'it does not compile'; exit 101;; esac
mkdir -p "$CARGO_TARGET_DIR/release"
echo "#!/bin/sh" > "$CARGO_TARGET_DIR/release/niuk-host"
chmod +x "$CARGO_TARGET_DIR/release/niuk-host"
chrt -p $$
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "cargo").write_text(_CARGO)
    (tools / "cargo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "target"))
    monkeypatch.setenv("ARGO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ARGO_NIUK_HOST", raising=False)
    return tmp_path / "cache"


async def test_it_is_found_once_it_is_built_in_the_background(cache: Path, tmp_path: Path) -> None:
    made = await build_host()
    assert made == tmp_path / "target/release/niuk-host"
    assert find_host() == made
    assert "SCHED_IDLE" in (cache / "niuk-host.log").read_text()


async def test_a_build_that_fails_tells_its_last_words(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGO_TEST_CARGO", "fails")
    with pytest.raises(HostBuildError, match=r"cargo ended with 101: .*it does not compile"):
        await build_host()
    assert "it does not compile" in (cache / "niuk-host.log").read_text()
