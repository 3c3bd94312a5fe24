"""What a run is said to have used is what all it started used, ended ones included."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from argo_dev.held import Held
from argo_dev.processes import branches, cpu_seconds, own_seconds

pytestmark = pytest.mark.unit


def test_memory_over_time_is_by_trapezoids_and_builds_are_told_apart() -> None:
    held = Held([0.0, 1.0, 3.0], [1024.0, 2048.0, 0.0], [0.0, 1024.0, 0.0])
    assert held.gb_seconds == pytest.approx(1.5 + 2.0)
    assert held.build_gb_seconds == pytest.approx(0.5 + 1.0)


def test_each_child_is_a_branch_with_all_below_it() -> None:
    """The shell stays in front of its own child."""
    child = subprocess.Popen(["sh", "-c", "cat; :"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"up\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"up\n"
        below = branches(os.getpid())
        assert child.pid in below[child.pid]
        assert len(below[child.pid]) == 2
        assert os.getpid() not in below
    finally:
        child.communicate()


def test_own_time_is_without_that_of_ended_children() -> None:
    before, all_before = own_seconds(os.getpid()), cpu_seconds(os.getpid())[1]
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 1: pass"], check=True)
    own, everything = own_seconds(os.getpid()) - before, cpu_seconds(os.getpid())[1] - all_before
    assert everything - own > 0.9
    assert own_seconds(2**22 + 1) == 0.0
