"""Traces: the shape of what is generated, the data set's own columns, and what a replay takes of it."""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import median, stdev

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "loadtests"))

from traces.arrivals import arrivals, part
from traces.azure import DURATIONS, INVOCATIONS, MEMORY, TraceError, read, write
from traces.generate import Shape, generate
from traces.model import Function, Trace

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def day() -> Trace:
    return generate(Shape(functions=600, seed=3))


@pytest.fixture(scope="module")
def small() -> Trace:
    return generate(Shape(functions=60, seed=3, most_per_day=5000))


def test_rates_span_many_orders_of_magnitude_and_most_are_rare(day: Trace) -> None:
    totals = sorted(each.total for each in day.functions)
    assert totals[-1] > 1e6
    assert totals[0] <= 1
    assert 0.35 < sum(total <= 24 for total in totals) / len(totals) < 0.6
    assert 0.7 < sum(total <= 1440 for total in totals) / len(totals) < 0.95


def test_triggers_have_their_shares_and_timers_are_periodic(day: Trace) -> None:
    shares = Counter(each.trigger for each in day.functions)
    assert 0.45 < shares["http"] / len(day.functions) < 0.65
    for timer in (each for each in day.functions if each.trigger == "timer"):
        minutes = list(timer.counts)
        assert len({b - a for a, b in pairwise(minutes)}) <= 1


def test_http_is_burstier_than_queues(day: Trace) -> None:
    def dispersion(trigger: str) -> float:
        busy = [each for each in day.functions if each.trigger == trigger and 200 < each.total < 20_000]
        return median(_variance_over_mean(each) for each in busy)

    assert dispersion("http") > 2 * dispersion("queue")


def _variance_over_mean(function: Function) -> float:
    mean = function.total / 1440
    return sum((function.counts.get(minute, 0) - mean) ** 2 for minute in range(1, 1441)) / 1440 / mean


def test_durations_are_log_normal_and_memory_is_heavy_tailed(day: Trace) -> None:
    logs = [math.log(each.durations.average / 1000) for each in day.functions if each.durations]
    assert 1.8 < stdev(logs) < 2.8
    assert -1.0 < median(logs) < 0.3
    sizes = sorted(memory.average for memory in day.memory.values())
    assert 100 < sizes[len(sizes) // 2] < 250
    assert sizes[-1] > 4 * sizes[len(sizes) // 2]


def test_the_same_seed_gives_the_same_day_and_another_another(small: Trace) -> None:
    assert generate(Shape(functions=60, seed=3, most_per_day=5000)) == small
    assert generate(Shape(functions=60, seed=4, most_per_day=5000)) != small
    assert arrivals(small, seed=1) == arrivals(small, seed=1)


def test_files_have_the_columns_of_the_data_set_and_come_back(small: Trace, tmp_path: Path) -> None:
    write(small, tmp_path)
    headers = {}
    for path in tmp_path.iterdir():
        with path.open(newline="") as file:
            headers[path.name] = tuple(next(csv.reader(file)))
    assert headers == {
        "invocations_per_function_md.anon.d01.csv": INVOCATIONS,
        "function_durations_percentiles.anon.d01.csv": DURATIONS,
        "app_memory_percentiles.anon.d01.csv": MEMORY,
    }
    assert len(INVOCATIONS) == 4 + 1440
    again = read(tmp_path)
    called = [each for each in small.functions if each.counts]
    assert [(each.name, dict(each.counts)) for each in again.functions] == [(each.name, each.counts) for each in called]
    assert again.memory.keys() == small.memory.keys()
    for before, after in zip(called, again.functions, strict=True):
        assert before.durations is not None
        assert after.durations is not None
        assert after.durations.points == pytest.approx(before.durations.points, rel=1e-4)


def test_columns_in_another_order_and_more_of_them_are_no_matter(small: Trace, tmp_path: Path) -> None:
    write(small, tmp_path)
    path = tmp_path / "app_memory_percentiles.anon.d01.csv"
    rows = list(csv.reader(path.read_text().splitlines()))
    path.write_text("\n".join(",".join([*reversed(row), "more"]) for row in rows))
    assert read(tmp_path).memory.keys() == small.memory.keys()


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda path: path.unlink(), "cannot read"),
        (lambda path: path.write_text("HashOwner,HashApp\n"), "the column HashFunction is missing"),
        (lambda path: path.write_text(path.read_text() + "a,b,c,http" + ",x" * 1440), "line 62: invalid literal"),
        (lambda path: path.write_text(path.read_text() + "a,b,c,http" + ",-1" * 1440), "below 0"),
        (lambda path: path.write_text(path.read_text() + "a,b,c"), "line 62"),
    ],
)
def test_damaged_files_say_where(small: Trace, tmp_path: Path, break_it: object, says: str) -> None:
    write(small, tmp_path)
    break_it(tmp_path / "invocations_per_function_md.anon.d01.csv")  # type: ignore[operator]
    with pytest.raises(TraceError, match=says):
        read(tmp_path)


def test_arrivals_are_those_of_the_counts(small: Trace) -> None:
    window = arrivals(small, seed=5, first=61, minutes=60)
    assert window == sorted(window)
    assert all(0 <= each.at < 3600 for each in window)
    drawn = Counter((each.function, 61 + int(each.at // 60)) for each in window)
    for index, function in enumerate(small.functions):
        assert {m: n for (i, m), n in drawn.items() if i == index} == {
            m: n for m, n in function.counts.items() if 61 <= m < 121
        }


def test_durations_follow_their_percentiles(small: Trace) -> None:
    function = max(small.functions, key=lambda each: each.total)
    alone = Trace((function,), {})
    drawn = sorted(each.duration_ms for each in arrivals(alone, seed=1))
    assert function.durations is not None
    assert median(drawn) == pytest.approx(function.durations.points[3], rel=0.1)


def test_a_part_is_spread_over_the_rates_and_leaves_out_the_busiest(day: Trace) -> None:
    chosen = part(day, functions=30, seed=1, first=600, minutes=120, most=500)
    totals = [each.total for each in chosen.functions]
    assert len(totals) == 30
    assert totals == sorted(totals)
    assert totals[0] <= 2
    assert 50 < totals[-1] <= 500
    assert all(600 <= minute < 720 for each in chosen.functions for minute in each.counts)
