"""The probe over a made-up /proc, and over the real one."""

import pytest

from argo_provider.insight.machine import MachineProbe

pytestmark = pytest.mark.unit

MEMORY = "MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:    6000 kB\nHugePages_Total:     0\n"


def test_the_processors_share_is_of_the_time_since_the_last_look(tmp_path):
    def ticks(busy, idle):
        (tmp_path / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1 1\n")

    (tmp_path / "meminfo").write_text(MEMORY)
    now = [10.0]
    ticks(100, 100)
    probe = MachineProbe(tmp_path, lambda: now[0])
    assert probe.sample().cpu_percent == 0, "no time has passed"
    now[0] += 1
    ticks(125, 175)
    assert probe.sample().cpu_percent == 25
    now[0] += 0.1
    ticks(225, 175)
    assert probe.sample().cpu_percent == 25, "too short to say"
    now[0] += 1
    assert probe.sample().cpu_percent == 100
    assert probe.sample().memory_used_bytes == 2000 * 1024


def test_this_machine():
    found = MachineProbe().sample()
    assert found.cpus >= 1
    assert 0 < found.memory_used_bytes <= found.memory_bytes
    assert len(found.load_average) == 3
