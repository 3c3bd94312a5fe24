"""Which program of a NIUk is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from argo_proxy.sandboxes.niuk import binary

pytestmark = pytest.mark.unit


@pytest.fixture
def crate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's crate, and the program that was built from it."""
    crate = tmp_path / "host"
    (crate / "src").mkdir(parents=True)
    for name in ("src/main.rs", "Cargo.toml", "Cargo.lock"):
        (crate / name).write_text(name)
    monkeypatch.setattr(binary, "source_folder", lambda: crate)
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "target"))
    monkeypatch.delenv(binary.HOST_VARIABLE, raising=False)
    program = tmp_path / "target/release/niuk-host"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    program.with_suffix(".sources").write_text(binary._sources())
    return crate


def test_one_that_was_built_from_other_sources_is_none(crate: Path) -> None:
    assert binary.find_host() is not None
    assert not binary.is_outdated()
    (crate / "src/main.rs").write_text("another")
    assert binary.find_host() is None
    assert binary.is_outdated()


def test_one_whose_sources_nobody_wrote_down_is_none(crate: Path, tmp_path: Path) -> None:
    (tmp_path / "target/release/niuk-host.sources").unlink()
    assert binary.find_host() is None


def test_one_that_is_named_is_taken_as_it_is(crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (crate / "src/main.rs").write_text("another")
    named = tmp_path / "target/release/niuk-host"
    monkeypatch.setenv(binary.HOST_VARIABLE, str(named))
    assert binary.find_host() == named
