"""What a load plan makes of what it saw."""

from __future__ import annotations

import pytest
from argo_dev.loads import markdown
from argo_dev.loads.__main__ import as_json
from argo_dev.loads.plans import Measured, Stage, plans
from argo_dev.loads.slopes import Sample, growing

pytestmark = pytest.mark.unit

FLAT = Sample(0.0, 100.0, 50.0, 12.0, 4.0, 30.0, 3.0, 4.0)


def seen(**growth: float) -> list[Sample]:
    """A hundred samples; what is named grows evenly to the double."""
    return [
        Sample(
            float(at), **{n: getattr(FLAT, n) * (1 + growth.get(n, 0) * at / 99) for n in FLAT.__slots__ if n != "at"}
        )
        for at in range(100)
    ]


def test_what_stays_as_it_is_is_flat() -> None:
    assert all(flat for _, _, flat in growing(seen()))


@pytest.mark.parametrize("name", ["memory_mb", "descriptors", "tasks", "threads"])
def test_what_grows_is_found_by_name(name: str) -> None:
    assert [what for what, _, flat in growing(seen(**{name: 1.0})) if not flat] == [name]


def test_a_row_more_or_less_is_no_growth() -> None:
    samples = [Sample(float(at), 100.0, 50.0, 12.0, 4.0, 30.0, float(at > 90), 4.0) for at in range(100)]
    assert all(flat for _, _, flat in growing(samples))


def test_what_goes_up_and_down_is_no_growth_and_what_grows_beneath_it_is() -> None:
    def tasks(at: int, growth: float) -> Sample:
        return Sample(float(at), 100.0, 50.0, 12.0, 4.0, 20.0 + (at * 7 % 13) + growth * at, 0.0, 4.0)

    assert all(flat for _, _, flat in growing([tasks(at, 0.0) for at in range(120)]))
    assert [what for what, _, flat in growing([tasks(at, 0.2) for at in range(120)]) if not flat] == ["tasks"]


def measured(title: str, rate: float, p99: float, memory: float, refused: int = 0) -> Measured:
    samples = tuple(Sample(float(at), memory, 50.0, 12.0, 4.0, 30.0, 3.0, 4.0) for at in range(5))
    return Measured(Stage(title, 16, 10), 1000, 0, refused, rate, 5.0, 9.0, p99, samples)


@pytest.mark.parametrize(
    ("over", "met"),
    [
        (measured("overload", 900.0, 800.0, 150.0, 5000), [True, True, True, True]),
        (measured("overload", 700.0, 800.0, 150.0), [True, False, True, True]),
        (measured("overload", 900.0, 60_000.0, 150.0), [True, True, False, True]),
        (measured("overload", 900.0, 800.0, 900.0), [True, True, True, False]),
    ],
)
def test_overload_is_judged_by_goodput_latency_and_memory(over: Measured, met: list[bool]) -> None:
    peak = measured("peak", 1000.0, 20.0, 100.0)
    assert [kept for _, kept in plans()["overload"].judge([peak, over])] == met


def test_a_report_is_made_of_what_a_run_prints() -> None:
    plan = plans()["overload"]
    found = [measured("peak", 1000.0, 20.0, 100.0), measured("overload", 700.0, 800.0, 150.0, 5000)]
    told = as_json(plan, found, plan.judge(found), "2 processors.", "2026-11-25")
    page = markdown.page(told)
    assert "| overload | 10 | 16 | 1000 | 700 | 5 | 9 | 800 | 0 | 5000 |" in page
    assert page.count("**no**") == 1
    assert "2 processors." in page
    assert "memory_mb" in page
