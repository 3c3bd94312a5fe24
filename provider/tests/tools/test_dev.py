"""The entry of a clone, as far as it can be run without installing anything."""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[3]


def dev(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Called from another folder, as people do."""
    return subprocess.run(
        [ROOT / "dev", *arguments],
        cwd="/",
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_verb():
    shown = dev("help")
    assert shown.returncode == 0
    for verb in ("serve", "test", "check", "bench", "doctor", "argofn"):
        assert f"./dev {verb}" in shown.stdout


@pytest.mark.parametrize("verb", ["lock", "page", "package", "docs", "check"])
def test_a_verb_that_is_asked_for_help_does_nothing_else(verb: str) -> None:
    shown = dev(verb, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"./dev {verb}" in shown.stdout


def test_a_verb_without_arguments_refuses_one() -> None:
    refused = dev("lock", "requirements.lock")
    assert refused.returncode == 1
    assert "takes no arguments" in refused.stderr


def test_an_unknown_verb_is_refused_with_the_help():
    refused = dev("serv")
    assert refused.returncode == 1
    assert "there is no ./dev serv" in refused.stderr
    assert "./dev serve" in refused.stderr


def test_a_bench_that_does_not_exist_is_answered_with_those_that_do():
    refused = dev("bench", "none")
    assert refused.returncode == 2
    assert {"invoke", "cold"} <= set(refused.stdout.split())


def test_the_locks_pin_everything_by_hash_and_name_no_registry():
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pins, lock
        assert all("==" in pin for pin in pins), lock
        assert text.count("--hash=sha256:") >= len(pins), lock
        assert "://" not in text, lock


def test_what_runs_is_pinned_alike_for_running_and_for_testing():
    def pins(name: str) -> set[str]:
        """Versions; on which interpreters each is wanted, a package that only tests need may widen."""
        lines = (ROOT / name).read_text().splitlines()
        return {line.partition(" ;")[0].rstrip(" \\") for line in lines if "==" in line}

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_machines_without_apt_are_told_what_to_install(tmp_path):
    """A PATH with only what the script itself needs: nothing can be installed, and it says so."""
    for tool in ("sh", "dirname", "readlink", "date", "cat", "id", "sha256sum", "cut", "mkdir", "flock", "tr", "env"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    told = dev("serve", PATH=str(tmp_path), ARGO_CACHE=str(tmp_path / "cache"))
    assert told.returncode != 0
    assert "no apt-get" in told.stderr
    assert "install with: apt-get install -y --no-install-recommends" in told.stderr
    assert "bubblewrap" in told.stderr
