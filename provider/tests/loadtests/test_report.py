"""What a replay saw, kept and shown."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "loadtests"))

from traces import outcome, report
from traces.outcome import Call

pytestmark = pytest.mark.unit
CALL = Call(1.0, 0, "java_orders", 100, 0.5, 110.0, 200, succeeded=True, cold=False, tier="ordinary", sandbox="process")


def calls() -> list[Call]:
    return [
        replace(CALL, at=float(number), function=number % 5, latency_ms=100.0 + number, cold=number == 0, tier=tier)
        for number in range(100)
        for tier in ("ordinary", "native")
    ]


def test_figures_count_what_failed_was_cold_and_how_slow_it_was() -> None:
    failed = replace(CALL, status=502, succeeded=False, asked_ms=0, latency_ms=50.0, said="HTTP 502 gone")
    told = outcome.summary([*calls(), failed])
    assert (told["invocations"], told["failed"], told["cold_starts"]) == (201, 1, 2)
    assert outcome.failures([CALL, failed]) == ["java_orders, 1.0 s: HTTP 502 gone"]
    assert told["by_tier"] == {"ordinary": 101, "native": 100}
    assert told["slowdown_p50"] == pytest.approx(1.5, abs=0.02)
    assert told["slowdown_p999"] == 5.0  # held against the shortest ideal, not against nothing


def test_records_come_back(tmp_path: Path) -> None:
    outcome.write(calls(), tmp_path / "calls.jsonl")
    assert outcome.read(tmp_path / "calls.jsonl") == calls()


@pytest.mark.parametrize("seen", [calls(), [CALL], [replace(CALL, cold=None, tier="", sandbox="")]])
def test_the_report_holds_its_charts_and_loads_nothing(seen: list[Call]) -> None:
    page = report.html(seen, {"seed": 1, "trace": "<generated>"})
    pictures = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(pictures) == 5
    for picture in pictures:
        ET.fromstring(picture)  # noqa: S314  # our own
    assert not re.findall(r"(?:src|href)\s*=|@import|url\(", page)
    assert "&lt;generated&gt;" in page


def test_a_report_of_nothing_is_a_report() -> None:
    assert "<table>" in report.html([], {})
