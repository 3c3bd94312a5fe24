"""`argofn trace`: what is read, and what a day would cost."""

import csv
import json

import pytest
from typer.testing import CliRunner

from argo_provider.cli.main import app
from argo_provider.cli.trace_file import MINUTES, Function, TraceError, read
from argo_provider.cli.trace_plan import FIXED_SECONDS, Assumed, natively_from, plan

MINUTE_COLUMNS = [str(minute) for minute in range(1, MINUTES + 1)]
NAME = "invocations_per_function_md.anon.d01.csv"


def write(folder, *functions, name=NAME):
    """Rows of owner, app, function, trigger and counts by minute."""
    path = folder / name
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["HashOwner", "HashApp", "HashFunction", "Trigger", *MINUTE_COLUMNS])
        for function, counts in functions:
            writer.writerow(["o", "a", function, "http", *(counts.get(m, 0) for m in range(1, MINUTES + 1))])
    return path


def test_what_is_called_is_read_with_what_lies_beside_it(tmp_path):
    path = write(tmp_path, ("f", {1: 2, 1440: 1}), ("never", {}))
    (tmp_path / "function_durations_percentiles.anon.d01.csv").write_text(
        "HashOwner,HashApp,HashFunction,Average,Count\no,a,f,12.5,3\n"
    )
    (tmp_path / "app_memory_percentiles.anon.d01.csv").write_text(
        "HashOwner,HashApp,SampleCount,AverageAllocatedMb\no,a,1,64\n"
    )
    assert read(path) == [Function("o/a/f", "http", {1: 2, 1440: 1}, 12.5, 64.0)]


@pytest.mark.parametrize(
    ("content", "said"),
    [("HashOwner,HashApp\n", "the column HashFunction is missing"), ("", "is missing"), (None, "cannot read")],
)
def test_a_file_of_another_shape_is_said(tmp_path, content, said):
    path = tmp_path / "x.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TraceError, match=said):
        read(path)


def test_a_bad_cell_is_told_with_its_line(tmp_path):
    path = write(tmp_path, ("f", {1: "many"}))
    with pytest.raises(TraceError, match="line 2"):
        read(path)


def test_a_function_called_once_is_held_for_as_long_as_it_is_kept():
    found = plan([Function("f", "http", {700: 1})], Assumed(mb=100.0, start_ms=500.0))
    assert (found.calls, found.fixed.cold, found.fixed.waited_ms) == (1, 1, 500.0)
    assert found.fixed.mb_seconds == FIXED_SECONDS * 100.0
    assert found.fixed.peak_mb == 100.0
    assert found.ordinary.mb_seconds < found.fixed.mb_seconds


def test_calls_that_come_quickly_share_a_sandbox_and_slow_ones_need_more():
    busy = dict.fromkeys(range(600, 660), 60)
    quick = plan([Function("f", "http", busy, ms=10.0)], Assumed(mb=100.0))
    slow = plan([Function("f", "http", busy, ms=5000.0)], Assumed(mb=100.0))
    assert quick.fixed.cold == 1
    assert quick.fixed.peak_mb == 100.0
    assert slow.fixed.peak_mb >= 5 * quick.fixed.peak_mb


def test_hot_functions_get_native_and_cheaper():
    busy = dict.fromkeys(range(100, 800), 30)
    found = plan([Function("f", "http", busy)], Assumed())
    assert found.hot == 1
    assert found.natively / found.calls > 0.95
    assert found.native.mb_seconds < 0.2 * found.ordinary.mb_seconds


def test_a_compiled_language_must_be_called_more():
    rare = dict.fromkeys(range(1, 1440, 20), 1)
    assert natively_from(Function("f", "http", rare), Assumed(compiled=True)) > MINUTES
    assert natively_from(Function("f", "http", rare), Assumed(compiled=False)) < MINUTES


def test_the_command(tmp_path):
    path = write(tmp_path, ("f", dict.fromkeys(range(100, 800), 30)), ("g", {5: 1}))
    shown = CliRunner().invoke(app, ["trace", str(path)]).stdout
    assert "2 functions, 21001 calls in a day; 1 would run natively" in shown
    assert "here, hot ones native" in shown
    found = json.loads(CliRunner().invoke(app, ["trace", str(path), "-o", "json", "--language", "java"]).stdout)
    assert [way["coldStarts"] >= 2 for way in found["ways"]] == [True, True, True]
    failed = CliRunner().invoke(app, ["trace", str(tmp_path / "none.csv")])
    assert failed.exit_code == 2
    assert "next: " in failed.stderr
