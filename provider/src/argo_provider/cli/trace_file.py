"""A day of invocations in the shape of the Azure Functions data set of 2019: CSV with a column a minute. Pure."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

MINUTES = 1440
INVOCATIONS, DURATIONS, MEMORY = (
    "invocations_per_function_md",
    "function_durations_percentiles",
    "app_memory_percentiles",
)
_APP = ("HashOwner", "HashApp")
_FUNCTION = (*_APP, "HashFunction")
T = TypeVar("T")


class TraceError(Exception):
    """The file is not what such a file is; the message names file, line and column."""


@dataclass(frozen=True, slots=True)
class Function:
    """`counts`: minute of the day (from 1) to calls, where there are any; `ms` and `mb` are None where not known."""

    name: str
    trigger: str
    counts: Mapping[int, int]
    ms: float | None = None
    mb: float | None = None

    @property
    def calls(self) -> int:
        return sum(self.counts.values())


def read(path: Path) -> list[Function]:
    """The functions that are called at all. Files of durations and memory are taken in where they lie beside it."""
    durations = _beside(path, DURATIONS, (*_FUNCTION, "Average"), lambda row: (tuple(row[:3]), float(row[3])))
    memory = _beside(path, MEMORY, (*_APP, "AverageAllocatedMb"), lambda row: (tuple(row[:2]), float(row[2])))
    columns = (*_FUNCTION, "Trigger", *(str(minute) for minute in range(1, MINUTES + 1)))
    found = []
    for key, trigger, counts in _rows(path, columns, _counted):
        if counts:
            found.append(Function("/".join(key), trigger, counts, durations.get(key), memory.get(key[:2])))
    return found


def _counted(row: Sequence[str]) -> tuple[tuple[str, ...], str, dict[int, int]]:
    counts = {minute: int(float(count)) for minute, count in enumerate(row[4:], 1) if count not in {"0", ""}}
    if any(count < 0 for count in counts.values()):
        raise ValueError("a count is below 0")
    return tuple(row[:3]), row[3], counts


def _beside(
    path: Path, kind: str, columns: Sequence[str], parse: Callable[[Sequence[str]], tuple[tuple[str, ...], float]]
) -> dict[tuple[str, ...], float]:
    other = path.with_name(path.name.replace(INVOCATIONS, kind))
    if other == path or not other.exists():
        return {}
    return dict(_rows(other, columns, parse))


def _rows(path: Path, columns: Sequence[str], parse: Callable[[Sequence[str]], T]) -> Iterator[T]:
    """The rows, their columns in our order, whatever order and more columns the file has."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = {column: index for index, column in enumerate(next(reader, []))}
            missing = [column for column in columns if column not in header]
            if missing:
                raise TraceError(f"{path}: the column {missing[0]} is missing ({len(missing)} are)")
            order = [header[column] for column in columns]
            for row in reader:
                try:
                    yield parse([row[index] for index in order])
                except (ValueError, IndexError) as error:
                    raise TraceError(f"{path}, line {reader.line_num}: {error}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"cannot read {path}: {error}") from error
