"""The CSV files of the data set, with its own names and columns: invocations, durations, memory; one of each a day.

Where the real files are in a folder, they are read in place of generated ones. Rows of the durations and memory files
for which there are no invocations are left out, as are functions whose counts are all zero.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from traces.model import DURATION_POINTS, MEMORY_POINTS, MINUTES, Durations, Function, Memory, Trace

_FILES = {
    "invocations": "invocations_per_function_md.anon.d{:02}.csv",
    "durations": "function_durations_percentiles.anon.d{:02}.csv",
    "memory": "app_memory_percentiles.anon.d{:02}.csv",
}
_APP = ("HashOwner", "HashApp")
_FUNCTION = (*_APP, "HashFunction")
_COUNTS = tuple(str(minute) for minute in range(1, MINUTES + 1))
_DURATION_POINTS = tuple(f"percentile_Average_{point}" for point in DURATION_POINTS)
_MEMORY_POINTS = tuple(f"AverageAllocatedMb_pct{point}" for point in MEMORY_POINTS)
INVOCATIONS = (*_FUNCTION, "Trigger", *_COUNTS)
DURATIONS = (*_FUNCTION, "Average", "Count", "Minimum", "Maximum", *_DURATION_POINTS)
MEMORY = (*_APP, "SampleCount", "AverageAllocatedMb", *_MEMORY_POINTS)
T = TypeVar("T")


class TraceError(Exception):
    """The files are not what the data set's are; the message names file, line and column."""


def write(trace: Trace, folder: Path, day: int = 1) -> None:
    """Three files, as the data set names them."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, "invocations", day, INVOCATIONS, (_counts_row(each) for each in trace.functions))
    known = [(each, each.durations) for each in trace.functions if each.durations is not None]
    _write(folder, "durations", day, DURATIONS, (_durations_row(each, durations) for each, durations in known))
    rows = (
        [*app, memory.samples, _short(memory.average), *map(_short, memory.points)]
        for app, memory in trace.memory.items()
    )
    _write(folder, "memory", day, MEMORY, rows)


def read(folder: Path, day: int = 1) -> Trace:
    """Raises TraceError. The memory file may be missing, as it is for some days of the data set."""
    durations = dict(_rows(folder, "durations", day, DURATIONS, _durations_of))
    memory = dict(_rows(folder, "memory", day, MEMORY, _memory_of)) if _path(folder, "memory", day).exists() else {}
    functions = []
    for (owner, app, name), (trigger, counts) in _rows(folder, "invocations", day, INVOCATIONS, _counts_of):
        if counts:
            functions.append(Function(owner, app, name, trigger, counts, durations.get((owner, app, name))))
    return Trace(tuple(functions), memory)


def _path(folder: Path, which: str, day: int) -> Path:
    return folder / _FILES[which].format(day)


def _write(folder: Path, which: str, day: int, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with _path(folder, which, day).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _counts_row(function: Function) -> list[object]:
    counts = (function.counts.get(minute, 0) for minute in range(1, MINUTES + 1))
    return [function.owner, function.app, function.name, function.trigger, *counts]


def _durations_row(function: Function, durations: Durations) -> list[object]:
    least, most = durations.points[0], durations.points[-1]
    figures = [durations.average, durations.count, least, most, *durations.points]
    return [function.owner, function.app, function.name, *map(_short, figures)]


def _memory_row(app: tuple[str, str], memory: Memory) -> list[object]:
    return [*app, memory.samples, _short(memory.average), *map(_short, memory.points)]


def _short(figure: float) -> str:
    return f"{figure:.6g}"


def _rows(
    folder: Path, which: str, day: int, columns: Sequence[str], parse: Callable[[Sequence[str]], T]
) -> Iterator[T]:
    """The rows of a file, their columns in our order, whatever order and more columns the file has."""
    path = _path(folder, which, day)
    try:
        with path.open(newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            missing = [column for column in columns if column not in header]
            if missing:
                raise TraceError(f"{path}: the column {missing[0]} is missing ({len(missing)} are)")
            order = [header.index(column) for column in columns]
            for row in reader:
                try:
                    yield parse([row[index] for index in order])
                except (ValueError, IndexError) as error:
                    raise TraceError(f"{path}, line {reader.line_num}: {error}") from error
    except OSError as error:
        raise TraceError(f"cannot read {path}: {error.strerror}") from error


def _counts_of(row: Sequence[str]) -> tuple[tuple[str, str, str], tuple[str, dict[int, int]]]:
    counts = {minute: int(count) for minute, count in enumerate(row[4:], 1) if count not in {"0", ""}}
    if any(count < 0 for count in counts.values()):
        raise ValueError("a count is below 0")
    return (row[0], row[1], row[2]), (row[3], counts)


def _durations_of(row: Sequence[str]) -> tuple[tuple[str, str, str], Durations]:
    points = tuple(float(each) for each in row[7:])
    return (row[0], row[1], row[2]), Durations(float(row[3]), int(float(row[4])), points)


def _memory_of(row: Sequence[str]) -> tuple[tuple[str, str], Memory]:
    points = tuple(float(each) for each in row[4:])
    return (row[0], row[1]), Memory(int(float(row[2])), float(row[3]), points)
