"""Memory as the kernel tells of it."""

from pathlib import Path

import pytest

from argo_proxy.sizes import sizes

pytestmark = pytest.mark.unit


def test_lines_that_tell_of_no_memory_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "some"
    file.write_text(
        "Name:\tnode\nVmRSS:\t     120 kB\n5580-7ffc ---p 00000000 00:00 0 [rollup]\nPss:  7 kB\nHugePages_Total:  3\n\n"
    )
    assert sizes(file) == {"VmRSS": 120 << 10, "Pss": 7 << 10}


def test_this_process_and_this_machine() -> None:
    machine, own = sizes(Path("/proc/meminfo")), sizes(Path("/proc/self/status"))
    assert machine["MemTotal"] > own["VmRSS"] > 0
    assert "SwapFree" in machine
